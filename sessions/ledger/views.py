"""The list of sessions. The page of one session is in the portal, because it combines several apps."""

from __future__ import annotations

from sessions.ledger.panels import SessionList


class SessionListView(SessionList):
    template_name = "sessions/ledger/session_list.html"
