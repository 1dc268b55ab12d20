"""The list of energy outside sessions, and the data of the charts with totals of many sessions."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Count, Prefetch, Q, QuerySet, Sum
from django.http import JsonResponse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chargers.models import ChargingStation
from cpms.common.errors import DomainError
from cpms.common.web import charts, formatting
from cpms.common.web.pages import AuthenticatedRequest, ListPage
from cpms.common.web.tables import CappedPaginator
from sessions.insights.filtersets import GapFilterSet
from sessions.insights.services.counts import sessions_per_day
from sessions.insights.services.power_of_day import power_of_day
from sessions.insights.tables import GAP_CELLS, GapTable
from sessions.ledger.models import ChargingSession

MAX_PERIOD = 93  # days
EARLIEST_YEAR = 2000
GAP_COLUMNS = ("station", "connector_number", "started_at", "meter_start_wh")


class GapPaginator(CappedPaginator):
    """Compute the sums in the same query as the count, because the window over a month's sessions is slow."""

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
    """List the energy that a meter counted between two sessions of its connector."""

    model = ChargingSession
    table_class = GapTable
    filterset_class = GapFilterSet
    paginator_class = GapPaginator
    shows_total = False  # the total would need a second window over a month's sessions
    template_name = "sessions/insights/gap_list.html"
    export_name = "missing-energy"
    export_cells = GAP_CELLS

    def rows(self) -> QuerySet[Any]:
        """Load only the columns that are shown, because each passes through the window for every session."""
        rows: Any = super().rows()
        gaps: QuerySet[Any] = rows.only(*GAP_COLUMNS).with_gaps()
        return gaps.prefetch_related(Prefetch("station", ChargingStation.objects.only("identity", "name")))

    def page_context(self, context: dict[str, Any]) -> dict[str, Any]:
        start, end = context["filterset"].period
        return {**context["paginator"].sums, "start": start, "end": end}


def _parse_day(text: str | None, default: date) -> date:
    """Return the day that a text in ISO format names, or the default if it is empty.

    Raises:
        DomainError: the text is not a date, or the day is in the future or too long ago.
    """
    try:
        day = date.fromisoformat(text) if text else default
    except ValueError:
        raise DomainError(_("Enter a date as YYYY-MM-DD.")) from None
    if day > timezone.localdate():
        raise DomainError(_("Choose today or an earlier day."))
    if day.year < EARLIEST_YEAR:
        raise DomainError(_("Choose a day after the year %(year)d.") % {"year": EARLIEST_YEAR - 1})
    return day


def _error_response(error: DomainError) -> JsonResponse:
    """Return an error that static/js/charts.js shows beside the fields."""
    return JsonResponse({"error": str(error)}, status=400)


def _parse_period(first: str | None, last: str | None) -> tuple[date, date]:
    """Return the first and the last day of a period, by default of the last seven days.

    Raises:
        DomainError: a day is invalid, the end is before the start, or the period is too long for a chart.
    """
    end = _parse_day(last, timezone.localdate())
    start = _parse_day(first, end - timedelta(days=6))
    if start > end:
        raise DomainError(_("The end of the period is before its start."))
    if (end - start).days >= MAX_PERIOD:
        raise DomainError(_("Choose at most %(days)d days.") % {"days": MAX_PERIOD})
    return start, end


@login_required
@require_safe
def sessions_per_day_chart(request: AuthenticatedRequest) -> JsonResponse:
    """Return the number of sessions per day, for the last seven days unless a period is given."""
    user = request.user
    try:
        first, last = _parse_period(request.GET.get("from"), request.GET.get("to"))
    except DomainError as error:
        return _error_response(error)
    values = sessions_per_day(user, first, last)
    days = [charts.day_label(first + timedelta(days=n)) for n in range(len(values))]
    return JsonResponse(
        {
            "days": days,
            "values": values,
            "open": last == timezone.localdate(),
            "empty": "" if any(values) else _("No sessions started in this period."),
            "table": charts.table([_("Day"), _("Sessions")], zip(days, map(formatting.number, values), strict=True)),
        }
    )


@login_required
@require_safe
def power_of_day_chart(request: AuthenticatedRequest) -> JsonResponse:
    """Return the total charging power over one day."""
    user = request.user
    try:
        day = _parse_day(request.GET.get("day"), timezone.localdate())
    except DomainError as error:
        return _error_response(error)
    start, end = charts.day_bounds(day)
    rows = power_of_day(user, day)
    is_large = max((power for _at, power in rows), default=0) >= 1_000_000
    unit, divisor, places = ("MW", 1_000_000, 2) if is_large else ("kW", 1000, 1)
    points = charts.with_gaps(((at, power / divisor) for at, power in rows), timedelta(minutes=3))
    series = charts.Series(_("Power"), unit, places, "--power", points, is_filled=True)
    data = charts.over_time([series], start, end, [unit], _("No power was recorded on this day."))
    quarters = rows[::15]
    data["table"] = charts.table(
        [_("Time"), f"{_('Power')} ({unit})"],
        ([charts.clock(at)[:5], charts.shown(power / divisor, places)] for at, power in quarters),
    )
    return JsonResponse(data)
