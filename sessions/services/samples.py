"""Readings of meters: stored once whatever is repeated, and summed up on their session (B3).

Only the drain of the inbox calls this, one worker per station at a time; a reading that comes in late finds its
session by transaction id, or by connector and time, and still counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

import orjson
from django.db.models import Q, QuerySet

from cpms.common.database import insert_new_rows, update_rows
from cpms.common.prepared import Prepared, among
from sessions.models import ChargingSession, Flag, MeterReading
from sessions.services.ledger import CENTRAL, LONGEST
from sessions.services.meter import LIMIT, Figures, Value, read_figures

ClosedBy = ChargingSession.ClosedBy
TOLERANCE_WH = 50
TRACKS_POWER_FOR = timedelta(hours=1)
LAST_READING = timedelta(minutes=1)  # may be that much later than the end it belongs to
MOST_ADOPTED = 30_000  # readings of three days, one every ten seconds

Owner = tuple[int | None, int, int]  # session id, station id, connector number

READING_COLUMNS = {
    "session_id": "bigint",
    "station_id": "bigint",
    "connector_number": "int",
    "at": "timestamptz",
    "values": "jsonb",
    "energy_wh": "bigint",
    "power_w": "int",
    "offered_w": "int",
    "current_ma": "jsonb",
    "state_of_charge": "numeric",
    "reported_transaction_id": "bigint",
}
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


@dataclass(frozen=True, slots=True)
class Sampled:
    """The values a station sampled at one instant on one connector.

    Attributes:
        transaction_id: as the station said it; None where it said none.
        values: each as it was sent: value, and where given measurand, unit, phase, context, location, format.
    """

    station_id: int
    connector: int
    transaction_id: int | None
    at: datetime
    values: Sequence[Value]
    received_at: datetime | None = None


@dataclass(slots=True)
class _Reading:
    values: list[Value]
    figures: Figures
    fresh: int = 0  # how many of the values were not known before
    unknown_id: int | None = None  # the transaction id it named where that is no session of ours


@dataclass(frozen=True, slots=True)
class _Candidate:
    """What must be known of a session to give it its readings."""

    pk: int
    station_id: int
    connector_number: int
    started_at: datetime
    stopped_at: datetime | None
    reported_transaction_id: int | None


CANDIDATE_FIELDS = ("pk", "station_id", "connector_number", "started_at", "stopped_at", "reported_transaction_id")


# Candidates are read without a lock: a start or an end must not wait until a whole batch of readings is stored.


@Prepared
def _with_ids(ids: Any, stations: Any) -> Any:
    rows = ChargingSession.objects.filter(among("id", ids), among("station_id", stations))
    return rows.order_by().values_list(*CANDIDATE_FIELDS)


@Prepared
def _around(stations: Any, first: Any, last: Any) -> Any:
    is_then = Q(stopped_at__isnull=True) | Q(stopped_at__gte=first)
    rows = ChargingSession.objects.filter(is_then, among("station_id", stations), started_at__lte=last)
    return rows.order_by().values_list(*CANDIDATE_FIELDS)


@Prepared
def _reported(ids: Any, stations: Any) -> Any:
    rows = ChargingSession.objects.filter(
        among("reported_transaction_id", ids), among("station_id", stations), reported_transaction_id__isnull=False
    )
    return rows.order_by().values_list(*CANDIDATE_FIELDS)


@Prepared
def _locked(ids: Any) -> QuerySet[ChargingSession]:
    return ChargingSession.objects.select_for_update(no_key=True).filter(among("id", ids)).order_by("pk")


@Prepared
def _closed(ids: Any) -> QuerySet[ChargingSession]:
    rows = ChargingSession.objects.filter(among("id", ids), closed_by=ClosedBy.STATION)
    return rows.select_for_update(no_key=True).order_by("pk")


@dataclass(slots=True)
class _Batch:
    sessions: dict[int, _Candidate] = field(default_factory=dict)
    readings: dict[tuple[Owner, datetime], _Reading] = field(default_factory=dict)

    def take(self, found: Iterable[tuple[Any, ...]]) -> None:
        self.sessions.update({row[0]: _Candidate(*row) for row in found})


def record_samples(reports: Sequence[Sampled]) -> set[int]:
    """Store readings and bring their sessions up to date. The same readings again change nothing.

    Returns:
        primary keys of the sessions that changed.
    """
    batch = _Batch()
    _find_sessions(reports, batch)
    for report in reports:
        owner = _owner_of(report, batch)
        if owner[0] is not None:
            owner = (owner[0], report.station_id, batch.sessions[owner[0]].connector_number)
        known = batch.readings.get((owner, report.at))
        if known is None:
            reading = batch.readings[owner, report.at] = _Reading(_distinct(report.values), Figures())
            if owner[0] is None and report.transaction_id not in CENTRAL:
                reading.unknown_id = report.transaction_id
        else:
            known.values = _distinct([*known.values, *report.values])
    return _book(batch)


def _book(batch: _Batch) -> set[int]:
    for reading in batch.readings.values():
        reading.figures, reading.fresh = read_figures(reading.values), len(reading.values)
    _store(batch)
    return _sum_up(batch)


def adopt_readings(stopped: Iterable[tuple[int, int]]) -> set[int]:
    """Give sessions of which only the end was reported the readings that came before it and named the same id (B1).

    Args:
        stopped: station id and transaction id of ends that were reported.

    Returns:
        primary keys of the sessions that got any.
    """
    named = {(station_id, number) for station_id, number in stopped if number not in CENTRAL}
    if not named:
        return set()
    stations, ids = {station_id for station_id, _number in named}, {number for _station, number in named}
    ends: dict[tuple[int, int | None], list[_Candidate]] = defaultdict(list)
    for row in _reported(ids=ids, stations=stations):
        session = _Candidate(*row)
        ends[session.station_id, session.reported_transaction_id].append(session)
    if not ends:
        return set()
    loose = MeterReading.objects.filter(
        session__isnull=True, reported_transaction_id__in=ids, station_id__in=stations
    ).order_by("-at", "-pk")
    theirs: dict[_Candidate, list[MeterReading]] = defaultdict(list)
    for reading in loose[:MOST_ADOPTED]:
        end = _first_end(ends[reading.station_id, reading.reported_transaction_id], reading.at)
        if end is not None:
            theirs[end].append(reading)
    batch = _Batch()
    for session, readings in theirs.items():
        _adopt(session, readings, batch)
    return _book(batch) if theirs else set()


def _adopt(session: _Candidate, readings: Sequence[MeterReading], batch: _Batch) -> None:
    """They are stored anew as the session's, which may know some of these instants already."""
    connectors = {reading.connector_number for reading in readings}
    number = session.connector_number or (connectors.pop() if len(connectors) == 1 else 0)
    if number != session.connector_number:  # an end does not say where it was
        ChargingSession.objects.filter(pk=session.pk, connector_number=0).update(connector_number=number)
    owner = (session.pk, session.station_id, number)
    for reading in readings:
        known = batch.readings.get((owner, reading.at))
        values = [*known.values, *reading.values] if known else reading.values
        batch.readings[owner, reading.at] = _Reading(_distinct(values), Figures())
    MeterReading.objects.filter(pk__in=[reading.pk for reading in readings]).delete()


def _json(value: object) -> str:
    return orjson.dumps(value).decode()


def _distinct(values: Iterable[Value]) -> list[Value]:
    """Natural key of a sampled value at one instant: all it says."""
    return list({tuple(sorted(value.items())): value for value in values}.values())


def _find_sessions(reports: Sequence[Sampled], batch: _Batch) -> None:
    ids = {r.transaction_id for r in reports if r.transaction_id is not None}
    stations = {r.station_id for r in reports}
    if ids:
        batch.take(_with_ids(ids=ids, stations=stations))
    loose = [r for r in reports if not _is_named(r, batch)]
    if loose:
        first, last = min(r.at for r in loose), max(r.at for r in loose)
        batch.take(_around(stations={r.station_id for r in loose}, first=first, last=last))
    reported = {r.transaction_id for r in loose if r.transaction_id is not None}
    if reported:
        batch.take(_reported(ids=reported, stations=stations))


def _is_named(report: Sampled, batch: _Batch) -> bool:
    session = batch.sessions.get(report.transaction_id) if report.transaction_id is not None else None
    return session is not None and session.station_id == report.station_id


def _owner_of(report: Sampled, batch: _Batch) -> Owner:
    """The session by its id; without one (or with 0, -1) by connector and time. An unknown id touches no session."""
    nobody: Owner = (None, report.station_id, report.connector)
    if _is_named(report, batch):
        return (report.transaction_id, report.station_id, report.connector)
    candidates = [s for s in batch.sessions.values() if s.station_id == report.station_id]
    if report.transaction_id is not None and report.transaction_id not in CENTRAL:
        named = _first_end([s for s in candidates if s.reported_transaction_id == report.transaction_id], report.at)
        return (named.pk, report.station_id, report.connector) if named is not None else nobody
    if report.connector == 0 and report.transaction_id is not None:
        return (_ended_without_id(report, candidates), report.station_id, report.connector)
    during = [
        s
        for s in candidates
        if s.connector_number == report.connector
        and s.started_at <= report.at
        and (s.stopped_at is None or report.at <= s.stopped_at)
    ]
    return (during[0].pk, report.station_id, report.connector) if len(during) == 1 else nobody


def _first_end(ends: Sequence[_Candidate], at: datetime) -> _Candidate | None:
    """A station may use a number again: what it read belongs to the first end with that number after it."""
    fitting = [
        (end.stopped_at, end.pk, end)
        for end in ends
        if end.stopped_at is not None and end.stopped_at - LONGEST <= at <= end.stopped_at + LAST_READING
    ]
    return min(fitting)[2] if fitting else None


def _ended_without_id(report: Sampled, candidates: Sequence[_Candidate]) -> int | None:
    """Values inside the report of an end belong to what it ended: the first end with that id after them."""
    ends = [
        (s.stopped_at, s.pk)
        for s in candidates
        if s.reported_transaction_id == report.transaction_id and s.stopped_at and report.at <= s.stopped_at
    ]
    return min(ends)[1] if ends else None


def _store(batch: _Batch) -> None:
    """Insert what is new; where the instant is known already, add the values it did not have."""
    rows = [
        (*owner, at, _json(reading.values), *_figure_columns(reading.figures), reading.unknown_id)
        for (owner, at), reading in batch.readings.items()
    ]
    fresh = insert_new_rows(
        "charging_sessions_meterreading",
        {f'"{name}"' if name in ("values", "at") else name: kind for name, kind in READING_COLUMNS.items()},
        rows,
        ["id"],
    )
    if len(fresh) == len(rows):
        return
    _merge_known(batch, {pk for (pk,) in fresh})


def _figure_columns(figures: Figures) -> tuple[object, ...]:
    return (
        figures.energy_wh,
        figures.power_w,
        figures.offered_w,
        _json(figures.current_ma) if figures.current_ma else None,
        figures.state_of_charge,
    )


def _merge_known(batch: _Batch, fresh: set[int]) -> None:
    """Repeated readings: count only values that were not stored before."""
    by_session = {(owner[0], at): r for (owner, at), r in batch.readings.items() if owner[0] is not None}
    by_connector = {(owner[1:], at): r for (owner, at), r in batch.readings.items() if owner[0] is None}
    times = {at for _owner, at in batch.readings}
    stored = MeterReading.objects.filter(at__in=times).filter(
        Q(session_id__in={key for key, _at in by_session})
        | Q(session__isnull=True, station_id__in={key[0] for key, _at in by_connector})
    )
    for row in stored:
        if row.pk in fresh:
            continue
        if row.session_id is not None:
            reading = by_session.get((row.session_id, row.at))
        else:
            reading = by_connector.get(((row.station_id, row.connector_number), row.at))
        if reading is None:
            continue
        merged = _distinct([*row.values, *reading.values])
        reading.fresh = len(merged) - len(row.values)
        reading.values, reading.figures = merged, read_figures(merged)
        if reading.fresh:
            figures = reading.figures
            row.values, row.energy_wh, row.power_w = merged, figures.energy_wh, figures.power_w
            row.offered_w, row.current_ma = figures.offered_w, figures.current_ma or None
            row.state_of_charge = figures.state_of_charge
            row.save()


def _sum_up(batch: _Batch) -> set[int]:
    """Fold the new readings into their sessions, oldest first."""
    by_session: dict[int, list[tuple[datetime, _Reading]]] = {}
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
        _json(session.flags),
        session.has_flags,
        session.meter_start_wh,
        session.started_at,
        session.meter_stop_wh,
        session.stopped_at,
    )


def _fold(session: ChargingSession, at: datetime, reading: _Reading) -> None:
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
