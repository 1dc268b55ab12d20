"""Data of charts, in the one form that static/js/charts.js draws: series over time, or a number per day."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, time, timedelta
from itertools import pairwise
from typing import Any, NamedTuple

from django.utils import timezone

from cpms.common.look import DASH, number, weekday

MOST_POINTS = 1500


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


def thinned(rows: Sequence[Any]) -> Sequence[Any]:
    """No more rows than a screen has dots; the last one always."""
    step = max(1, -(-len(rows) // MOST_POINTS))
    return rows if step == 1 else [*rows[:-1:step], rows[-1]]


def with_gaps(points: Iterable[tuple[datetime, float | None]], longest: timedelta) -> list[tuple[int, float | None]]:
    """Points of a line that is broken where nothing was measured for longer than usual."""
    drawn: list[tuple[int, float | None]] = []
    before: datetime | None = None
    for at, value in points:
        if before is not None and at - before > longest:
            drawn.append((ms(before) + 1, None))
        drawn.append((ms(at), value))
        before = at
    return drawn


def usual_gap(times: Sequence[datetime]) -> timedelta:
    """How far two readings are apart before it counts as a gap: three times the usual, at least two minutes."""
    steps = sorted(b - a for a, b in pairwise(times))
    usual = steps[len(steps) // 2] if steps else timedelta(0)
    return max(usual * 3, timedelta(minutes=2))


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
