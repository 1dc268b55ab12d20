"""Data for charts of meter readings, and the pages of a session's readings."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import Q
from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from chargers.models import ChargingStation
from chargers.vocabulary import Phase
from cpms.common.text.typed import whole_number
from cpms.common.web import charts
from cpms.common.web.pages import DetailPage
from sessions.ledger.models import ChargingSession, Flag
from sessions.ledger.services.settling import charged_by_time
from sessions.samples import panels
from sessions.samples.models import MeterReading
from sessions.samples.services.points import Point, points_of

DAY = timedelta(days=1)
MAX_SESSION = timedelta(days=7)
COLOURS = ["--power", "--charge", "--st-preparing", "--st-suspended"]
PHASE_COLOURS = {Phase.L1.value: "--l1", Phase.L2.value: "--l2", Phase.L3.value: "--l3"}


class SessionReadingsView(DetailPage):
    """Return one page of the meter readings of a session."""

    model = ChargingSession
    template_name = "panels.html"
    context_object_name = "session"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        number = whole_number(self.request.GET.get("page", "1"), max_digits=8) or 1
        return super().get_context_data(panels=[panels.readings(self.object, number)], **kwargs)


@login_required
@require_safe
def station_power(request: HttpRequest, pk: int) -> JsonResponse:
    """Return the power in the last 24 hours, with one line per connector."""
    station = get_object_or_404(ChargingStation.objects.reachable_by(request.user), pk=pk)
    end = timezone.now()
    start = end - DAY
    visible = ChargingSession.objects.reachable_by(request.user)
    recent = visible.filter(station=station, started_at__gt=start - MAX_SESSION).filter(
        Q(stopped_at__isnull=True) | Q(stopped_at__gt=start)
    )
    readings = list(
        MeterReading.objects.filter(session__in=list(recent.values_list("pk", flat=True)), at__gt=start)
        .order_by("at")
        .values_list("connector_number", "session_id", "at", "power_w")
    )
    series = []
    for index, number in enumerate(sorted({number for number, *_rest in readings})):
        points = charts.lines_of_sessions(
            (session, at, _to_kilo(power)) for connector, session, at, power in readings if connector == number
        )
        name = _("Connector %(number)d") % {"number": number}
        series.append(charts.Series(name, "kW", 1, COLOURS[index % len(COLOURS)], points, is_filled=index == 0))
    data = charts.over_time(series, start, end, ["kW"], _("No power was measured in the last 24 hours."))
    newest = charts.thinned(readings)[::-1]
    data["table"] = charts.table(
        [_("Time"), _("Connector"), f"{_('Power')} (kW)"],
        ([charts.clock(at), n, charts.shown(_to_kilo(power), 1)] for n, _session, at, power in newest),
    )
    return JsonResponse(data)


@login_required
@require_safe
def session_chart(request: HttpRequest, pk: int) -> JsonResponse:
    """Return power and energy of a session over time, its currents and its state of charge."""
    session = get_object_or_404(ChargingSession.objects.reachable_by(request.user), pk=pk)
    points = list(charts.thinned(points_of(session)))
    end = session.stopped_at or timezone.now()
    times = [point.at for point in points]
    first, last = min([session.started_at, *times[:1]]), max([end, *times[-1:]])
    energy = _charged_kwh(session, points)
    empty = _("The station has not sent any meter values for this session yet.")
    views = {
        "": charts.over_time(_power_series(energy, points), first, last, ["kW", "kWh"], empty),
        "current": charts.over_time(_current_series(points), first, last, ["A"], _("No current was measured.")),
        "charge": charts.over_time(_charge_series(points), first, last, ["%"], _("No state of charge was reported.")),
    }
    views["charge"]["most"] = 100
    return JsonResponse({"views": views, "table": _chart_table(energy, points)})


def _line(points: Sequence[Point], values: Sequence[float | None]) -> list[tuple[int, float | None]]:
    return charts.with_gaps(zip([point.at for point in points], values, strict=True))


def _to_kilo(value: float | None) -> float | None:
    return None if value is None else value / 1000


def _charged_kwh(session: ChargingSession, points: Sequence[Point]) -> list[float | None]:
    """Return the energy charged until each point, in kWh; None where it is unknown."""
    if Flag.METER_RESET in session.flags:
        charged = charged_by_time(session)
        return [_to_kilo(charged.get(point.at)) for point in points]
    start = session.meter_start_wh
    if start is None:
        return [None] * len(points)
    return [None if point.energy_wh is None else max(0, point.energy_wh - start) / 1000 for point in points]


def _power_series(energy: Sequence[float | None], points: Sequence[Point]) -> list[charts.Series]:
    power = [_to_kilo(point.power_w) for point in points]
    offered = [_to_kilo(point.offered_w) for point in points]
    return [
        charts.Series(_("Power"), "kW", 1, "--power", _line(points, power), is_filled=True),
        charts.Series(_("Offered"), "kW", 1, "--offered", _line(points, offered), is_dotted=True, is_step=True),
        charts.Series(_("Energy"), "kWh", 2, "--energy", _line(points, energy), axis=1),
    ]


def _current_series(points: Sequence[Point]) -> list[charts.Series]:
    return [
        charts.Series(
            phase, "A", 1, colour, _line(points, [_to_kilo((point.current_ma or {}).get(phase)) for point in points])
        )
        for phase, colour in PHASE_COLOURS.items()
    ]


def _charge_series(points: Sequence[Point]) -> list[charts.Series]:
    charge = [None if point.state_of_charge is None else float(point.state_of_charge) for point in points]
    return [charts.Series(_("State of charge"), "%", 0, "--charge", _line(points, charge), is_filled=True)]


def _chart_table(energy: Sequence[float | None], points: Sequence[Point]) -> dict[str, Any]:
    head = [
        _("Time"),
        f"{_('Power')} (kW)",
        f"{_('Offered')} (kW)",
        f"{_('Energy')} (kWh)",
        "L1 (A)",
        "L2 (A)",
        "L3 (A)",
        "%",
    ]
    return charts.table(
        head,
        (
            [
                charts.clock(point.at),
                charts.shown(_to_kilo(point.power_w), 1),
                charts.shown(_to_kilo(point.offered_w), 1),
                charts.shown(charged, 2),
                *(charts.shown(_to_kilo((point.current_ma or {}).get(phase)), 1) for phase in PHASE_COLOURS),
                charts.shown(None if point.state_of_charge is None else float(point.state_of_charge), 0),
            ]
            for point, charged in zip(reversed(points), reversed(energy), strict=True)
        ),
    )
