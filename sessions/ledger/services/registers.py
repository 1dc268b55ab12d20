"""What a session's registers add up to, whatever the meter did in between.

Registers rise. Where one falls, the meter was reset (what it counted between its last reading before and the first
one after is not known), or a reading is odd and is left out: the short fall to zero that some meters show while they
start, or a height that the connector cannot have delivered.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

TOLERANCE_WH = 50  # meters and their displays do not round alike
LEAP_WH = 500  # a step this small is never impossible
SLACK_SECONDS = 60  # nor what may be charged in a minute: times are not exact
RATING_SLACK = 1.1
MAX_ENERGY = 2**62


class Point(NamedTuple):
    at: datetime
    wh: int


class Reset(NamedTuple):
    """The meter began anew. What it counted between the two readings is not known, and not in the session's energy."""

    before: Point
    after: Point


@dataclass(slots=True)
class Course:
    """
    Attributes:
        energy_wh: what the rising parts add up to.
        kept: places of the registers that count, in order.
        fell: whether any register was below one before it (apart from the end where `disagrees`), or the last one is so
            high that the next one must tell.
        disagrees: whether readings were left out since the reported end contradicts them.
    """

    energy_wh: int = 0
    kept: list[int] = field(default_factory=list)
    resets: list[Reset] = field(default_factory=list)
    fell: bool = False
    disagrees: bool = False


def is_impossible(before: Point, after: Point, rated_w: int) -> bool:
    """Whether a connector of this rating cannot have delivered what lies between. Times that run back tell nothing."""
    seconds = (after.at - before.at).total_seconds()
    rise = after.wh - before.wh
    possible = rated_w * RATING_SLACK * (seconds + SLACK_SECONDS) / 3600 + LEAP_WH
    return seconds > 0 and rise > possible


def follow(points: Sequence[Point], *, rated_w: int, has_end: bool) -> Course:
    """Follow the registers of one session.

    Args:
        points: in the order in which they were read, the start first and the end last.
        has_end: whether the last one is the end that the station reported.
    """
    walk = _Walk(points, rated_w, has_end)
    place = 1 if points else 0
    while place < len(points):
        place = walk.step(place)
    return walk.course()


class _Walk:
    def __init__(self, points: Sequence[Point], rated_w: int, has_end: bool) -> None:
        self.points, self.rated_w, self.has_end = points, rated_w, has_end
        self.kept = [0] if points else []
        self.breaks: list[int] = [0]  # positions in `kept` where the meter began to count anew
        self.leaps: list[int] = []  # positions in `kept` that cannot have been reached from the one before
        self.fell = self.disagrees = False
        self.highest = [point.wh for point in points]  # from here on
        for place in range(len(points) - 2, -1, -1):
            self.highest[place] = max(self.highest[place], self.highest[place + 1])

    def step(self, place: int) -> int:
        """Take the register at this place, or leave it out. Returns the place of the next one."""
        before, now = self.points[self.kept[-1]], self.points[place]
        is_end = self.has_end and place == len(self.points) - 1
        if now.wh >= before.wh:
            self._keep(place, before)
        elif now.wh >= before.wh - TOLERANCE_WH:
            if is_end:
                self._end_at(place)
        elif is_end and self._drop_contradiction(place):
            self._end_at(place)
        else:
            self.fell = True
            if self._drop_spike(place):
                return place
            if (back := self._end_of_glitch(place)) is not None:
                return back
            if self._drop_single(place) or self._drop_leap():
                return place
            self._begin_anew(place)
        return place + 1

    def _keep(self, place: int, before: Point) -> None:
        if is_impossible(before, self.points[place], self.rated_w):
            self.leaps.append(len(self.kept))
        self.kept.append(place)

    def _begin_anew(self, place: int) -> None:
        self.breaks.append(len(self.kept))
        self.leaps.clear()
        self.kept.append(place)

    def _cut(self, position: int) -> None:
        del self.kept[position:]
        while self.leaps and self.leaps[-1] >= position:
            self.leaps.pop()

    def _end_at(self, place: int) -> None:
        """The reported end counts, and what lies above it does not."""
        position = len(self.kept)
        while position > self.breaks[-1] + 1 and self.points[self.kept[position - 1]].wh > self.points[place].wh:
            position -= 1
        self._cut(position)
        if self.points[self.kept[-1]].wh > self.points[place].wh:
            self._begin_anew(place)
        else:
            self.kept.append(place)

    def _drop_spike(self, place: int) -> bool:
        """Leave out a height that could not be reached, where the meter is back at the level before it."""
        now = self.points[place]
        for position in reversed(self.leaps):
            before = self.points[self.kept[position - 1]]
            if before.wh - TOLERANCE_WH <= now.wh and not is_impossible(before, now, self.rated_w):
                self._cut(position)
                return True
        return False

    def _drop_single(self, place: int) -> bool:
        """Leave out one height from which the meter falls back to a level above the one before."""
        if len(self.kept) - 1 <= self.breaks[-1]:
            return False
        is_between = self.points[self.kept[-2]].wh + TOLERANCE_WH < self.points[place].wh
        if is_between:
            self._cut(len(self.kept) - 1)
        return is_between

    def _drop_leap(self) -> bool:
        """Leave out a height that could not be reached, unless the meter went on from there for longer."""
        if not self.leaps:
            return False
        position = self.leaps[-1]
        before, first = self.points[self.kept[position - 1]], self.points[self.kept[position]]
        is_odd = self.points[self.kept[-1]].wh - first.wh < first.wh - before.wh
        if is_odd:
            self._cut(position)
        return is_odd

    def _drop_contradiction(self, place: int) -> bool:
        """Whether a few readings contradict the reported end, rather than it follows a reset: what rose step by step
        above the end is more than the one step that led there."""
        begin, now = self.breaks[-1], self.points[place]
        position = len(self.kept)
        while position > begin and self.points[self.kept[position - 1]].wh > now.wh:
            position -= 1
        if position == begin:
            return False
        first, before = self.points[self.kept[position]], self.points[self.kept[position - 1]]
        self.disagrees = self.points[self.kept[-1]].wh - first.wh < first.wh - before.wh
        return self.disagrees

    def _end_of_glitch(self, place: int) -> int | None:
        """Where the meter is back at its level, if it fell for some readings only. What climbed there again step by
        step was reset."""
        level = self.points[self.kept[-1]].wh - TOLERANCE_WH
        if place + 1 >= len(self.points) or self.highest[place + 1] < level:
            return None
        risen, back = 0, place + 1
        while self.points[back].wh < level:
            risen += max(0, self.points[back].wh - self.points[back - 1].wh)
            back += 1
        return back if risen < self.points[back].wh - self.points[back - 1].wh else None

    def course(self) -> Course:
        if self.leaps and not self.has_end and self.leaps[-1] == len(self.kept) - 1:
            self._cut(self.leaps[-1])  # the next reading tells whether the meter went on from there
            self.fell = True
        breaks, energy, resets = set(self.breaks), 0, []
        for position in range(1, len(self.kept)):
            before, after = self.points[self.kept[position - 1]], self.points[self.kept[position]]
            if position in breaks:
                resets.append(Reset(before, after))
            else:
                energy += after.wh - before.wh
        return Course(min(energy, MAX_ENERGY), self.kept, resets, self.fell, self.disagrees)
