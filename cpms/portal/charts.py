"""Data of charts, in the one form that static/js/charts.js draws: series over time, or a number per day."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from django.utils import timezone

from cpms.common.web.formatting import DASH, number, weekday

MAX_POINTS, FEWEST_POINTS = 1500, 50  # of a line on the screen; of each of very many sessions
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

    def told(self) -> dict[str, Any]:
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
    """Begin and end of a day in the zone of whoever looks, which may have 23 or 25 hours."""
    zone = timezone.get_current_timezone()
    return datetime.combine(day, time(), zone), datetime.combine(day + timedelta(days=1), time(), zone)


def thinned(rows: Sequence[Any], most: int = MAX_POINTS) -> Sequence[Any]:
    """Return evenly chosen rows, about as many as `most`; always with the last one."""
    step = max(1, -(-len(rows) // most))
    return rows if step == 1 else [*rows[:-1:step], rows[-1]]


def with_gaps(
    points: Iterable[tuple[datetime, float | None]], longest: timedelta | None = None
) -> list[tuple[int, float | None]]:
    """Return the points of a line, broken where nothing was measured.

    Args:
        longest: two points further apart have a gap between them; by default each step is judged by its neighbours.
    """
    points = list(points)
    gaps = gaps_in([at for at, _value in points], longest)
    drawn: list[tuple[int, float | None]] = []
    for place, (at, value) in enumerate(points):
        drawn.append((ms(at), value))
        if place in gaps:
            drawn.append((ms(at) + 1, None))
    return drawn


def gaps_in(times: Sequence[datetime], longest: timedelta | None = None) -> set[int]:
    """Return the places in `times` after which there is a gap.

    A station may change how often it measures, so a step is a gap when it is much longer than the steps around it.
    """
    steps = [after - before for before, after in pairwise(times)]
    if longest is not None:
        return {place for place, step in enumerate(steps) if step > longest}
    return {
        place
        for place, step in enumerate(steps)
        if step > MIN_GAP_LENGTH and step > GAP_FACTOR * _usual_step_around(steps, place)
    }


def _usual_step_around(steps: Sequence[timedelta], place: int) -> timedelta:
    around = sorted([*steps[max(0, place - STEPS_AROUND) : place], *steps[place + 1 : place + 1 + STEPS_AROUND]])
    return around[len(around) // 2] if around else timedelta(0)


def lines_of_sessions(
    readings: Iterable[tuple[int, datetime, float | None]],
) -> list[tuple[int, float | None]]:
    """Return one line of readings `(session, time, value)`, in order of time, broken between sessions.

    Each session is thinned and has its gaps by itself: a long session with many readings hides no short one.
    """
    sessions: dict[int, list[tuple[datetime, float | None]]] = defaultdict(list)
    for session, at, value in readings:
        sessions[session].append((at, value))
    most = max(FEWEST_POINTS, MAX_POINTS // max(1, len(sessions)))
    drawn: list[tuple[int, float | None]] = []
    for points in sessions.values():
        if drawn:
            drawn.append((drawn[-1][0] + 1, None))
        drawn += with_gaps(thinned(points, most))
    return drawn


def over_time(
    series: Sequence[Series], start: datetime, end: datetime, units: Sequence[str], empty: str = ""
) -> dict[str, Any]:
    shown = [one for one in series if any(value is not None for _at, value in one.points)]
    return {
        "from": ms(start),
        "to": ms(end),
        "units": list(units),
        "series": [one.told() for one in shown],
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
