"""What readings make of their session: its energy, its power, its last reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import orjson
from django.db.models import QuerySet

from cpms.common.database import update_rows
from cpms.common.prepared import Prepared, among
from sessions.models import ChargingSession, Flag
from sessions.services.matching import Batch, Reading
from sessions.services.meter import LIMIT

ClosedBy = ChargingSession.ClosedBy
TOLERANCE_WH = 50
TRACKS_POWER_FOR = timedelta(hours=1)

SESSION_COLUMNS = {
    "energy_wh": "bigint",
    "last_register_wh": "bigint",
    "last_sample_at": "timestamptz",
    "power_w": "int",
    "max_power_w": "int",
    "state_of_charge": "numeric",
    "sample_count": "int",
    "flags": "jsonb",
    "has_flags": "boolean",
    "meter_start_wh": "bigint",
    "started_at": "timestamptz",
    "meter_stop_wh": "bigint",
    "stopped_at": "timestamptz",
}


@Prepared
def _locked(ids: Any) -> QuerySet[ChargingSession]:
    return ChargingSession.objects.select_for_update(no_key=True).filter(among("id", ids)).order_by("pk")


@Prepared
def _closed(ids: Any) -> QuerySet[ChargingSession]:
    rows = ChargingSession.objects.filter(among("id", ids), closed_by=ClosedBy.STATION)
    return rows.select_for_update(no_key=True).order_by("pk")


def json_text(value: object) -> str:
    return orjson.dumps(value).decode()


def sum_up(batch: Batch) -> set[int]:
    """Fold the new readings into their sessions, oldest first."""
    by_session: dict[int, list[tuple[datetime, Reading]]] = {}
    for (owner, at), reading in batch.readings.items():
        if owner[0] is not None and reading.fresh:
            by_session.setdefault(owner[0], []).append((at, reading))
    rows = []
    # Locked as late as possible, and read again: a start or an end may have been booked meanwhile.
    for session in _locked(ids=by_session):
        for at, reading in sorted(by_session[session.pk], key=lambda pair: pair[0]):
            _fold(session, at, reading)
        rows.append((session.pk, *_session_columns(session)))
    update_rows("charging_sessions_chargingsession", SESSION_COLUMNS, rows)
    return set(by_session)


def _session_columns(session: ChargingSession) -> tuple[object, ...]:
    return (
        session.energy_wh,
        session.last_register_wh,
        session.last_sample_at,
        session.power_w,
        session.max_power_w,
        session.state_of_charge,
        session.sample_count,
        json_text(session.flags),
        session.has_flags,
        session.meter_start_wh,
        session.started_at,
        session.meter_stop_wh,
        session.stopped_at,
    )


def _fold(session: ChargingSession, at: datetime, reading: Reading) -> None:
    figures = reading.figures
    session.sample_count += reading.fresh
    power = figures.power_w
    is_newest = session.last_sample_at is None or at >= session.last_sample_at
    if figures.energy_wh is not None:
        power = _take_register(session, at, figures.energy_wh, power, is_newest)
    if power is not None:
        session.max_power_w = max(power, session.max_power_w or 0)
    if is_newest:
        session.last_sample_at = at
        if session.is_open and power is not None:
            session.power_w = power
        if figures.state_of_charge is not None:
            session.state_of_charge = figures.state_of_charge


def _take_register(
    session: ChargingSession, at: datetime, register: int, power: int | None, is_newest: bool
) -> int | None:
    """Use a reading of the register; returns the power, worked out from the register where it was not measured."""
    if session.meter_start_wh is None or session.start_received_at is None:
        _begin_by_reading(session, at, register)
    if not is_newest:
        return power
    before, before_at = session.last_register_wh, session.last_sample_at
    if before is not None and register < before - TOLERANCE_WH:
        session.add_flag(Flag.METER_RESET)
    elif power is None and before is not None and before_at is not None:
        passed = at - before_at
        if timedelta(seconds=1) <= passed <= TRACKS_POWER_FOR:
            power = min(max(0, round((register - before) * 3600 / passed.total_seconds())), LIMIT)
    session.last_register_wh = register
    is_guessed = session.closed_by in (ClosedBy.SUPERSEDED, ClosedBy.RULE)
    if is_guessed and register >= (session.meter_stop_wh or 0):  # it lay in the inbox when the session was closed
        session.meter_stop_wh, session.stopped_at = register, max(at, session.stopped_at or at)
    if (session.is_open or is_guessed) and session.meter_start_wh is not None:
        session.energy_wh = max(session.energy_wh, register - session.meter_start_wh, 0)
    return power


def _begin_by_reading(session: ChargingSession, at: datetime, register: int) -> None:
    """A session of which only the end was reported begins with its first reading."""
    if session.meter_stop_wh is None or register > session.meter_stop_wh:
        return
    if session.meter_start_wh is None or at < session.started_at:
        session.meter_start_wh = register
        session.started_at = min(session.started_at, at)
        session.energy_wh = max(0, session.meter_stop_wh - register)


def check_energy(session_ids: Iterable[int]) -> None:
    """Compare the total of finished sessions with their readings; a meter that was reset is summed step by step."""
    for session in _closed(ids=set(session_ids)):
        if session.meter_start_wh is None or session.meter_stop_wh is None:
            continue
        registers = list(
            session.readings.filter(energy_wh__isnull=False).order_by("at").values_list("energy_wh", flat=True)
        )
        if session.meter_stop_wh < session.meter_start_wh:
            session.energy_wh = _positive_steps([session.meter_start_wh, *registers, session.meter_stop_wh])
            session.add_flag(Flag.METER_RESET)
        elif registers and (
            max(registers) > session.meter_stop_wh + TOLERANCE_WH
            or min(registers) < session.meter_start_wh - TOLERANCE_WH
        ):
            session.add_flag(Flag.ENERGY_MISMATCH)
        session.save(update_fields=["energy_wh", "flags", "has_flags"])


def _positive_steps(registers: Sequence[int]) -> int:
    return min(sum(max(0, later - earlier) for earlier, later in pairwise(registers)), 2**62)
