"""Interpret sampled values: their measurand, unit, phase, context, location and format (OCPP 1.6: SampledValue).

The values themselves are stored as they were sent. A meter reading may contain several values of one measurand: some
wallboxes repeat the register of the start of the transaction beside the present one. The present reading is used,
whichever order they are sent in.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

from chargers.vocabulary import Location, Measurand, Phase, ReadingContext, Unit, ValueFormat

Value = Mapping[str, str]
# Stations differ in upper and lower case, so everything is compared in lower case.
REGISTER = Measurand.ENERGY_REGISTER.lower()
POWER, OFFERED = Measurand.POWER.lower(), Measurand.POWER_OFFERED.lower()
CURRENT, CHARGE = Measurand.CURRENT.lower(), Measurand.STATE_OF_CHARGE.lower()
WATT_HOUR, KILOWATT_HOUR = Unit.WATT_HOUR.lower(), Unit.KILOWATT_HOUR.lower()
WATT, KILOWATT = Unit.WATT.lower(), Unit.KILOWATT.lower()
MAX_INTEGER = 2**31 - 1
MAX_REGISTER = 2**62
MAX_VALUE = 10**15
TENTH = Decimal("0.1")

# By measurand: the factor from each unit to the base unit. Values in other units are ignored.
UNITS: Mapping[str, Mapping[str, int]] = {
    REGISTER: {"": 1, WATT_HOUR: 1, KILOWATT_HOUR: 1000},
    POWER: {"": 1, WATT: 1, KILOWATT: 1000},
    OFFERED: {"": 1, WATT: 1, KILOWATT: 1000},
    CURRENT: {"": 1, Unit.AMPERE.lower(): 1},
    CHARGE: {"": 1, Unit.PERCENT.lower(): 1, "%": 1, WATT_HOUR: 1},  # Wh is the default unit, and some stations send it
}
TOTAL, OTHER_PHASE, NOT_SUMMED = "", "?", "-"


def _spellings(number: int, phase: Phase, to_neutral: Phase) -> dict[str, str]:
    """Return all spellings that stations use for a phase, each mapped to OCPP's name."""
    own = [f"l{number}n", f"{number}", f"phase{number}", f"phase {number}", f"phase-{number}", f"p{number}"]
    return dict.fromkeys([phase.lower(), to_neutral.lower(), *own], phase.value)


PHASES = {
    **dict.fromkeys(["", "all", "total", "sum", "l1-l2-l3", "l123"], TOTAL),
    **_spellings(1, Phase.L1, Phase.L1_NEUTRAL),
    **_spellings(2, Phase.L2, Phase.L2_NEUTRAL),
    **_spellings(3, Phase.L3, Phase.L3_NEUTRAL),
    **{phase.lower(): NOT_SUMMED for phase in (Phase.NEUTRAL, Phase.L1_L2, Phase.L2_L3, Phase.L3_L1)},
}
CONDUCTORS = (Phase.L1.value, Phase.L2.value, Phase.L3.value)
SUMMABLE = {TOTAL, *CONDUCTORS}
# By context: the value with the lowest rank is the present reading.
CONTEXTS = {
    "": 0,
    ReadingContext.PERIODIC.lower(): 0,
    ReadingContext.CLOCK.lower(): 0,
    ReadingContext.TRIGGER.lower(): 0,
    ReadingContext.SESSION_END.lower(): 2,
    ReadingContext.SESSION_BEGIN.lower(): 3,
}
OTHER_CONTEXT = 1  # an interruption, or an unknown context
LOCATIONS = {"": 0, Location.OUTLET.lower(): 0, Location.INLET.lower(): 1, Location.VEHICLE.lower(): 1}
IGNORED_LOCATIONS = {Location.BODY.lower(), Location.CABLE.lower()}  # measured there, but not what was charged
SIGNED = ValueFormat.SIGNED.lower()
OTHER_LOCATION = 2


@dataclass(slots=True)
class Figures:
    """The figures of one meter reading, in base units; None where it was not measured."""

    energy_wh: int | None = None
    power_w: int | None = None
    offered_w: int | None = None
    current_ma: dict[str, int] = field(default_factory=dict)
    state_of_charge: Decimal | None = None


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a sampled value measures: everything but its number."""

    measurand: str
    factor: int
    phase: str
    context: int
    location: int


def whole_wh(exact: Decimal) -> int:
    """Round to whole Wh (or another base unit), half up. Starts, ends and samples are all rounded by this rule."""
    return int(exact.to_integral_value(rounding=ROUND_HALF_UP))


@lru_cache(maxsize=4096)
def _meaning(*words: str | None) -> _Meaning | None:
    """Return what a value with this measurand, unit, phase, context, location and format measures.

    None means that such values are ignored.
    """
    measurand, unit, phase, context, location, value_format = (
        "" if word is None else str(word).strip().lower() for word in words
    )
    measurand = measurand or REGISTER
    factor = UNITS.get(measurand, {}).get(unit)
    if factor is None or location in IGNORED_LOCATIONS or value_format == SIGNED:
        return None
    return _Meaning(
        measurand=measurand,
        factor=factor,
        phase=PHASES.get(phase, OTHER_PHASE),
        context=CONTEXTS.get(context, OTHER_CONTEXT),
        location=LOCATIONS.get(location, OTHER_LOCATION),
    )


def _parse_number(text: object) -> Decimal | None:
    """Return the value as a number, or None if it is not one (signed data, text) or is out of range."""
    try:
        number = Decimal(str(text).strip())
        return number if -MAX_VALUE <= number <= MAX_VALUE else None
    except InvalidOperation:
        return None


def read_figures(values: Iterable[Value]) -> Figures:
    """Work out the figures of one meter reading. A total is preferred to the sum of its phases."""
    known: dict[str, list[tuple[_Meaning, Decimal]]] = {}
    for value in values:
        get = value.get
        meaning = _meaning(get("measurand"), get("unit"), get("phase"), get("context"), get("location"), get("format"))
        if meaning is None or (number := _parse_number(get("value"))) is None:
            continue
        pair = (meaning, number * meaning.factor if meaning.factor != 1 else number)
        if meaning.measurand in known:
            known[meaning.measurand].append(pair)
        else:
            known[meaning.measurand] = [pair]
    figures = Figures()
    for measurand, found in known.items():
        present = {found[0][0].phase: found[0][1]} if len(found) == 1 else _present_readings(found)
        if measurand == REGISTER:
            figures.energy_wh = _whole(_total(present), most=MAX_REGISTER)
        elif measurand == POWER:
            figures.power_w = _whole(_total(present))
        elif measurand == OFFERED:
            figures.offered_w = _whole(_total(present))
        elif measurand == CURRENT:
            figures.current_ma = _currents(present)
        elif TOTAL in present and 0 <= present[TOTAL] <= 100:
            figures.state_of_charge = present[TOTAL].quantize(TENTH, rounding=ROUND_HALF_UP)
    return figures


def is_understood(value: Value) -> bool:
    """Return whether the value can contribute to the figures: everything about it is known and it is a number."""
    get = value.get
    meaning = _meaning(get("measurand"), get("unit"), get("phase"), get("context"), get("location"), get("format"))
    return meaning is not None and meaning.phase != OTHER_PHASE and _parse_number(get("value")) is not None


def _present_readings(found: list[tuple[_Meaning, Decimal]]) -> dict[str, Decimal]:
    """Choose the present reading of each phase from several values of one measurand."""
    by_phase = {meaning.phase: number for meaning, number in found}
    alike = {(meaning.context, meaning.location) for meaning, _value in found}
    if len(by_phase) == len(found) and len(alike) == 1 and by_phase.keys() <= SUMMABLE:
        return by_phase
    found = [(meaning, number) for meaning, number in found if meaning.phase != NOT_SUMMED]
    if any(meaning.phase != OTHER_PHASE for meaning, _value in found):
        found = [(meaning, number) for meaning, number in found if meaning.phase != OTHER_PHASE]
    elif len(found) > 1:  # unknown phases: it is not known whether they add up
        found = []
    if not found:
        return {}
    # Values of an unknown location are used only if there are no others.
    found = [pair for pair in found if pair[0].location != OTHER_LOCATION] or found
    best = min(meaning.context for meaning, _value in found)
    found = [pair for pair in found if pair[0].context == best]
    phases: dict[str, tuple[int, Decimal]] = {}
    for meaning, number in found:
        candidate = (-meaning.location, number)  # of equal candidates the higher value, so that order does not matter
        if meaning.phase not in phases or candidate > phases[meaning.phase]:
            phases[meaning.phase] = candidate
    return {phase: number for phase, (_location, number) in phases.items()}


def _total(phases: Mapping[str, Decimal] | None) -> Decimal | None:
    if not phases:
        return None
    if TOTAL in phases:
        return phases[TOTAL]
    summed = [number for phase, number in phases.items() if phase != NOT_SUMMED]
    return sum(summed, Decimal(0)) if summed else None


def _currents(phases: Mapping[str, Decimal]) -> dict[str, int]:
    named = {phase: amps for phase, amps in phases.items() if phase in CONDUCTORS}
    if not named and TOTAL in phases:
        named = {CONDUCTORS[0]: phases[TOTAL]}
    return {phase: whole for phase, amps in named.items() if (whole := _whole(amps * 1000)) is not None}


def _whole(number: Decimal | None, most: int = MAX_INTEGER) -> int | None:
    """Return the number rounded to whole units, or None if it is too large to be a reading."""
    return None if number is None or abs(number) > most else whole_wh(number)
