"""The list of sessions. A session's own page shows messages and commands as well and is arranged in the portal."""

from __future__ import annotations

from sessions.ledger.panels import SessionList


class SessionListView(SessionList):
    template_name = "sessions/session_list.html"
