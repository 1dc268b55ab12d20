"""The list of sessions; the page of one session is arranged in the portal."""

from __future__ import annotations

from sessions.ledger.panels import SessionList


class SessionListView(SessionList):
    template_name = "sessions/ledger/session_list.html"
