"""How a vehicle charges: a ramp, a plateau, a taper near the end; slightly uneven phases."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field

RAMP_SECONDS = 12.0
TAPER_FROM = 0.8  # of what it wants
VOLTS = 230.0


@dataclass(slots=True)
class Vehicle:
    """What a vehicle takes: `wanted_wh` in all, at most `most_w`, on so many phases."""

    wanted_wh: float
    most_w: float
    phases: int = 3
    capacity_wh: float = 60_000.0
    taken_wh: float = 0.0
    _unevenness: list[float] = field(default_factory=lambda: [random.uniform(0.985, 1.0) for _ in range(3)])  # noqa: S311

    @property
    def is_full(self) -> bool:
        return self.taken_wh >= self.wanted_wh

    @property
    def state_of_charge(self) -> float:
        return 100.0 * (1.0 - (self.wanted_wh - self.taken_wh) / self.capacity_wh)

    def power_w(self, seconds: float, offered_w: float) -> float:
        """What it takes so many seconds after its start, when so much is offered."""
        share = self.taken_wh / self.wanted_wh if self.wanted_wh else 1.0
        ramp = min(1.0, seconds / RAMP_SECONDS)
        taper = 1.0 if share < TAPER_FROM else math.exp(-(share - TAPER_FROM) / (1.0 - TAPER_FROM) * 2.4)
        ripple = 1.0 + 0.008 * math.sin(seconds / 7.0)
        return max(0.0, min(self.most_w, offered_w) * ramp * taper * ripple)

    def currents_a(self, power_w: float) -> list[float]:
        """Per phase."""
        each = power_w / self.phases / VOLTS
        return [round(each * self._unevenness[number], 2) for number in range(self.phases)]
