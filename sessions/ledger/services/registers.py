"""The energy that a session's register readings add up to, including when the meter falls or leaps.

A register is the meter's running total in Wh, so it should only rise. Real meters break that rule, and these cases
are told apart here:

- Rounding: the register falls by at most `TOLERANCE_WH`. The lower reading is ignored.
- Reset: the register falls and counts on from there. The session consists of several rising parts, and their energies
  are added. What was counted between the last reading before the reset and the first one after it is unknown.
- Glitch: the register falls for a few readings (often to zero while the meter restarts) and then returns to its old
  level. The low readings are ignored.
- Spike: the register rises and falls back. The high readings are ignored when the connector could not have delivered
  that much (a leap), or when a single high reading is followed by a lower one that still matches the level before.
- Contradiction: readings above the end that the station reported. When a reset does not explain them, the reported
  end is used and the readings are ignored.

A leap is a rise that a connector of this rating cannot have delivered in the time between the two readings. A leap
alone is not ignored: the meter may have counted on while the station did not report. It becomes a spike only when the
register falls back.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

TOLERANCE_WH = 50  # meters round differently from what they display
LEAP_WH = 500  # a smaller rise is never a leap
SLACK_SECONDS = 60  # timestamps are inexact: what can be charged in a minute more is not a leap either
RATING_SLACK = 1.1
MAX_ENERGY = 2**62


class Point(NamedTuple):
    """A register reading in Wh and its time."""

    at: datetime
    wh: int


class Reset(NamedTuple):
    """The last reading before a meter reset and the first one after it.

    The energy counted between the two is unknown and not part of the session's energy.
    """

    before: Point
    after: Point


@dataclass(slots=True)
class RegisterSummary:
    """The result of reading all registers of a session.

    Attributes:
        energy_wh: the sum of the rising parts.
        used: indexes of the points that were used, in order; the others were ignored.
        resets: the meter resets, in order.
        has_fallen: whether a register was below an earlier one (apart from an end where `contradicts_end`), or the
            last one is a leap that only the next reading can confirm.
        contradicts_end: whether readings were ignored because they contradict the reported end.
    """

    energy_wh: int = 0
    used: list[int] = field(default_factory=list)
    resets: list[Reset] = field(default_factory=list)
    has_fallen: bool = False
    contradicts_end: bool = False


def is_impossible(before: Point, after: Point, rated_w: int) -> bool:
    """Return whether the rise from one point to the other is a leap: more than the connector can have delivered.

    Points whose times do not increase prove nothing and are never a leap.

    Args:
        rated_w: the highest power of the connector in W.
    """
    seconds = (after.at - before.at).total_seconds()
    rise = after.wh - before.wh
    possible = rated_w * RATING_SLACK * (seconds + SLACK_SECONDS) / 3600 + LEAP_WH
    return seconds > 0 and rise > possible


def summarize_registers(points: Sequence[Point], *, rated_w: int, has_end: bool) -> RegisterSummary:
    """Add up the registers of one session, ignoring glitches and spikes.

    Args:
        points: in the order in which they were read, the reported start first and the reported end last.
        rated_w: the highest power of the connector in W.
        has_end: whether the last point is the end that the station reported.
    """
    scan = _RegisterScan(points, rated_w, has_end)
    index = 1 if points else 0
    while index < len(points):
        index = scan.step(index)
    return scan.summary()


class _RegisterScan:
    """One pass over the points of a session.

    `used` holds the indexes of the points used so far. `part_starts` and `leaps` hold positions in `used`: where a
    rising part starts (the first one, and after each reset), and which points were reached by a leap.
    """

    def __init__(self, points: Sequence[Point], rated_w: int, has_end: bool) -> None:
        self.points, self.rated_w, self.has_end = points, rated_w, has_end
        self.used = [0] if points else []
        self.part_starts: list[int] = [0]
        self.leaps: list[int] = []
        self.has_fallen = self.contradicts_end = False
        self.highest_from = [point.wh for point in points]  # per index: the highest register from there on
        for index in range(len(points) - 2, -1, -1):
            self.highest_from[index] = max(self.highest_from[index], self.highest_from[index + 1])

    def step(self, index: int) -> int:
        """Use or ignore the point at this index. Returns the index to continue with.

        That is the same index again after earlier points were dropped: it is then compared with the one before them.
        """
        before, now = self.points[self.used[-1]], self.points[index]
        is_end = self.has_end and index == len(self.points) - 1
        if now.wh >= before.wh:
            self._use(index, before)
        elif now.wh >= before.wh - TOLERANCE_WH:
            if is_end:
                self._use_reported_end(index)
        elif is_end and self._is_end_contradicted(index):
            self._use_reported_end(index)
        else:
            self.has_fallen = True
            if self._drop_spike(index):
                return index
            if (glitch_end := self._end_of_glitch(index)) is not None:
                return glitch_end
            if self._drop_single_peak(index) or self._drop_unconfirmed_leap():
                return index
            self._use_after_reset(index)
        return index + 1

    def _use(self, index: int, before: Point) -> None:
        if is_impossible(before, self.points[index], self.rated_w):
            self.leaps.append(len(self.used))
        self.used.append(index)

    def _use_after_reset(self, index: int) -> None:
        self.part_starts.append(len(self.used))
        self.leaps.clear()
        self.used.append(index)

    def _drop_from(self, position: int) -> None:
        """Ignore the used points from this position on."""
        del self.used[position:]
        while self.leaps and self.leaps[-1] >= position:
            self.leaps.pop()

    def _use_reported_end(self, index: int) -> None:
        """Use the reported end and ignore the points of this rising part that are above it."""
        position = len(self.used)
        while position > self.part_starts[-1] + 1 and self.points[self.used[position - 1]].wh > self.points[index].wh:
            position -= 1
        self._drop_from(position)
        if self.points[self.used[-1]].wh > self.points[index].wh:
            self._use_after_reset(index)
        else:
            self.used.append(index)

    def _drop_spike(self, index: int) -> bool:
        """Ignore everything since a leap if the register is now back at the level before that leap."""
        now = self.points[index]
        for position in reversed(self.leaps):
            before = self.points[self.used[position - 1]]
            if before.wh - TOLERANCE_WH <= now.wh and not is_impossible(before, now, self.rated_w):
                self._drop_from(position)
                return True
        return False

    def _drop_single_peak(self, index: int) -> bool:
        """Ignore the last point if the register now lies between it and the one before: one reading was too high."""
        if len(self.used) - 1 <= self.part_starts[-1]:
            return False
        is_between = self.points[self.used[-2]].wh + TOLERANCE_WH < self.points[index].wh
        if is_between:
            self._drop_from(len(self.used) - 1)
        return is_between

    def _drop_unconfirmed_leap(self) -> bool:
        """Ignore the last leap and what follows, unless the meter rose from there by at least as much as it leapt."""
        if not self.leaps:
            return False
        position = self.leaps[-1]
        before, first = self.points[self.used[position - 1]], self.points[self.used[position]]
        is_unconfirmed = self.points[self.used[-1]].wh - first.wh < first.wh - before.wh
        if is_unconfirmed:
            self._drop_from(position)
        return is_unconfirmed

    def _is_end_contradicted(self, index: int) -> bool:
        """Return whether the reported end is right and the few points above it are wrong.

        The alternative is a reset right before the end. The points are wrong if they rose less above the end, step by
        step, than the one step that led there.
        """
        part_start, now = self.part_starts[-1], self.points[index]
        position = len(self.used)
        while position > part_start and self.points[self.used[position - 1]].wh > now.wh:
            position -= 1
        if position == part_start:
            return False
        first, before = self.points[self.used[position]], self.points[self.used[position - 1]]
        self.contradicts_end = self.points[self.used[-1]].wh - first.wh < first.wh - before.wh
        return self.contradicts_end

    def _end_of_glitch(self, index: int) -> int | None:
        """Return the index at which the register is back at its level, or None if this fall is no glitch.

        A register that climbed back step by step was reset: it is a glitch only if the last step back to the old
        level is larger than everything that was counted below it.
        """
        level = self.points[self.used[-1]].wh - TOLERANCE_WH
        if index + 1 >= len(self.points) or self.highest_from[index + 1] < level:
            return None
        risen, back = 0, index + 1
        while self.points[back].wh < level:
            risen += max(0, self.points[back].wh - self.points[back - 1].wh)
            back += 1
        return back if risen < self.points[back].wh - self.points[back - 1].wh else None

    def summary(self) -> RegisterSummary:
        """Return the result after all points have been read."""
        if self.leaps and not self.has_end and self.leaps[-1] == len(self.used) - 1:
            self._drop_from(self.leaps[-1])  # the next reading will tell whether the meter counts on from there
            self.has_fallen = True
        part_starts, energy, resets = set(self.part_starts), 0, []
        for position in range(1, len(self.used)):
            before, after = self.points[self.used[position - 1]], self.points[self.used[position]]
            if position in part_starts:
                resets.append(Reset(before, after))
            else:
                energy += after.wh - before.wh
        return RegisterSummary(min(energy, MAX_ENERGY), self.used, resets, self.has_fallen, self.contradicts_end)
