"""What a sampled value means: its unit, measurand, phase and context. The value itself is kept as it was sent.

Several values of one measurand may stand at one instant. The one that counts is the present reading, whatever order
they were sent in: wallboxes repeat the register of the transaction's beginning beside the present one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from functools import lru_cache

from chargers.vocabulary import Location, Measurand, Phase, ReadingContext, Unit, ValueFormat

Value = Mapping[str, str]
# Words are compared in lower case. An absent measurand means the register.
REGISTER = Measurand.ENERGY_REGISTER.lower()
POWER, OFFERED = Measurand.POWER.lower(), Measurand.POWER_OFFERED.lower()
CURRENT, CHARGE = Measurand.CURRENT.lower(), Measurand.STATE_OF_CHARGE.lower()
WATT_HOUR, KILOWATT_HOUR = Unit.WATT_HOUR.lower(), Unit.KILOWATT_HOUR.lower()
WATT, KILOWATT = Unit.WATT.lower(), Unit.KILOWATT.lower()
LIMIT = 2**31 - 1
MAX_REGISTER = 2**62
MOST = 10**15
TENTH = Decimal("0.1")

# By measurand: what one of each unit is in the base unit. A value in any other unit is not counted.
UNITS: Mapping[str, Mapping[str, int]] = {
    REGISTER: {"": 1, WATT_HOUR: 1, KILOWATT_HOUR: 1000},
    POWER: {"": 1, WATT: 1, KILOWATT: 1000},
    OFFERED: {"": 1, WATT: 1, KILOWATT: 1000},
    CURRENT: {"": 1, Unit.AMPERE.lower(): 1},
    CHARGE: {"": 1, Unit.PERCENT.lower(): 1, "%": 1, WATT_HOUR: 1},  # Wh is the default unit, and some stations send it
}
TOTAL, OTHER_PHASE, NOT_SUMMED = "", "?", "-"


def _spellings(number: int, phase: Phase, to_neutral: Phase) -> dict[str, str]:
    """A phase by all the names that stations have for it."""
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
CLEAR = {TOTAL, *CONDUCTORS}
# The lower, the more it is the present reading.
CONTEXTS = {
    "": 0,
    ReadingContext.PERIODIC.lower(): 0,
    ReadingContext.CLOCK.lower(): 0,
    ReadingContext.TRIGGER.lower(): 0,
    ReadingContext.SESSION_END.lower(): 2,
    ReadingContext.SESSION_BEGIN.lower(): 3,
}
OTHER_CONTEXT = 1  # an interruption, or a word that is not known
LOCATIONS = {"": 0, Location.OUTLET.lower(): 0, Location.INLET.lower(): 1, Location.VEHICLE.lower(): 1}
ELSEWHERE = {Location.BODY.lower(), Location.CABLE.lower()}  # measured, but not what was charged
SIGNED = ValueFormat.SIGNED.lower()
OTHER_LOCATION = 2


@dataclass(slots=True)
class Figures:
    """What the values of one instant amount to, in base units; None where it was not measured."""

    energy_wh: int | None = None
    power_w: int | None = None
    offered_w: int | None = None
    current_ma: dict[str, int] = field(default_factory=dict)
    state_of_charge: Decimal | None = None


@dataclass(frozen=True, slots=True)
class _Meaning:
    """What a value is apart from its number."""

    measurand: str
    factor: int
    phase: str
    context: int
    location: int


def whole_wh(exact: Decimal) -> int:
    """Round to whole Wh (or another base unit), half up: the one rule for starts, ends and samples."""
    return int(exact.to_integral_value(rounding=ROUND_HALF_UP))


@lru_cache(maxsize=4096)
def _meaning(*words: str | None) -> _Meaning | None:
    """What words like these mean: measurand, unit, phase, context, location, format. None for what is not counted."""
    name, unit, where, context, place, form = ("" if word is None else str(word).strip().lower() for word in words)
    name = name or REGISTER
    factor = UNITS.get(name, {}).get(unit)
    if factor is None or place in ELSEWHERE or form == SIGNED:
        return None
    return _Meaning(
        measurand=name,
        factor=factor,
        phase=PHASES.get(where, OTHER_PHASE),
        context=CONTEXTS.get(context, OTHER_CONTEXT),
        location=LOCATIONS.get(place, OTHER_LOCATION),
    )


def _number(text: object) -> Decimal | None:
    """None where it is no number (signed data, text)."""
    try:
        number = Decimal(str(text).strip())
        return number if -MOST <= number <= MOST else None
    except InvalidOperation:
        return None


def read_figures(values: Iterable[Value]) -> Figures:
    """Sum up what one instant's values say. A total beats the sum of its phases."""
    known: dict[str, list[tuple[_Meaning, Decimal]]] = {}
    for value in values:
        say = value.get
        meaning = _meaning(say("measurand"), say("unit"), say("phase"), say("context"), say("location"), say("format"))
        if meaning is None or (number := _number(say("value"))) is None:
            continue
        pair = (meaning, number * meaning.factor if meaning.factor != 1 else number)
        if meaning.measurand in known:
            known[meaning.measurand].append(pair)
        else:
            known[meaning.measurand] = [pair]
    figures = Figures()
    for measurand, found in known.items():
        present = {found[0][0].phase: found[0][1]} if len(found) == 1 else _present(found)
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
    """Whether the value can be one of the figures: its words are known and it is a number."""
    say = value.get
    meaning = _meaning(say("measurand"), say("unit"), say("phase"), say("context"), say("location"), say("format"))
    return meaning is not None and meaning.phase != OTHER_PHASE and _number(say("value")) is not None


def _present(found: list[tuple[_Meaning, Decimal]]) -> dict[str, Decimal]:
    """The present reading of each phase of several ones, by phase."""
    by_phase = {meaning.phase: number for meaning, number in found}
    alike = {(meaning.context, meaning.location) for meaning, _number in found}
    if len(by_phase) == len(found) and len(alike) == 1 and by_phase.keys() <= CLEAR:
        return by_phase
    found = [(meaning, number) for meaning, number in found if meaning.phase != NOT_SUMMED]
    if any(meaning.phase != OTHER_PHASE for meaning, _number in found):
        found = [(meaning, number) for meaning, number in found if meaning.phase != OTHER_PHASE]
    elif len(found) > 1:  # phases of which nobody knows whether they add up
        found = []
    if not found:
        return {}
    # A location that is not known counts only where nothing better is there.
    found = [pair for pair in found if pair[0].location != OTHER_LOCATION] or found
    best = min(meaning.context for meaning, _number in found)
    found = [pair for pair in found if pair[0].context == best]
    phases: dict[str, tuple[int, Decimal]] = {}
    for meaning, number in found:
        offer = (-meaning.location, number)  # of two that claim the same, the higher one: order must not matter
        if meaning.phase not in phases or offer > phases[meaning.phase]:
            phases[meaning.phase] = offer
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


def _whole(number: Decimal | None, most: int = LIMIT) -> int | None:
    """Rounded to whole units; None when it cannot be a reading."""
    return None if number is None or abs(number) > most else whole_wh(number)
