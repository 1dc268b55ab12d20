"""Data of charts, in the format that static/js/charts.js draws: series over time, or a number per day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from django.utils import timezone

from cpms.common.web.formatting import DASH, number, weekday

MAX_POINTS = 1500  # of a line
MIN_POINTS = 50  # of each session, however many sessions a line has
MIN_GAP_LENGTH = timedelta(minutes=2)
GAP_FACTOR, STEPS_AROUND = 3, 3


class Series(NamedTuple):
    name: str
    unit: str
    places: int
    colour: str
    points: list[tuple[int, float | None]]
    axis: int = 0
    is_dotted: bool = False
    is_filled: bool = False
    is_step: bool = False

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "unit": self.unit,
            "places": self.places,
            "colour": self.colour,
            "points": self.points,
            "axis": self.axis,
            "dotted": self.is_dotted,
            "filled": self.is_filled,
            "step": self.is_step,
        }


def ms(at: datetime) -> int:
    return int(at.timestamp() * 1000)


def day_bounds(day: date) -> tuple[datetime, datetime]:
    """Return start and end of a day in the user's time zone, which may have 23 or 25 hours."""
    zone = timezone.get_current_timezone()
    return datetime.combine(day, time(), zone), datetime.combine(day + timedelta(days=1), time(), zone)


def thinned(rows: Sequence[Any], limit: int = MAX_POINTS) -> Sequence[Any]:
    """Return about `limit` rows, evenly chosen, always including the last one."""
    step = max(1, -(-len(rows) // limit))
    return rows if step == 1 else [*rows[:-1:step], rows[-1]]


def with_gaps(
    points: Iterable[tuple[datetime, float | None]], longest: timedelta | None = None
) -> list[tuple[int, float | None]]:
    """Return the points of a line, interrupted where nothing was measured.

    Args:
        longest: points further apart than this have a gap between them; by default each step is compared with its
            neighbours.
    """
    points = list(points)
    gaps = gaps_in([at for at, _value in points], longest)
    drawn: list[tuple[int, float | None]] = []
    for index, (at, value) in enumerate(points):
        drawn.append((ms(at), value))
        if index in gaps:
            drawn.append((ms(at) + 1, None))
    return drawn


def gaps_in(times: Sequence[datetime], longest: timedelta | None = None) -> set[int]:
    """Return the indexes in `times` after which there is a gap.

    A station may change how often it measures, so a step is a gap if it is much longer than the steps around it.
    """
    steps = [after - before for before, after in pairwise(times)]
    if longest is not None:
        return {index for index, step in enumerate(steps) if step > longest}
    return {
        index
        for index, step in enumerate(steps)
        if step > MIN_GAP_LENGTH and step > GAP_FACTOR * _median_step_around(steps, index)
    }


def _median_step_around(steps: Sequence[timedelta], index: int) -> timedelta:
    around = sorted([*steps[max(0, index - STEPS_AROUND) : index], *steps[index + 1 : index + 1 + STEPS_AROUND]])
    return around[len(around) // 2] if around else timedelta(0)


def lines_of_sessions(
    readings: Iterable[tuple[int, datetime, float | None]],
) -> list[tuple[int, float | None]]:
    """Return one line of readings `(session, time, value)`, in order of time, interrupted between sessions.

    Each session is thinned separately, so that a long session with many readings does not hide a short one.
    """
    sessions: dict[int, list[tuple[datetime, float | None]]] = defaultdict(list)
    for session, at, value in readings:
        sessions[session].append((at, value))
    limit = max(MIN_POINTS, MAX_POINTS // max(1, len(sessions)))
    drawn: list[tuple[int, float | None]] = []
    for points in sessions.values():
        if drawn:
            drawn.append((drawn[-1][0] + 1, None))
        drawn += with_gaps(thinned(points, limit))
    return drawn


def over_time(
    series: Sequence[Series], start: datetime, end: datetime, units: Sequence[str], empty: str = ""
) -> dict[str, Any]:
    shown = [one for one in series if any(value is not None for _at, value in one.points)]
    return {
        "from": ms(start),
        "to": ms(end),
        "units": list(units),
        "series": [one.as_json() for one in shown],
        "empty": "" if shown else empty,
    }


def table(head: Sequence[str], rows: Iterable[Sequence[Any]]) -> dict[str, Any]:
    return {"head": list(head), "rows": [list(row) for row in rows]}


def shown(value: float | None, places: int) -> str:
    return DASH if value is None else number(value, places)


def clock(at: datetime) -> str:
    return f"{timezone.localtime(at):%H:%M:%S}"


def day_label(day: date) -> str:
    return weekday(day)
