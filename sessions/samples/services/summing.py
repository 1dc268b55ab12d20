"""Update a session from its new readings: its energy, its power and its last reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson
from django.db.models import QuerySet

from cpms.common.database.batches import update_rows
from cpms.common.database.prepared import Prepared, among
from sessions.ledger.models import ChargingSession, Flag
from sessions.ledger.services.clocks import OFFLINE_DELAY
from sessions.ledger.services.registers import LEAP_WH, Point, is_impossible
from sessions.ledger.services.review import (
    attach_ratings,
    max_plausible_power_w,
    rating_of,
    review_overlap,
    update_billing,
)
from sessions.ledger.services.settling import (
    CLOSED_BY_US,
    derived_power,
    is_addable,
    max_power_gap,
    record_sample_interval,
    settle,
)
from sessions.samples.services.matching import Batch, Reading

ClosedBy = ChargingSession.ClosedBy
SESSION_COLUMNS = {
    "energy_wh": "bigint",
    "last_register_wh": "bigint",
    "last_sample_at": "timestamptz",
    "power_w": "int",
    "max_power_w": "int",
    "state_of_charge": "numeric",
    "sample_interval_seconds": "int",
    "sample_count": "int",
    "flags": "jsonb",
    "has_flags": "boolean",
    "is_billable": "boolean",
    "meter_start_wh": "bigint",
    "started_at": "timestamptz",
    "meter_stop_wh": "bigint",
    "stopped_at": "timestamptz",
}

NewReadings = Sequence[tuple[datetime, Reading]]  # of one session, oldest first


@Prepared
def _locked(ids: Any) -> QuerySet[ChargingSession]:
    rows = ChargingSession.objects.filter(among("id", ids))
    return rows.select_for_update(no_key=True).order_by("pk")


@Prepared
def _closed(ids: Any) -> QuerySet[ChargingSession]:
    rows = ChargingSession.objects.filter(among("id", ids), closed_by=ClosedBy.STATION)
    return rows.select_for_update(no_key=True).order_by("pk")


def json_text(value: object) -> str:
    return orjson.dumps(value).decode()


def update_sessions(batch: Batch) -> set[int]:
    """Add the new readings to their sessions. Returns the primary keys of these sessions."""
    by_session: dict[int, list[tuple[datetime, Reading]]] = {}
    for (owner, at), reading in batch.readings.items():
        if owner[0] is not None and reading.fresh:
            by_session.setdefault(owner[0], []).append((at, reading))
    rows = []
    # Locked as late as possible and read again: a start or an end may have been recorded in the meantime.
    sessions = _locked(ids=by_session)
    attach_ratings(sessions)
    for session in sessions:
        _add_readings(session, sorted(by_session[session.pk], key=lambda pair: pair[0]))
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
        session.sample_interval_seconds,
        session.sample_count,
        json_text(session.flags),
        session.has_flags,
        session.is_billable,
        session.meter_start_wh,
        session.started_at,
        session.meter_stop_wh,
        session.stopped_at,
    )


def _add_readings(session: ChargingSession, new_readings: NewReadings) -> None:
    session.sample_count += sum(reading.fresh for _at, reading in new_readings)
    if session.closed_by == ClosedBy.STATION:
        if session.start_received_at is None:  # only its end is known: it starts with its first reading
            settle(session)
            update_billing(session)
        return  # `settle_ended_sessions` settles it with all of its readings
    stopped_at_before = session.stopped_at
    if not (is_addable(session) and all(_add_in_order(session, at, reading) for at, reading in new_readings)):
        arrivals = {at: reading.received_at for at, reading in new_readings}
        if not settle(session, arrivals):
            _add_rises_only(session, new_readings)
    if session.closed_by in CLOSED_BY_US and session.stopped_at is not None:
        session.meter_stop_wh = session.last_register_wh
        session.stopped_at = max(filter(None, [session.stopped_at, session.last_sample_at]))
    if session.stopped_at != stopped_at_before:
        review_overlap(session)
    else:
        update_billing(session)


def _add_in_order(session: ChargingSession, at: datetime, reading: Reading) -> bool:
    """Add one reading to the figures. Returns False if it does not simply follow the last one; then settle the session.

    A reading is not simply added if it is older than the last one, its register is lower, or it is a leap.
    """
    figures, before_at = reading.figures, session.last_sample_at
    power, is_newest = figures.power_w, before_at is None or at >= before_at
    if not is_newest and before_at is not None and reading.received_at is not None and figures.energy_wh is None:
        # An old reading that arrives when nothing newer does: the station's clock was set back.
        is_newest = reading.received_at - before_at > OFFLINE_DELAY
    if (register := figures.energy_wh) is not None:
        before = session.last_register_wh if session.last_register_wh is not None else session.meter_start_wh
        if not is_newest or before is None or register < before:
            return False
        since = Point(before_at or session.started_at, before)
        if register - before > LEAP_WH and is_impossible(since, Point(at, register), rating_of(session)):
            return False
        if power is None and before_at is not None and at - before_at <= max_power_gap(session):
            power = derived_power(since, Point(at, register))
        session.energy_wh += register - before
        session.last_register_wh = register
    if power is not None and power > (session.max_power_w or 0) and power > max_plausible_power_w(session):
        power = None
    if power is not None:
        session.max_power_w = max(power, session.max_power_w or 0)
    if is_newest:
        _set_last_sample(session, at, reading, power)
    return True


def _set_last_sample(session: ChargingSession, at: datetime, reading: Reading, power: int | None) -> None:
    before, arrived = session.last_sample_at, reading.received_at
    if before is not None:
        record_sample_interval(session, at - before)
    session.last_sample_at = at if arrived is None else min(at, arrived)
    if before is not None and arrived is not None and at < before:
        session.last_sample_at = arrived
    if session.is_open and power is not None:
        session.power_w = power
    if reading.figures.state_of_charge is not None:
        session.state_of_charge = reading.figures.state_of_charge


def _add_rises_only(session: ChargingSession, new_readings: NewReadings) -> None:
    """Add readings one by one to a session that has too many of them to be settled while it is running.

    Only rises are added. After the meter fell, nothing is added until it is back at its level or the session ends, so
    that a glitch is not billed.
    """
    for at, reading in new_readings:
        register = reading.figures.energy_wh
        if register is None:
            continue
        before = session.last_register_wh if session.last_register_wh is not None else session.meter_start_wh
        if before is not None and register < before:
            if session.last_sample_at is None or at >= session.last_sample_at:
                session.add_flag(Flag.METER_RESET)
            continue
        session.energy_wh += register - (before if before is not None else register)
        session.last_register_wh = register
        _set_last_sample(session, at, reading, reading.figures.power_w)


def settle_ended_sessions(session_ids: Iterable[int]) -> None:
    """Settle sessions whose end was reported, with all of their readings: some arrive with the end or after it."""
    sessions = _closed(ids=set(session_ids))
    attach_ratings(sessions)
    for session in sessions:
        before, times = _session_columns(session), (session.started_at, session.stopped_at, session.connector_number)
        if not settle(session):
            continue
        if times != (session.started_at, session.stopped_at, session.connector_number):
            review_overlap(session)
        else:
            update_billing(session)
        if before != _session_columns(session):
            session.save(update_fields=list(SESSION_COLUMNS))
