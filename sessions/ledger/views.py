"""The list of sessions. A session's own page shows messages and commands as well and is composed in the portal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from cpms.common.web.pages import ListPage
from sessions.ledger.filtersets import SessionFilterSet
from sessions.ledger.models import ChargingSession
from sessions.ledger.tables import SESSION_CELLS, SessionTable


class SessionListView(ListPage):
    model = ChargingSession
    table_class = SessionTable
    filterset_class = SessionFilterSet
    template_name = "sessions/session_list.html"
    export_name = "sessions"
    export_cells = SESSION_CELLS
    is_newest_first = True
    slow_sort_columns: Sequence[str] = ("energy_wh", "max_power_w")

    def rows(self) -> QuerySet[Any]:
        return super().rows().select_related("station", "tag").defer("station__password")
