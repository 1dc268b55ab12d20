"""Panels with meter readings: running sessions of a station, and the figures and charts of a session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.paginator import Paginator
from django.db.models import OuterRef, Subquery

from accounts.models import User
from chargers.models import Connector
from chargers.vocabulary import Measurand, Phase
from cpms.common.web.panels import Panel
from sessions.ledger.labels import not_billed_reason
from sessions.ledger.models import ChargingSession
from sessions.ledger.services.charging import charging_of, is_fresh
from sessions.ledger.services.running import clear_stale_power
from sessions.ledger.services.settling import resets_of
from sessions.samples.models import MeterReading
from sessions.samples.services.meter import is_understood
from sessions.samples.services.points import Point

READINGS_PER_PAGE = 20
PHASES = (Phase.L1.value, Phase.L2.value, Phase.L3.value)


def running_sessions(station: Any, connectors: Sequence[Connector], user: User) -> dict[int, Any]:
    """Return the running sessions of a station that the user may see, by connector number.

    Each is annotated with its latest `currents` (mA by phase) and `offered` power (W).
    """
    readings = MeterReading.objects.filter(session=OuterRef("pk")).order_by("-at")
    running = (
        ChargingSession.objects.reachable_by(user)
        .open()
        .filter(station=station)
        .select_related("tag")
        .annotate(
            currents=Subquery(readings.values("current_ma")[:1]), offered=Subquery(readings.values("offered_w")[:1])
        )
        .order_by("started_at")
    )
    by_number: dict[int, Any] = {session.connector_number: session for session in running}
    for connector in connectors:
        if connector.number in by_number:
            clear_stale_power(by_number[connector.number], connector.status)
    return by_number


def running_session(session: Any) -> Panel:
    """Return the figures of a running session, for the box of its connector.

    Args:
        session: one of `running_sessions`.
    """
    milliamperes = sorted((session.currents or {}).items())
    currents = [(phase, value / 1000) for phase, value in milliamperes if value is not None]
    return Panel("sessions/samples/panels/running_session.html", {"session": session, "currents": currents})


def power_chart(station: Any) -> Panel:
    """Return the chart of the power in the last 24 hours, with one line per connector."""
    return Panel("sessions/samples/panels/power_chart.html", {"station": station})


def session_chart(session: ChargingSession, points: Sequence[Point]) -> Panel:
    """Return the chart of a session: power and energy over time, and current and state of charge if measured."""
    context = {
        "session": session,
        "has_current": any(point.current_ma for point in points),
        "has_charge": any(point.state_of_charge is not None for point in points),
    }
    return Panel("sessions/samples/panels/session_chart.html", context)


def figures(session: ChargingSession, points: Sequence[Point]) -> Panel:
    """Return the figures of a session, and why it needs review or is not billed."""
    charging = charging_of(points)
    context = {
        "session": session,
        "is_fresh": is_fresh(session),
        "charging_time": charging.time if charging else None,
        "average_w": charging.average_w(session.max_power_w) if charging else None,
        "not_billed_reason": not_billed_reason(session),
        "resets": resets_of(session),
    }
    return Panel("sessions/samples/panels/figures.html", context, is_live=True)


def readings(session: ChargingSession, number: int) -> Panel:
    """Return one page of the meter readings of a session."""
    rows = MeterReading.objects.filter(session=session).order_by("-at")
    page = Paginator(rows, READINGS_PER_PAGE).get_page(number)
    shown = [{"row": row, "others": _other_values(row.values), **_currents_in_a(row)} for row in page]
    return Panel("sessions/samples/panels/readings.html", {"session": session, "page": page, "readings": shown})


def _currents_in_a(row: MeterReading) -> dict[str, float | None]:
    currents = row.current_ma or {}
    return {phase: currents[phase] / 1000 if currents.get(phase) is not None else None for phase in PHASES}


def _other_values(values: Any) -> str:
    """Return the sampled values that have no column or could not be interpreted, as the station sent them."""
    texts = []
    for value in values if isinstance(values, list) else []:
        if not is_understood(value):
            name = value.get("measurand") or Measurand.ENERGY_REGISTER
            parts = [name, value.get("phase"), value.get("value"), value.get("unit")]
            texts.append(" ".join(str(part) for part in parts if part))
    return " · ".join(texts)
