"""What new readings make of their session: its energy, its power, its last reading."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import orjson
from django.db.models import QuerySet

from cpms.common.database.batches import update_rows
from cpms.common.database.prepared import Prepared, among
from sessions.ledger.models import ChargingSession, Flag
from sessions.ledger.services.clocks import LATE
from sessions.ledger.services.registers import LEAP_WH, Point, is_impossible
from sessions.ledger.services.review import attach_ratings, judge, most_power_of, rating_of, review_overlap
from sessions.ledger.services.settling import GUESSED, derived_power, is_plain, longest_gap, note_gap, settle
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

News = Sequence[tuple[datetime, Reading]]  # of one session, oldest first


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


def sum_up(batch: Batch) -> set[int]:
    """Fold the new readings into their sessions."""
    by_session: dict[int, list[tuple[datetime, Reading]]] = {}
    for (owner, at), reading in batch.readings.items():
        if owner[0] is not None and reading.fresh:
            by_session.setdefault(owner[0], []).append((at, reading))
    rows = []
    # Locked as late as possible, and read again: a start or an end may have been booked meanwhile.
    sessions = _locked(ids=by_session)
    attach_ratings(sessions)
    for session in sessions:
        _fold(session, sorted(by_session[session.pk], key=lambda pair: pair[0]))
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


def _fold(session: ChargingSession, news: News) -> None:
    session.sample_count += sum(reading.fresh for _at, reading in news)
    if session.closed_by == ClosedBy.STATION:
        if session.start_received_at is None:  # it begins with its first reading
            settle(session)
            judge(session)
        return  # `check_energy` settles it with all its readings
    until = session.stopped_at
    if not (is_plain(session) and all(_take(session, at, reading) for at, reading in news)):
        arrivals = {at: reading.received_at for at, reading in news}
        if not settle(session, arrivals):
            _add_on(session, news)
    if session.closed_by in GUESSED and session.stopped_at is not None:
        session.meter_stop_wh = session.last_register_wh
        session.stopped_at = max(filter(None, [session.stopped_at, session.last_sample_at]))
    if session.stopped_at != until:
        review_overlap(session)
    else:
        judge(session)


def _take(session: ChargingSession, at: datetime, reading: Reading) -> bool:
    """Add one reading. False where it does not simply go on from the one before; then all of them are settled."""
    figures, before_at = reading.figures, session.last_sample_at
    power, is_newest = figures.power_w, before_at is None or at >= before_at
    if not is_newest and before_at is not None and reading.received_at is not None and figures.energy_wh is None:
        is_newest = reading.received_at - before_at > LATE  # nothing newer comes: the station's clock was set back
    if (register := figures.energy_wh) is not None:
        before = session.last_register_wh if session.last_register_wh is not None else session.meter_start_wh
        if not is_newest or before is None or register < before:
            return False
        since = Point(before_at or session.started_at, before)
        if register - before > LEAP_WH and is_impossible(since, Point(at, register), rating_of(session)):
            return False
        if power is None and before_at is not None and at - before_at <= longest_gap(session):
            power = derived_power(since, Point(at, register))
        session.energy_wh += register - before
        session.last_register_wh = register
    if power is not None and power > (session.max_power_w or 0) and power > most_power_of(session):
        power = None
    if power is not None:
        session.max_power_w = max(power, session.max_power_w or 0)
    if is_newest:
        _set_newest(session, at, reading, power)
    return True


def _set_newest(session: ChargingSession, at: datetime, reading: Reading, power: int | None) -> None:
    before, arrived = session.last_sample_at, reading.received_at
    if before is not None:
        note_gap(session, at - before)
    session.last_sample_at = at if arrived is None else min(at, arrived)
    if before is not None and arrived is not None and at < before:
        session.last_sample_at = arrived
    if session.is_open and power is not None:
        session.power_w = power
    if reading.figures.state_of_charge is not None:
        session.state_of_charge = reading.figures.state_of_charge


def _add_on(session: ChargingSession, news: News) -> None:
    """One by one, where there are too many readings to look through: what rises is added. Where the meter fell, nothing
    is until it is back at its level or the session is over: nobody must pay for a short fall to zero."""
    for at, reading in news:
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
        _set_newest(session, at, reading, reading.figures.power_w)


def check_energy(session_ids: Iterable[int]) -> None:
    """Settle finished sessions with all their readings: those that came with the end, or after it, count too."""
    sessions = _closed(ids=set(session_ids))
    attach_ratings(sessions)
    for session in sessions:
        before, times = _session_columns(session), (session.started_at, session.stopped_at, session.connector_number)
        if not settle(session):
            continue
        if times != (session.started_at, session.stopped_at, session.connector_number):
            review_overlap(session)
        else:
            judge(session)
        if before != _session_columns(session):
            session.save(update_fields=list(SESSION_COLUMNS))
