"""When vehicles arrive at a station and how they charge, for the demo's history and its simulated stations."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

ZONE = ZoneInfo("Europe/Berlin")  # of the demo's stations
RAMP_SECONDS = 180.0
TAPER_FROM, FAST_TAPER_FROM = 0.8, 0.5  # shares of the wanted energy; the second for direct current
VOLTS = 230.0


@dataclass(frozen=True, slots=True)
class Habit:
    """How often vehicles come to a connector, and when.

    Attributes:
        busy_from: hour at the station; the busy time may pass midnight.
        quiet_share: how often they come at other times, relative to the busy hours.
    """

    visits_per_day: float
    busy_from: int
    busy_until: int
    quiet_share: float

    def share_at(self, moment: datetime) -> float:
        hour = moment.astimezone(ZONE).hour
        is_wrapped = self.busy_until < self.busy_from
        after, before = hour >= self.busy_from, hour < self.busy_until
        return 1.0 if (after or before if is_wrapped else after and before) else self.quiet_share

    @property
    def peak_visits_per_hour(self) -> float:
        busy_hours = (self.busy_until - self.busy_from) % 24
        return self.visits_per_day / (busy_hours + self.quiet_share * (24 - busy_hours))


HABITS = {
    "office": Habit(1.4, 7, 11, 0.05),
    "depot": Habit(1.6, 17, 23, 0.12),
    "mall": Habit(2.6, 9, 20, 0.08),
    "road": Habit(4.5, 6, 23, 0.35),
}


def seconds_until_next(habit: str, at: datetime, chance: random.Random) -> float:
    """Return how long a connector that is free now waits for its next vehicle, in seconds."""
    pattern, moment = HABITS[habit], at
    while True:
        moment += timedelta(hours=chance.expovariate(pattern.peak_visits_per_hour))
        if chance.random() < pattern.share_at(moment):
            return (moment - at).total_seconds()


@dataclass(slots=True)
class Vehicle:
    """A vehicle that wants a certain energy, with a maximum power and number of phases.

    Attributes:
        start_percent: its state of charge on arrival; None: such that it is full at the end.
        dwell_seconds: how long it stays when it is full; None: until its driver happens to come back.
        ramp_seconds: how long it takes to reach full power.
        taper_from: the share of the wanted energy from which the power decreases.
    """

    wanted_wh: float
    max_power_w: float
    phases: int = 3
    capacity_wh: float = 60_000.0
    start_percent: float | None = None
    dwell_seconds: float | None = None
    ramp_seconds: float = RAMP_SECONDS
    taper_from: float = TAPER_FROM
    taken_wh: float = 0.0
    _unevenness: list[float] = field(default_factory=lambda: [random.uniform(0.985, 1.0) for _ in range(3)])  # noqa: S311

    @property
    def is_full(self) -> bool:
        return self.taken_wh >= self.wanted_wh

    @property
    def state_of_charge(self) -> float:
        if self.start_percent is None:
            return 100.0 * (1.0 - (self.wanted_wh - self.taken_wh) / self.capacity_wh)
        return min(100.0, self.start_percent + 100.0 * self.taken_wh / self.capacity_wh)

    def power_w(self, seconds: float, offered_w: float) -> float:
        """Return its power in W some seconds after its start, for the offered power."""
        share = self.taken_wh / self.wanted_wh if self.wanted_wh else 1.0
        ramp = min(1.0, seconds / self.ramp_seconds) if self.ramp_seconds else 1.0
        late = max(0.0, share - self.taper_from) / (1.0 - self.taper_from)
        taper = math.exp(-late * 2.4)
        ripple = 1.0 + 0.008 * math.sin(seconds / 7.0)
        return max(0.0, min(self.max_power_w, offered_w) * ramp * taper * ripple)

    def currents_a(self, power_w: float) -> list[float]:
        """Return the current of each phase in A."""
        each = power_w / self.phases / VOLTS
        return [round(each * self._unevenness[number], 2) for number in range(self.phases)]


def arriving_vehicle(*, phases: int, is_direct_current: bool, chance: random.Random) -> Vehicle:
    """Return a vehicle as it arrives: a car or a van with a battery that is not full."""
    if is_direct_current:
        capacity = chance.choice([58_000, 77_000, 94_000])
        start, target = chance.uniform(12, 38), chance.uniform(62, 86)
        max_power_w, dwell = chance.choice([50_000, 100_000, 140_000]), chance.uniform(60, 480)
    else:
        capacity = chance.choice([40_000, 58_000, 77_000])
        start, target = chance.uniform(25, 65), chance.uniform(75, 99)
        max_power_w, dwell = chance.choice([7_400, 11_000, 11_000, 22_000]), chance.uniform(120, 2_700)
    return Vehicle(
        wanted_wh=capacity * (target - start) / 100,
        max_power_w=max_power_w * chance.uniform(0.94, 0.99),
        phases=phases,
        capacity_wh=capacity,
        start_percent=start,
        dwell_seconds=dwell,
        taper_from=FAST_TAPER_FROM if is_direct_current else TAPER_FROM,
    )


def charging_vehicle(
    *, power_w: int, percent: float | None, phases: int, is_direct_current: bool, chance: random.Random
) -> Vehicle:
    """Return a vehicle in the middle of a session that started elsewhere: it continues with its power.

    Args:
        percent: its state of charge, if known.
    """
    vehicle = arriving_vehicle(phases=phases, is_direct_current=is_direct_current, chance=chance)
    start = percent if percent is not None else chance.uniform(40, 70)
    vehicle.wanted_wh = max(0.0, vehicle.capacity_wh * (min(94.0, start + chance.uniform(8, 25)) - start) / 100)
    vehicle.max_power_w, vehicle.start_percent, vehicle.ramp_seconds = float(power_w), start, 0.0
    if power_w < 500:  # full, or nearly so: it only waits for its driver
        vehicle.wanted_wh = 0.0
    return vehicle
