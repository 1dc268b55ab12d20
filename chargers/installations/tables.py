"""The table of installations and the tree of their circuits."""

from __future__ import annotations

from collections import defaultdict
from typing import NamedTuple

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from chargers.installations.models import Circuit, Installation
from cpms.common.web.export import Cell
from cpms.common.web.tables import NUMBER_WIDE, WIDE, Table, two_lines

MAX_DEPTH = 6  # circuits below it are not indented further


class InstallationTable(Table):
    name = tables.Column(verbose_name=_("Installation"), orderable=True)
    address = tables.Column(
        verbose_name=_("Address"), empty_values=(), orderable=True, order_by=("city", "street"), attrs=WIDE
    )
    contact_name = tables.Column(verbose_name=_("Contact"), orderable=True, attrs=WIDE)
    team = tables.Column(verbose_name=_("Team"), orderable=True, order_by=("team__name", "name"), attrs=WIDE)
    station_count = tables.Column(verbose_name=_("Stations"), orderable=True, attrs=NUMBER_WIDE)

    class Meta(Table.Meta):
        order_by = "name"

    def render_name(self, record: Installation) -> SafeString:
        link = format_html('<a href="{}">{}</a>', record.get_absolute_url(), record.name)
        return format_html('{}<span class="s phone">{}</span>', link, record.city)

    def render_address(self, record: Installation) -> SafeString:
        return two_lines(record.street or record.city, record.city_line if record.street else "")

    def render_contact_name(self, record: Installation) -> SafeString:
        return two_lines(record.contact_name, record.contact_phone)


INSTALLATION_CELLS = [
    Cell(_("Name"), lambda place: place.name),
    Cell(_("Street"), lambda place: place.street),
    Cell(_("Postal code"), lambda place: place.postal_code),
    Cell(_("City"), lambda place: place.city),
    Cell(_("Country"), lambda place: place.country),
    Cell(_("Contact"), lambda place: place.contact_name),
    Cell(_("Phone"), lambda place: place.contact_phone),
    Cell(_("Team"), lambda place: place.team.name),
    Cell(_("Stations"), lambda place: place.station_count),
]


class Branch(NamedTuple):
    """A circuit in the tree of an installation.

    Attributes:
        depth: how many circuits are between it and the grid connection, at most `MAX_DEPTH`.
        weaker_parent: the circuit that feeds it, if that has the smaller fuse, so that this fuse protects nothing.
    """

    circuit: Circuit
    depth: int
    weaker_parent: Circuit | None = None


def tree(circuits: list[Circuit]) -> list[Branch]:
    """Return the circuits in the order of their tree, by name. Circuits that feed each other in a ring come last."""
    by_key = {circuit.pk: circuit for circuit in circuits}
    below: dict[int | None, list[Circuit]] = defaultdict(list)
    for circuit in circuits:
        below[circuit.parent_id].append(circuit)
    found: list[Branch] = []
    waiting = [Branch(circuit, 0) for circuit in reversed(below[None])]
    while waiting:
        branch = waiting.pop()
        parent = by_key.get(branch.circuit.parent_id or 0)
        is_weaker = parent is not None and branch.circuit.max_current_a > parent.max_current_a
        found.append(branch._replace(weaker_parent=parent if is_weaker else None))
        deeper = min(branch.depth + 1, MAX_DEPTH)
        waiting += [Branch(circuit, deeper) for circuit in reversed(below[branch.circuit.pk])]
    known = {branch.circuit.pk for branch in found}
    return found + [Branch(circuit, 0) for circuit in circuits if circuit.pk not in known]
