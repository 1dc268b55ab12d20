"""Work out from meter readings how long a session charged and with which average power."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple, Protocol

from django.utils import timezone

from sessions.ledger.models import ChargingSession

CHARGES_ABOVE_W = 50  # a vehicle on standby, with only its electronics awake, draws less
MIN_FOR_AVERAGE = timedelta(minutes=1)
SECONDS_PER_HOUR = 3600
FRESH = timedelta(minutes=10)  # the current power of a session is unknown if its last reading is older


def is_fresh(session: ChargingSession) -> bool:
    """Return whether the last measured power is recent enough to be shown as the current one."""
    return session.last_sample_at is not None and session.last_sample_at > timezone.now() - FRESH


class MeterPoint(Protocol):
    """A meter reading: its time, the register in Wh and the measured power in W, where known."""

    @property
    def at(self) -> datetime: ...
    @property
    def energy_wh(self) -> int | None: ...
    @property
    def power_w(self) -> int | None: ...


class Charging(NamedTuple):
    """The part of a session in which power flowed.

    Attributes:
        time: its duration.
        energy_wh: the energy charged in that time.
    """

    time: timedelta
    energy_wh: float

    def average_w(self, highest_w: int | None) -> int | None:
        """Return the average power while charging in W, or None if the time is too short for an average.

        Registers count in steps, so that over a few readings the average can be a little above the highest measured
        power. It is limited to that power, since both are shown side by side.

        Args:
            highest_w: the highest measured power, None if it was not measured.
        """
        if self.time < MIN_FOR_AVERAGE:
            return None
        average = round(self.energy_wh * SECONDS_PER_HOUR / self.time.total_seconds())
        return average if highest_w is None else min(average, highest_w)


def charging_of(points: Iterable[MeterPoint]) -> Charging | None:
    """Add up the intervals between readings in which power flowed, or return None if no reading has a figure.

    Power flowed in an interval if the register rose by more than standby power accounts for, or if the power at both
    ends was above standby (the register may count in coarse steps). The rule is the same for time and energy.
    """
    is_known, time, energy_wh = False, timedelta(0), 0.0
    for first, second in pairwise(points):
        interval = second.at - first.at
        hours = interval.total_seconds() / SECONDS_PER_HOUR
        if hours <= 0:
            continue
        rise_wh = None
        if first.energy_wh is not None and second.energy_wh is not None:
            rise_wh = float(max(0, second.energy_wh - first.energy_wh))
        elif first.power_w is not None:
            rise_wh = max(0, first.power_w) * hours
        if rise_wh is None:
            continue
        is_known = True
        lower_w = min(first.power_w or 0, second.power_w or 0)
        if rise_wh > CHARGES_ABOVE_W * hours or lower_w > CHARGES_ABOVE_W:
            time += interval
            energy_wh += rise_wh
    return Charging(time, energy_wh) if is_known else None
