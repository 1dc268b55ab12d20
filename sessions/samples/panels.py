"""What pages show of meter readings: what charges at a connector now, and the figures and curves of a session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.paginator import Paginator
from django.db.models import OuterRef, Subquery

from accounts.models import User
from chargers.models import Connector
from chargers.vocabulary import Measurand, Phase
from cpms.common.web.panels import Panel
from sessions.ledger.labels import why_not_billed
from sessions.ledger.models import ChargingSession
from sessions.ledger.services.charging import charging_of, is_fresh
from sessions.ledger.services.running import forget_stale_power
from sessions.ledger.services.settling import resets_of
from sessions.samples.models import MeterReading
from sessions.samples.services.meter import is_understood
from sessions.samples.services.points import Point

READINGS_PER_PAGE = 20
PHASES = (Phase.L1.value, Phase.L2.value, Phase.L3.value)


def running_sessions(station: Any, connectors: Sequence[Connector], user: User) -> dict[int, Any]:
    """Return the sessions that run at a station and that the person may see, by the number of their connector."""
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
            forget_stale_power(by_number[connector.number], connector.status)
    return by_number


def running_session(session: Any) -> Panel:
    """What charges at a connector. The session is one of `running_sessions`."""
    milliamperes = sorted((session.currents or {}).items())
    currents = [(phase, value / 1000) for phase, value in milliamperes if value is not None]
    return Panel("sessions/samples/panels/running_session.html", {"session": session, "currents": currents})


def power_chart(station: Any) -> Panel:
    """The measured power of the last 24 hours, a line per connector."""
    return Panel("sessions/samples/panels/power_chart.html", {"station": station})


def session_chart(session: ChargingSession, points: Sequence[Point]) -> Panel:
    """Power and energy of a session over time, and what else was measured."""
    context = {
        "session": session,
        "has_current": any(point.current_ma for point in points),
        "has_charge": any(point.state_of_charge is not None for point in points),
    }
    return Panel("sessions/samples/panels/session_chart.html", context)


def figures(session: ChargingSession, points: Sequence[Point]) -> Panel:
    """The figures of a session, and why it needs a look or is not billed."""
    charging = charging_of(points)
    context = {
        "session": session,
        "is_fresh": is_fresh(session),
        "charging_time": charging.time if charging else None,
        "average_w": charging.average_w(session.max_power_w) if charging else None,
        "why_not_billed": why_not_billed(session),
        "resets": resets_of(session),
    }
    return Panel("sessions/samples/panels/figures.html", context, is_live=True)


def readings(session: ChargingSession, number: int) -> Panel:
    """One page of what the meter read in a session."""
    rows = MeterReading.objects.filter(session=session).order_by("-at")
    page = Paginator(rows, READINGS_PER_PAGE).get_page(number)
    shown = [{"row": row, "others": _other_values(row.values), **_amperes(row)} for row in page]
    return Panel("sessions/samples/panels/readings.html", {"session": session, "page": page, "readings": shown})


def _amperes(row: MeterReading) -> dict[str, float | None]:
    currents = row.current_ma or {}
    return {phase: currents[phase] / 1000 if currents.get(phase) is not None else None for phase in PHASES}


def _other_values(values: Any) -> str:
    """What was sampled besides what has a column, and what could not be understood, as the station sent it."""
    texts = []
    for value in values if isinstance(values, list) else []:
        if not is_understood(value):
            name = value.get("measurand") or Measurand.ENERGY_REGISTER
            parts = [name, value.get("phase"), value.get("value"), value.get("unit")]
            texts.append(" ".join(str(part) for part in parts if part))
    return " · ".join(texts)
