"""Settle a session: work out its energy, power and meter values from all of its readings.

Most sessions never need this: readings that rise and arrive in order are added one by one (`samples.services.summing`).
A session is settled when its meter fell, a clock jumped, a report is missing or readings arrived late. The result does
not depend on the order in which the messages arrived.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import NamedTuple

from django.utils import timezone

from sessions.ledger.models import ChargingSession, Flag
from sessions.ledger.services.clocks import METER_START_FROM, METER_STOP_FROM, flag_sources, is_derived, set_flag
from sessions.ledger.services.registers import TOLERANCE_WH, Point, RegisterSummary, Reset, summarize_registers
from sessions.ledger.services.review import max_plausible_power_w, rating_of

ClosedBy = ChargingSession.ClosedBy
CLOSED_BY_US = (ClosedBy.SUPERSEDED, ClosedBy.RULE)  # the end was not reported: a report that arrives later replaces it
MAX_READINGS_WHILE_RUNNING = 10_000  # a running session with more readings is not settled with each new batch
MAX_READINGS_AT_END = 50_000
DEFAULT_GAP = timedelta(minutes=15)  # the longest gap to derive power over until the sampling interval is known
INTERVALS_PER_GAP, MIN_GAP, MIN_INTERVAL = 2.5, timedelta(seconds=10), timedelta(seconds=5)
MAX_INTERVAL = timedelta(days=1)  # a longer gap means that the station's clock was set
MAX_POWER_W = 2**31 - 1


class StoredReading(NamedTuple):
    """A stored meter reading: its primary key, time, register, power and state of charge."""

    pk: int
    at: datetime
    energy_wh: int | None
    power_w: int | None
    state_of_charge: Decimal | None


@dataclass(slots=True)
class _History:
    """The readings of a session, and what its registers add up to.

    Attributes:
        rows: ordered by time, or by arrival where `is_by_arrival`.
        points: the reported start, the registers of `rows` and the reported end, where known.
        is_by_arrival: whether the order of arrival is used, since the station's clock was set back.
        first_index: index of the first reading in `points`.
    """

    rows: list[StoredReading]
    points: list[Point]
    summary: RegisterSummary
    is_by_arrival: bool
    first_index: int


def is_addable(session: ChargingSession) -> bool:
    """Return whether new readings can be added to the session's figures without settling it.

    That is so while its start is fully reported and its registers have only risen.
    """
    return (
        session.start_received_at is not None
        and session.meter_start_wh is not None
        and session.meter_start_wh >= 0
        and Flag.METER_RESET not in session.flags
        and Flag.METER_MISSING not in session.flags
    )


def max_power_gap(session: ChargingSession) -> timedelta:
    """Return the longest gap between two readings over which power is derived from the registers."""
    if session.sample_interval_seconds is None:
        return DEFAULT_GAP
    return max(MIN_GAP, INTERVALS_PER_GAP * timedelta(seconds=session.sample_interval_seconds))


def record_sample_interval(session: ChargingSession, gap: timedelta) -> None:
    """Record the gap between two readings as the session's sampling interval if it is the shortest so far."""
    if not MIN_INTERVAL <= gap <= MAX_INTERVAL:
        return
    seconds, known = int(gap.total_seconds()), session.sample_interval_seconds
    session.sample_interval_seconds = seconds if known is None else min(known, seconds)


def derived_power(before: Point, after: Point) -> int | None:
    """Return the average power in W between two registers, or None if they are less than a second apart."""
    seconds = (after.at - before.at).total_seconds()
    return min(round((after.wh - before.wh) * 3600 / seconds), MAX_POWER_W) if seconds >= 1 else None


def settle(session: ChargingSession, arrivals: Mapping[datetime, datetime | None] | None = None) -> bool:
    """Work out the session's figures from all of its readings; the caller updates its billing flags and saves it.

    Args:
        arrivals: when the readings of the current batch arrived, by their time.

    Returns:
        False if there are too many readings; the session is then unchanged.
    """
    limit = MAX_READINGS_WHILE_RUNNING if session.closed_by != ClosedBy.STATION else MAX_READINGS_AT_END
    if session.sample_count > limit and session.readings.count() > limit:
        return False
    rows = [StoredReading(*row) for row in session.readings.order_by("at", "pk").values_list(*StoredReading._fields)]
    history = _build_history(session, rows)
    _set_meters(session, history)
    _set_energy(session, history)
    _set_power(session, history)
    _set_last_sample(session, history, arrivals or {})
    flag_sources(session)
    return True


def resets_of(session: ChargingSession) -> list[Reset]:
    """Return the meter resets within this session. The energy counted during each is unknown."""
    return _register_history(session).summary.resets if Flag.METER_RESET in session.flags else []


def charged_by_time(session: ChargingSession) -> dict[datetime, int]:
    """Return the energy in Wh charged until each reading that was used, for a session whose meter fell."""
    history = _register_history(session)
    reset = {each.after for each in history.summary.resets}
    charged, found = 0, {}
    before: Point | None = None
    for index in history.summary.used:
        point = history.points[index]
        if before is not None and point not in reset:
            charged += point.wh - before.wh
        found[point.at] = charged
        before = point
    return found


def _register_history(session: ChargingSession) -> _History:
    rows = session.readings.filter(energy_wh__isnull=False).order_by("at", "pk")
    return _build_history(
        session, [StoredReading(*row) for row in rows.values_list(*StoredReading._fields)[:MAX_READINGS_AT_END]]
    )


def _build_history(session: ChargingSession, rows: list[StoredReading]) -> _History:
    start = _reported_start(session)
    end = _reported_end(session)
    by_time = _points(start, rows, end)
    ordered, points, is_by_arrival = rows, by_time, False
    if _count_falls(by_time):
        arrived = sorted(rows, key=lambda row: row.pk)
        in_arrival = _points(start, arrived, end)
        if _count_falls(in_arrival) < _count_falls(by_time):  # fewer falls: the station's clock was set back
            ordered, points, is_by_arrival = arrived, in_arrival, True
    summary = summarize_registers(points, rated_w=rating_of(session), has_end=end is not None)
    return _History(ordered, points, summary, is_by_arrival, 1 if start is not None else 0)


def _reported_start(session: ChargingSession) -> Point | None:
    """Return time and register of the start, or None unless the station reported both."""
    if session.start_received_at is None or session.meter_start_wh is None or is_derived(session, METER_START_FROM):
        return None
    return Point(session.started_at, session.meter_start_wh)


def _reported_end(session: ChargingSession) -> Point | None:
    """Return time and register of the end, or None unless the station reported both."""
    is_reported = session.closed_by == ClosedBy.STATION and session.stopped_at is not None
    if not is_reported or session.meter_stop_wh is None or is_derived(session, METER_STOP_FROM):
        return None
    assert session.stopped_at is not None  # noqa: S101 - checked above
    return Point(session.stopped_at, session.meter_stop_wh)


def _points(start: Point | None, rows: Sequence[StoredReading], end: Point | None) -> list[Point]:
    read = [Point(row.at, row.energy_wh) for row in rows if row.energy_wh is not None]
    return [*([start] if start else []), *read, *([end] if end else [])]


def _count_falls(points: Sequence[Point]) -> int:
    return sum(later.wh < earlier.wh - TOLERANCE_WH for earlier, later in pairwise(points))


def _set_meters(session: ChargingSession, history: _History) -> None:
    """Take the start or the end from the nearest reading where the station did not report it."""
    points, used = history.points, history.summary.used
    registers = [row for row in history.rows if row.energy_wh is not None]
    if session.start_received_at is None:
        session.started_at = session.stopped_at or session.started_at
        session.meter_start_wh = None
    if _reported_start(session) is None:
        first = registers[0] if registers else None
        if first is not None and session.start_received_at is None:
            session.started_at = min(session.started_at, first.at)
        if not _is_start_of_another(session, first):
            session.meter_start_wh = first.energy_wh if first else None
    last = points[used[-1]].wh if used else session.meter_start_wh
    if _reported_end(session) is None:
        session.last_register_wh = last
        if session.stopped_at is not None:
            session.meter_stop_wh = last
    elif registers:
        session.last_register_wh = registers[-1].energy_wh
    if session.closed_by in CLOSED_BY_US and session.stopped_at is not None and history.rows:
        session.stopped_at = max(session.stopped_at, history.rows[-1].at)


def _is_start_of_another(session: ChargingSession, first: StoredReading | None) -> bool:
    """Return whether another session already has this start, so that both would have the same natural key.

    This happens when a station repeats a start that had no meter value, now with one.
    """
    if first is None or session.start_received_at is None or session.meter_start_wh == first.energy_wh:
        return False
    same = ChargingSession.objects.filter(
        station=session.station_id,
        connector_number=session.connector_number,
        id_tag=session.id_tag,
        started_at=session.started_at,
        reported_started_at=session.reported_started_at,
        meter_start_wh=first.energy_wh,
    )
    return same.exclude(pk=session.pk).exists()


def _set_energy(session: ChargingSession, history: _History) -> None:
    start, end, summary = _reported_start(session), _reported_end(session), history.summary
    is_below = start is not None and end is not None and end.wh < start.wh
    session.energy_wh = summary.energy_wh
    set_flag(session, Flag.METER_RESET, summary.has_fallen or is_below)
    set_flag(session, Flag.ENERGY_MISMATCH, summary.contradicts_end)
    is_negative = any(history.points[index].wh < 0 for index in summary.used)
    set_flag(session, Flag.NEGATIVE_REGISTER, is_below or is_negative)


def _set_power(session: ChargingSession, history: _History) -> None:
    """Set the highest and the current power: as measured or, where it was not measured, derived from the registers."""
    max_plausible, highest = max_plausible_power_w(session), None
    used = set(history.summary.used)
    after_resets = {reset.after for reset in history.summary.resets}
    session.sample_interval_seconds = None
    index, before, before_at, power = history.first_index - 1, None, None, None
    for row in history.rows:
        power = row.power_w
        if row.energy_wh is not None:
            index += 1
            point = history.points[index]
            if index in used:
                is_near = before is not None and row.at - before.at <= max_power_gap(session)
                if power is None and before is not None and is_near and point not in after_resets:
                    power = derived_power(before, point)
                before = point
        if before_at is not None:
            record_sample_interval(session, row.at - before_at)
        before_at = row.at
        if power is not None and power > max_plausible:
            power = None
        highest = power if highest is None or (power is not None and power > highest) else highest
    session.max_power_w = highest
    if session.is_open and history.rows and power is not None:
        session.power_w = max(power, 0)


def _set_last_sample(session: ChargingSession, history: _History, arrivals: Mapping[datetime, datetime | None]) -> None:
    if not history.rows:
        return
    newest = history.rows[-1]
    arrived = arrivals.get(newest.at)
    if arrived is not None and (history.is_by_arrival or newest.at > arrived):
        session.last_sample_at = arrived  # the station's clock is wrong
    elif not history.is_by_arrival or session.last_sample_at is None:
        session.last_sample_at = min(newest.at, timezone.now())
    charges = [row.state_of_charge for row in history.rows if row.state_of_charge is not None]
    session.state_of_charge = charges[-1] if charges else session.state_of_charge


def settle_end(session: ChargingSession) -> None:
    """Set the energy of a session that has just ended, by a report or by us.

    The caller updates its billing flags and saves it.
    """
    flag_sources(session)
    start, stop, last = session.meter_start_wh, session.meter_stop_wh, session.last_register_wh
    rises = start is not None and stop is not None and stop >= start and (last is None or stop >= last)
    if is_addable(session) and rises:
        assert start is not None and stop is not None  # noqa: S101 - checked above
        session.energy_wh = stop - start
        for flag in (Flag.NEGATIVE_REGISTER, Flag.ENERGY_MISMATCH):
            set_flag(session, flag, False)
    elif not settle(session) and start is not None and stop is not None:
        session.energy_wh = max(session.energy_wh, stop - start, 0)
