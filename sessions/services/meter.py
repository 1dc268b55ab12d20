"""What a sampled value means (B3): units, absent measurand, phases, signed values. The value itself is kept as sent."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation

Value = Mapping[str, str]
REGISTER = "Energy.Active.Import.Register"  # OCPP 1.6 section 7.29: also what an absent measurand means
KILO = {"kWh", "kW", "kvar", "kvarh", "kVA"}
LIMIT = 2**31 - 1
PHASES = {"L1": "L1", "L2": "L2", "L3": "L3", "L1-N": "L1", "L2-N": "L2", "L3-N": "L3"}


@dataclass(slots=True)
class Figures:
    """What the values of one instant amount to, in base units; None where it was not measured."""

    energy_wh: int | None = None
    power_w: int | None = None
    offered_w: int | None = None
    current_ma: dict[str, int] = field(default_factory=dict)
    state_of_charge: Decimal | None = None


def number_of(value: Value) -> Decimal | None:
    """The value in its base unit (Wh, W, A, %); None when it is no number (signed data, text)."""
    if value.get("format") == "SignedData":
        return None
    try:
        number = Decimal(value["value"].strip())
    except (InvalidOperation, KeyError):
        return None
    if not number.is_finite() or abs(number) > 10**15:
        return None
    return number * 1000 if value.get("unit") in KILO else number


def read_figures(values: Iterable[Value]) -> Figures:
    """Sum up what one instant's values say. A total beats the sum of its phases."""
    figures = Figures()
    totals: dict[str, Decimal] = {}
    phases: dict[str, dict[str, Decimal]] = {}
    for value in values:
        number = number_of(value)
        if number is None or value.get("location", "Outlet") not in ("Outlet", "Inlet", "EV"):
            continue
        measurand, phase = value.get("measurand") or REGISTER, value.get("phase")
        if phase is None:
            if measurand not in totals or value.get("location", "Outlet") == "Outlet":
                totals[measurand] = number
        elif phase in PHASES:
            phases.setdefault(measurand, {})[PHASES[phase]] = number

    def total(measurand: str) -> Decimal | None:
        if measurand in totals:
            return totals[measurand]
        return sum(phases[measurand].values(), Decimal(0)) if measurand in phases else None

    figures.energy_wh = _whole(total(REGISTER), most=2**62)
    figures.power_w = _whole(total("Power.Active.Import"))
    figures.offered_w = _whole(total("Power.Offered"))
    currents = phases.get("Current.Import") or ({"L1": totals["Current.Import"]} if "Current.Import" in totals else {})
    figures.current_ma = {name: whole for name, amps in currents.items() if (whole := _whole(amps * 1000)) is not None}
    charge = totals.get("SoC")
    if charge is not None and 0 <= charge <= 100:
        figures.state_of_charge = charge.quantize(Decimal("0.1"))
    return figures


def _whole(number: Decimal | None, most: int = LIMIT) -> int | None:
    """Rounded to whole units; None when it cannot be a reading."""
    if number is None or not math.isfinite(number) or abs(number) > most:
        return None
    return int(number.to_integral_value())
