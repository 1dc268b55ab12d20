"""A session's figures out of all its readings: for meters that fell, clocks that jumped and reports that are missing.

Rising registers that come in order are summed up one by one (`summing`); everything else is settled here, and the
result is the same whatever order the messages came in.
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
from sessions.ledger.services.registers import TOLERANCE_WH, Course, Point, Reset, follow
from sessions.ledger.services.review import most_power_of, rating_of

ClosedBy = ChargingSession.ClosedBy
GUESSED = (ClosedBy.SUPERSEDED, ClosedBy.RULE)
MAX_WHILE_RUNNING = 10_000  # readings that are looked through again while more of them come in
MAX_AT_END = 50_000
FIRST_GAP = timedelta(minutes=15)  # until the sampling interval is known, power is not derived over a longer gap
GAPS, MIN_GAP, MIN_INTERVAL = 2.5, timedelta(seconds=10), timedelta(seconds=5)
MAX_INTERVAL = timedelta(days=1)  # a longer one is a clock that was set
LIMIT_W = 2**31 - 1


class Row(NamedTuple):
    """A stored reading."""

    pk: int
    at: datetime
    energy_wh: int | None
    power_w: int | None
    state_of_charge: Decimal | None


@dataclass(slots=True)
class _History:
    rows: list[Row]  # in the order that counts
    points: list[Point]
    course: Course
    by_arrival: bool
    first: int  # place of the first reading among the points


def is_plain(session: ChargingSession) -> bool:
    """Whether its registers rose so far and its reports are whole: what comes next is added to its figures."""
    return (
        session.start_received_at is not None
        and session.meter_start_wh is not None
        and session.meter_start_wh >= 0
        and Flag.METER_RESET not in session.flags
        and Flag.METER_MISSING not in session.flags
    )


def longest_gap(session: ChargingSession) -> timedelta:
    """Over a longer gap between two readings than this, power is not derived."""
    if session.sample_interval_seconds is None:
        return FIRST_GAP
    return max(MIN_GAP, GAPS * timedelta(seconds=session.sample_interval_seconds))


def note_gap(session: ChargingSession, gap: timedelta) -> None:
    """Keep the shortest gap between two readings as the sampling interval."""
    if not MIN_INTERVAL <= gap <= MAX_INTERVAL:
        return
    seconds, known = int(gap.total_seconds()), session.sample_interval_seconds
    session.sample_interval_seconds = seconds if known is None else min(known, seconds)


def derived_power(before: Point, after: Point) -> int | None:
    seconds = (after.at - before.at).total_seconds()
    return min(round((after.wh - before.wh) * 3600 / seconds), LIMIT_W) if seconds >= 1 else None


def settle(session: ChargingSession, arrivals: Mapping[datetime, datetime | None] | None = None) -> bool:
    """Work out the session's figures from its readings; the caller judges and saves it.

    Args:
        arrivals: when readings of the batch under way arrived, by their time.

    Returns:
        False where there are too many readings to look through; then nothing was changed.
    """
    most = MAX_WHILE_RUNNING if session.closed_by != ClosedBy.STATION else MAX_AT_END
    if session.sample_count > most and session.readings.count() > most:
        return False
    rows = [Row(*row) for row in session.readings.order_by("at", "pk").values_list(*Row._fields)]
    history = _history(session, rows)
    _set_meters(session, history)
    _set_energy(session, history)
    _set_power(session, history)
    _set_newest(session, history, arrivals or {})
    flag_sources(session)
    return True


def resets_of(session: ChargingSession) -> list[Reset]:
    """Where the meter began anew in this session; what it counted in between is not known."""
    return _registers_of(session).course.resets if Flag.METER_RESET in session.flags else []


def charged_by_time(session: ChargingSession) -> dict[datetime, int]:
    """The energy that was charged until each reading that counts, for a session whose meter fell."""
    history = _registers_of(session)
    reset = {each.after for each in history.course.resets}
    charged, found = 0, {}
    before: Point | None = None
    for place in history.course.kept:
        point = history.points[place]
        if before is not None and point not in reset:
            charged += point.wh - before.wh
        found[point.at] = charged
        before = point
    return found


def _registers_of(session: ChargingSession) -> _History:
    rows = session.readings.filter(energy_wh__isnull=False).order_by("at", "pk")
    return _history(session, [Row(*row) for row in rows.values_list(*Row._fields)[:MAX_AT_END]])


def _history(session: ChargingSession, rows: list[Row]) -> _History:
    begin = _begin(session)
    end = _end(session)
    by_time = _points(begin, rows, end)
    ordered, points, by_arrival = rows, by_time, False
    if _falls(by_time):
        arrived = sorted(rows, key=lambda row: row.pk)
        in_arrival = _points(begin, arrived, end)
        if _falls(in_arrival) < _falls(by_time):  # the station's clock was set back
            ordered, points, by_arrival = arrived, in_arrival, True
    course = follow(points, rated_w=rating_of(session), has_end=end is not None)
    return _History(ordered, points, course, by_arrival, 1 if begin is not None else 0)


def _begin(session: ChargingSession) -> Point | None:
    """The start as it was reported."""
    if session.start_received_at is None or session.meter_start_wh is None or is_derived(session, METER_START_FROM):
        return None
    return Point(session.started_at, session.meter_start_wh)


def _end(session: ChargingSession) -> Point | None:
    """The end as it was reported."""
    is_reported = session.closed_by == ClosedBy.STATION and session.stopped_at is not None
    if not is_reported or session.meter_stop_wh is None or is_derived(session, METER_STOP_FROM):
        return None
    assert session.stopped_at is not None  # noqa: S101 - looked at above
    return Point(session.stopped_at, session.meter_stop_wh)


def _points(begin: Point | None, rows: Sequence[Row], end: Point | None) -> list[Point]:
    read = [Point(row.at, row.energy_wh) for row in rows if row.energy_wh is not None]
    return [*([begin] if begin else []), *read, *([end] if end else [])]


def _falls(points: Sequence[Point]) -> int:
    return sum(later.wh < earlier.wh - TOLERANCE_WH for earlier, later in pairwise(points))


def _set_meters(session: ChargingSession, history: _History) -> None:
    """Where the start or the end was not reported, the nearest reading stands for it."""
    points, kept = history.points, history.course.kept
    registers = [row for row in history.rows if row.energy_wh is not None]
    if session.start_received_at is None:
        session.started_at = session.stopped_at or session.started_at
        session.meter_start_wh = None
    if _begin(session) is None:
        first = registers[0] if registers else None
        if first is not None and session.start_received_at is None:
            session.started_at = min(session.started_at, first.at)
        if not _is_taken(session, first):
            session.meter_start_wh = first.energy_wh if first else None
    last = points[kept[-1]].wh if kept else session.meter_start_wh
    if _end(session) is None:
        session.last_register_wh = last
        if session.stopped_at is not None:
            session.meter_stop_wh = last
    elif registers:
        session.last_register_wh = registers[-1].energy_wh
    if session.closed_by in GUESSED and session.stopped_at is not None and history.rows:
        session.stopped_at = max(session.stopped_at, history.rows[-1].at)


def _is_taken(session: ChargingSession, first: Row | None) -> bool:
    """Whether another start is known that says just this: a station that repeated its start with a meter value."""
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
    begin, end, course = _begin(session), _end(session), history.course
    below = begin is not None and end is not None and end.wh < begin.wh
    session.energy_wh = course.energy_wh
    set_flag(session, Flag.METER_RESET, course.fell or below)
    set_flag(session, Flag.ENERGY_MISMATCH, course.disagrees)
    negative = any(history.points[place].wh < 0 for place in course.kept)
    set_flag(session, Flag.NEGATIVE_REGISTER, below or negative)


def _set_power(session: ChargingSession, history: _History) -> None:
    """The highest power that was measured or, where it was not, that the registers tell."""
    most, highest = most_power_of(session), None
    counted = set(history.course.kept)
    breaks = {reset.after for reset in history.course.resets}
    session.sample_interval_seconds = None
    place, before, before_at, power = history.first - 1, None, None, None
    for row in history.rows:
        power = row.power_w
        if row.energy_wh is not None:
            place += 1
            point = history.points[place]
            if place in counted:
                near = before is not None and row.at - before.at <= longest_gap(session)
                if power is None and before is not None and near and point not in breaks:
                    power = derived_power(before, point)
                before = point
        if before_at is not None:
            note_gap(session, row.at - before_at)
        before_at = row.at
        if power is not None and power > most:
            power = None
        highest = power if highest is None or (power is not None and power > highest) else highest
    session.max_power_w = highest
    if session.is_open and history.rows and power is not None:
        session.power_w = max(power, 0)


def _set_newest(session: ChargingSession, history: _History, arrivals: Mapping[datetime, datetime | None]) -> None:
    if not history.rows:
        return
    newest = history.rows[-1]
    arrived = arrivals.get(newest.at)
    if arrived is not None and (history.by_arrival or newest.at > arrived):
        session.last_sample_at = arrived  # the station's clock does not tell
    elif not history.by_arrival or session.last_sample_at is None:
        session.last_sample_at = min(newest.at, timezone.now())
    charges = [row.state_of_charge for row in history.rows if row.state_of_charge is not None]
    session.state_of_charge = charges[-1] if charges else session.state_of_charge


def settle_end(session: ChargingSession) -> None:
    """Book the energy of a session whose end is known now, reported or not; the caller judges and saves it."""
    flag_sources(session)
    start, stop, last = session.meter_start_wh, session.meter_stop_wh, session.last_register_wh
    rises = start is not None and stop is not None and stop >= start and (last is None or stop >= last)
    if is_plain(session) and rises:
        assert start is not None and stop is not None  # noqa: S101 - looked at above
        session.energy_wh = stop - start
        for flag in (Flag.NEGATIVE_REGISTER, Flag.ENERGY_MISMATCH):
            set_flag(session, flag, False)
    elif not settle(session) and start is not None and stop is not None:
        session.energy_wh = max(session.energy_wh, stop - start, 0)
