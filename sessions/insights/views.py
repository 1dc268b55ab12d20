"""The list of sessions. A session's own page shows messages and commands as well and is composed in the portal."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Prefetch, Q, QuerySet, Sum
from django.utils.functional import cached_property

from chargers.models import ChargingStation
from cpms.common.web.pages import ListPage
from cpms.common.web.tables import CappedPaginator
from sessions.insights.filtersets import GapFilterSet
from sessions.insights.tables import GAP_CELLS, GapTable
from sessions.ledger.models import ChargingSession

GAP_COLUMNS = ("station", "connector_number", "started_at", "meter_start_wh")


class GapPaginator(CappedPaginator):
    """Sums up while it counts: the window over a month's sessions is made once less."""

    @cached_property
    def sums(self) -> dict[str, int]:
        missing, back = Q(gap_wh__gt=0), Q(gap_wh__lt=0)
        sums: dict[str, int] = self._queryset.order_by().aggregate(
            count=Count("pk"),
            missing_wh=Sum("gap_wh", filter=missing, default=0),
            back_wh=Sum("gap_wh", filter=back, default=0),
        )
        return sums | {"back_wh": -sums["back_wh"]}

    @cached_property
    def count(self) -> int:
        return self.sums["count"]


class GapListView(ListPage):
    """Energy that a meter counted between two sessions of its connector."""

    model = ChargingSession
    table_class = GapTable
    filterset_class = GapFilterSet
    paginator_class = GapPaginator
    shows_total = False  # it takes another window over a month's sessions
    template_name = "sessions/gap_list.html"
    export_name = "missing-energy"
    export_cells = GAP_CELLS

    def rows(self) -> QuerySet[Any]:
        """With the columns that are shown only: each is carried through the window for every session of the period."""
        rows: Any = super().rows()
        found: QuerySet[Any] = rows.only(*GAP_COLUMNS).with_gaps()
        return found.prefetch_related(Prefetch("station", ChargingStation.objects.only("identity", "name")))

    def page_context(self, context: dict[str, Any]) -> dict[str, Any]:
        start, end = context["filterset"].period
        return {**context["paginator"].sums, "start": start, "end": end}
