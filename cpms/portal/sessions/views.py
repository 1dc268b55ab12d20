"""The page of one session: its figures, its curve, what happened, and every value the meter read."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, NamedTuple

from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.access.rights import Can
from chargers.vocabulary import Measurand, Phase
from cpms.common.web.pages import DetailPage
from cpms.portal import charts
from cpms.portal.sessions.reported import matched_before, reported_ends, source_notes
from cpms.portal.sessions.trace import trace as what_happened
from operations.commands import labels as words
from operations.commands.services.authority import why_no_commands
from operations.commands.tables import said as command_said
from operations.models import Command
from sessions.ledger.labels import authorization_label, why_not_billed
from sessions.ledger.services.charging import charging_of
from sessions.ledger.services.settling import charged_by_time, resets_of
from sessions.ledger.services.unmatched import other_ends
from sessions.ledger.tables import is_fresh, said, session_number
from sessions.models import ChargingSession, Flag, MeterReading
from sessions.samples.services.meter import is_understood

MAX_READINGS = 20_000
READINGS_PER_PAGE = 20
AROUND = timedelta(days=1)
PHASE_COLOURS = {Phase.L1.value: "--l1", Phase.L2.value: "--l2", Phase.L3.value: "--l3"}


class Point(NamedTuple):
    at: datetime
    energy_wh: int | None
    power_w: int | None
    offered_w: int | None
    current_ma: dict[str, int] | None
    state_of_charge: Decimal | None


def points_of(session: ChargingSession) -> list[Point]:
    """Those of a clock that was wrong for a while are left out: they would stretch the curve over decades."""
    first, last = session.started_at - AROUND, (session.stopped_at or timezone.now()) + AROUND
    rows = MeterReading.objects.filter(session=session, at__range=(first, last)).order_by("at")
    return [Point(*row) for row in rows.values_list(*Point._fields)[:MAX_READINGS]]


class SessionDetailView(DetailPage):
    model = ChargingSession
    template_name = "sessions/session_detail.html"
    context_object_name = "session"

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().select_related("station", "tag", "tag__user", "team").defer("station__password")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        session: ChargingSession = self.object
        user: Any = self.request.user
        points = points_of(session)
        charging = charging_of(points)
        commands = list(Command.objects.filter(session=session).select_related("requested_by").order_by("id"))
        first, last = _window(session)
        others = other_ends(session)
        kwargs |= {
            "said": said(session),
            "number": session_number(session),
            "may_operate": user.access.may(Can.OPERATE, session.station) and not why_no_commands(user, session.station),
            "may_see_station": user.access.may(Can.SEE_STATIONS, session.station),
            "is_fresh": is_fresh(session),
            "charging_time": charging.time if charging else None,
            "average_w": charging.average_w(session.max_power_w) if charging else None,
            "has_current": any(point.current_ma for point in points),
            "has_charge": any(point.state_of_charge is not None for point in points),
            "authorization": authorization_label(session.authorization),
            "why_not_billed": why_not_billed(session),
            "resets": resets_of(session),
            "ends": reported_ends(session, others),
            "matched_before": matched_before(session),
            "sources": source_notes(session),
            "trace": what_happened(session, commands, first, last, others),
            "commands": [
                {"row": row, "said": command_said(row), "what": words.what(row), "outcome": words.outcome(row)}
                for row in commands
            ],
            "log_from": f"{timezone.localtime(first):%Y-%m-%dT%H:%M}",
            "log_to": f"{timezone.localtime(last) + timedelta(minutes=1):%Y-%m-%dT%H:%M}",
            "readings": readings_page(session, 1),
        }
        return super().get_context_data(**kwargs)


class SessionLiveView(SessionDetailView):
    """The parts of the page that change, each with its id."""

    template_name = "sessions/session_live.html"
    extra_context = {"is_live": True}


class SessionReadingsView(DetailPage):
    """One page of the meter's values."""

    model = ChargingSession
    template_name = "sessions/session_readings.html"
    context_object_name = "session"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        asked = self.request.GET.get("page", "1")
        page = int(asked) if asked.isdecimal() and len(asked) < 9 else 1
        return super().get_context_data(readings=readings_page(self.object, page), **kwargs)


def readings_page(session: ChargingSession, number: int) -> dict[str, Any]:
    rows = MeterReading.objects.filter(session=session).order_by("-at")
    page = Paginator(rows, READINGS_PER_PAGE).get_page(number)
    return {"page": page, "rows": [{"row": row, "others": _others(row.values), **_amperes(row)} for row in page]}


def _amperes(row: MeterReading) -> dict[str, float | None]:
    told = row.current_ma or {}
    return {phase: told[phase] / 1000 if told.get(phase) is not None else None for phase in PHASE_COLOURS}


def _others(values: Any) -> str:
    """What was sampled besides what has a column, and what could not be understood, in the station's words."""
    told = []
    for value in values if isinstance(values, list) else []:
        if not is_understood(value):
            name = value.get("measurand") or Measurand.ENERGY_REGISTER
            parts = [name, value.get("phase"), value.get("value"), value.get("unit")]
            told.append(" ".join(str(part) for part in parts if part))
    return " · ".join(told)


def _window(session: ChargingSession) -> tuple[datetime, datetime]:
    """When messages about this session went over the wire."""
    begins = min(filter(None, [session.start_received_at, session.started_at]))
    ends = session.stop_received_at or session.stopped_at or timezone.now()
    return begins - timedelta(minutes=10), max(ends, begins) + timedelta(minutes=5)


@login_required
@require_safe
def session_chart(request: HttpRequest, pk: int) -> JsonResponse:
    session = get_object_or_404(ChargingSession.objects.reachable_by(request.user), pk=pk)
    points = list(charts.thinned(points_of(session)))
    end = session.stopped_at or timezone.now()
    times = [point.at for point in points]
    first, last = min([session.started_at, *times[:1]]), max([end, *times[-1:]])
    energy = _charged(session, points)
    empty = _("The station has not sent any meter values for this session yet.")
    views = {
        "": charts.over_time(_power_series(energy, points), first, last, ["kW", "kWh"], empty),
        "current": charts.over_time(_current_series(points), first, last, ["A"], _("No current was measured.")),
        "charge": charts.over_time(_charge_series(points), first, last, ["%"], _("No state of charge was sent.")),
    }
    views["charge"]["most"] = 100
    return JsonResponse({"views": views, "table": _chart_table(energy, points)})


def _line(points: Sequence[Point], values: Sequence[float | None]) -> list[tuple[int, float | None]]:
    return charts.with_gaps(zip([point.at for point in points], values, strict=True))


def _kilo(value: float | None) -> float | None:
    return None if value is None else value / 1000


def _charged(session: ChargingSession, points: Sequence[Point]) -> list[float | None]:
    """The energy until each point, in kWh."""
    if Flag.METER_RESET in session.flags:
        charged = charged_by_time(session)
        return [_kilo(charged.get(point.at)) for point in points]
    start = session.meter_start_wh
    if start is None:
        return [None] * len(points)
    return [None if point.energy_wh is None else max(0, point.energy_wh - start) / 1000 for point in points]


def _power_series(energy: Sequence[float | None], points: Sequence[Point]) -> list[charts.Series]:
    power = [_kilo(point.power_w) for point in points]
    offered = [_kilo(point.offered_w) for point in points]
    return [
        charts.Series(_("Power"), "kW", 1, "--power", _line(points, power), is_filled=True),
        charts.Series(_("Offered"), "kW", 1, "--offered", _line(points, offered), is_dotted=True, is_step=True),
        charts.Series(_("Energy"), "kWh", 2, "--energy", _line(points, energy), axis=1),
    ]


def _current_series(points: Sequence[Point]) -> list[charts.Series]:
    return [
        charts.Series(
            phase, "A", 1, colour, _line(points, [_kilo((point.current_ma or {}).get(phase)) for point in points])
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
                charts.shown(_kilo(point.power_w), 1),
                charts.shown(_kilo(point.offered_w), 1),
                charts.shown(charged, 2),
                *(charts.shown(_kilo((point.current_ma or {}).get(phase)), 1) for phase in PHASE_COLOURS),
                charts.shown(None if point.state_of_charge is None else float(point.state_of_charge), 0),
            ]
            for point, charged in zip(reversed(points), reversed(energy), strict=True)
        ),
    )
