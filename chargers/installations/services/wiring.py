"""The tree of an installation's circuits: what hangs on each, and where it can draw more than its breaker allows."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, NamedTuple

from django.utils.text import get_text_list
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from chargers.installations.models import Circuit, Installation
from cpms.common.web.formatting import amperes

MAX_NAMED = 4  # circuits and stations that a warning names


class Load(NamedTuple):
    """What one circuit or station can draw per phase.

    Attributes:
        is_three_phase: whether it uses all three phases; otherwise it is not known which one it uses.
    """

    name: str
    current_a: Decimal
    is_three_phase: bool


@dataclass(slots=True)
class Branch:
    """A circuit in the tree of an installation, in the order in which pages show it.

    Attributes:
        depth: how many circuits are between it and the main breaker.
        opens: whether the circuits that it feeds follow.
        closed: how many levels end after it, as one item each.
        weaker_parent: the circuit that feeds it, if that has the smaller fuse, so that this fuse protects nothing.
        overload: in words, that what it feeds can draw more than its fuse allows.
    """

    circuit: Circuit
    depth: int
    opens: bool = False
    closed: range = range(0)
    stations: list[Any] = field(default_factory=list)
    weaker_parent: Circuit | None = None
    overload: str = ""
    has_more_phases: bool = False


def tree(circuits: Sequence[Circuit], stations: Iterable[Any] = ()) -> list[Branch]:
    """Return the circuits in the order of their tree, by name. Circuits that feed each other in a ring come last.

    Args:
        stations: with their connectors prefetched.
    """
    by_key = {circuit.pk: circuit for circuit in circuits}
    below: dict[int | None, list[Circuit]] = defaultdict(list)
    for circuit in circuits:
        below[circuit.parent_id if circuit.parent_id in by_key else None].append(circuit)
    on_circuit: dict[int | None, list[Any]] = defaultdict(list)
    for station in stations:
        on_circuit[station.circuit_id].append(station)
    found = [
        _branch(circuit, depth, by_key, below[circuit.pk], on_circuit[circuit.pk])
        for circuit, depth in _in_order(circuits, below)
    ]
    depths = [branch.depth for branch in found] + [0]
    for branch, next_depth in zip(found, depths[1:], strict=True):
        branch.closed = range(max(0, branch.depth - next_depth))
    return found


def _in_order(circuits: Sequence[Circuit], below: dict[int | None, list[Circuit]]) -> Iterator[tuple[Circuit, int]]:
    known = set()
    waiting = [(circuit, 0) for circuit in reversed(below[None])]
    while waiting:
        circuit, depth = waiting.pop()
        known.add(circuit.pk)
        yield circuit, depth
        waiting += [(child, depth + 1) for child in reversed(below[circuit.pk])]
    for circuit in circuits:
        if circuit.pk not in known:
            below[circuit.pk] = []
            yield circuit, 0


def _branch(
    circuit: Circuit, depth: int, by_key: dict[int, Circuit], children: list[Circuit], stations: list[Any]
) -> Branch:
    parent = by_key.get(circuit.parent_id or 0)
    return Branch(
        circuit,
        depth,
        opens=bool(children),
        stations=stations,
        weaker_parent=parent if parent is not None and circuit.max_current_a > parent.max_current_a else None,
        overload=overload(circuit.name, circuit.max_current_a, circuit.phases, loads_of(children, stations)),
        has_more_phases=parent is not None and circuit.phases > parent.phases,
    )


def loads_of(circuits: Iterable[Circuit], stations: Iterable[Any]) -> list[Load]:
    """Return what active circuits and stations can draw: by their fuses, and by the rated current of all connectors.

    Stations whose rated current is not known are left out.
    """
    loads = [
        Load(circuit.name, circuit.max_current_a, circuit.phases == 3)
        for circuit in circuits
        if circuit.deactivated_at is None
    ]
    for station in stations:
        rated = [connector for connector in station.connectors.all() if connector.max_current_a is not None]
        if rated and station.deactivated_at is None:
            total = sum((connector.max_current_a for connector in rated), Decimal(0))
            loads.append(Load(station.display_name, total, all(c.phases in (None, 3) for c in rated)))
    return loads


def overload(name: str, limit_a: Decimal, phases: int, loads: Sequence[Load]) -> str:
    """Return in words that the loads together can exceed a breaker on one phase, or an empty text if they cannot.

    Loads with three phases add up on each phase. Which phase a load with fewer phases uses is not known, so all of them
    are counted on the same one: their sum is what can happen at most.
    """
    on_all = [load for load in loads if load.is_three_phase or phases == 1]
    total_on_all = sum((load.current_a for load in on_all), Decimal(0))
    total = sum((load.current_a for load in loads), Decimal(0))
    if len(loads) < 2 or total <= limit_a:
        return ""
    values = {"limit": amperes(limit_a), "circuit": name}
    if total_on_all > limit_a and len(on_all) > 1:
        values |= {"names": _named(on_all), "sum": amperes(total_on_all)}
        if phases == 1:
            sentence = _(
                "%(names)s add up to %(sum)s A, more than the %(limit)s A of %(circuit)s. "
                "Load management has to limit them."
            )
        else:
            sentence = _(
                "%(names)s add up to %(sum)s A per phase, more than the %(limit)s A of %(circuit)s. "
                "Load management has to limit them."
            )
        return sentence % values
    values |= {"names": _named(loads), "sum": amperes(total)}
    sentence = _(
        "%(names)s can add up to %(sum)s A on one phase, more than the %(limit)s A of %(circuit)s, if all that do not "
        "use three phases are connected to the same one. Load management has to limit them."
    )
    return sentence % values


def _named(loads: Sequence[Load]) -> str:
    names = [load.name for load in loads[:MAX_NAMED]]
    if more := len(loads) - len(names):
        names.append(ngettext("%(n)d other", "%(n)d others", more) % {"n": more})
    return get_text_list(names, _("and"))


def main_overload(installation: Installation, circuits: Iterable[Circuit], stations: Iterable[Any]) -> str:
    """Return in words that the circuits and stations below the main breaker can exceed it, or an empty text."""
    if installation.main_breaker_a is None:
        return ""
    loads = loads_of(
        [circuit for circuit in circuits if circuit.parent_id is None],
        [station for station in stations if station.circuit_id is None],
    )
    return overload(_("the main breaker"), installation.main_breaker_a, installation.phases, loads)
