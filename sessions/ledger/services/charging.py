"""How long a session charged, and with which power on average, told from its meter readings."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple, Protocol

from django.utils import timezone

from sessions.ledger.models import ChargingSession

CHARGES_ABOVE_W = 50  # a vehicle that only keeps its electronics awake draws less


MIN_FOR_AVERAGE = timedelta(minutes=1)


SECONDS_PER_HOUR = 3600

FRESH = timedelta(minutes=10)  # a session whose last reading is older is not counted: its power is not known


FRESH = timedelta(minutes=10)  # the power of a session whose last reading is older is not known


def is_fresh(session: ChargingSession) -> bool:
    """Return whether the power that was measured last may be shown as that of now."""
    return session.last_sample_at is not None and session.last_sample_at > timezone.now() - FRESH


class MeterPoint(Protocol):
    """What is needed of a meter reading: its time, the register in Wh and the measured power in W, where known."""

    @property
    def at(self) -> datetime: ...
    @property
    def energy_wh(self) -> int | None: ...
    @property
    def power_w(self) -> int | None: ...


class Charging(NamedTuple):
    """The part of a session in which power flowed.

    Attributes:
        time: how long it flowed.
        energy_wh: what was charged in that time.
    """

    time: timedelta
    energy_wh: float

    def average_w(self, highest_w: int | None) -> int | None:
        """Return the energy in charging over the charging time, in W; None for too short a time.

        Registers count in steps, so over a few readings they can tell a little more than the highest power that was
        measured. An average never exceeds the maximum it stands beside.
        """
        if self.time < MIN_FOR_AVERAGE:
            return None
        average = round(self.energy_wh * SECONDS_PER_HOUR / self.time.total_seconds())
        return average if highest_w is None else min(average, highest_w)


def charging_of(points: Iterable[MeterPoint]) -> Charging | None:
    """Add up the intervals between readings in which power flowed; None when no reading tells.

    One rule decides for time and energy alike: an interval counts when its register rose by more than standby power
    would make it, or when the power at both ends was above that (the register may count in coarse steps).
    """
    is_told, time, energy_wh = False, timedelta(0), 0.0
    for one, two in pairwise(points):
        span = two.at - one.at
        hours = span.total_seconds() / SECONDS_PER_HOUR
        if hours <= 0:
            continue
        rise_wh = None
        if one.energy_wh is not None and two.energy_wh is not None:
            rise_wh = float(max(0, two.energy_wh - one.energy_wh))
        elif one.power_w is not None:
            rise_wh = max(0, one.power_w) * hours
        if rise_wh is None:
            continue
        is_told = True
        lower_w = min(one.power_w or 0, two.power_w or 0)
        if rise_wh > CHARGES_ABOVE_W * hours or lower_w > CHARGES_ABOVE_W:
            time += span
            energy_wh += rise_wh
    return Charging(time, energy_wh) if is_told else None
