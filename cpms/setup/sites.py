"""Apply the installations of a set-up and their circuits."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from chargers.installations.models import Circuit, Installation
from chargers.installations.services.circuits import activate_circuit, deactivate_circuit, save_circuit
from chargers.installations.services.installations import INSTALLATION_FIELDS, add_installation, edit_installation
from cpms.common.errors import refuse
from cpms.setup.report import Report, at, differing


def apply_installation(report: Report, place: str, given: dict[str, Any]) -> Installation:
    """Add or edit an installation and its circuits. Circuits that are not listed stay as they are."""
    address = given.get("address", {})
    given = ({"street": address} if isinstance(address, str) else address) | given
    fields = {name: given[name] for name in INSTALLATION_FIELDS if name in given}
    if "voltage" in given:
        fields["voltage_v"] = given["voltage"]
    if "country" in fields:
        fields["country"] = fields["country"].upper()
    row = Installation.objects.filter(team=report.team, name__iexact=given["name"].strip()).first()
    with at(place):
        if row is None:
            row = add_installation(team=report.team, fields=fields, actor=report.actor)
            report.added("installation", row.name)
        elif changed := differing(row, fields):
            row = edit_installation(installation=row, fields=fields, actor=report.actor)
            report.changed("installation", row.name, *changed)
    apply_circuits(report, f"{place}.circuits", row, given.get("circuits", []))
    return row


def apply_circuits(report: Report, place: str, installation: Installation, given: list[dict[str, Any]]) -> None:
    """Add and edit circuits, each after the one that feeds it, whatever their order in the file."""
    rows = {row.name: row for row in installation.circuits.select_related("installation")}
    waiting = list(enumerate(given))
    names = [circuit["name"] for circuit in given]
    for number, circuit in waiting:
        with at(f"{place}[{number}]"):
            if names.count(circuit["name"]) > 1:
                refuse("name", _("The circuit is listed twice."))
            parent = circuit.get("parent")
            if parent is not None and parent not in rows and parent not in names:
                refuse("parent", _("The installation has no circuit “%(name)s”.") % {"name": parent})
    while waiting:
        ready = [(n, circuit) for n, circuit in waiting if circuit.get("parent") in (None, *rows)]
        if not ready:
            with at(f"{place}[{waiting[0][0]}]"):
                refuse("parent", _("A circuit cannot be fed by a circuit that it feeds."))
        for number, circuit in ready:
            with at(f"{place}[{number}]"):
                rows[circuit["name"]] = _apply_circuit(report, installation, rows, circuit)
        waiting = [(n, circuit) for n, circuit in waiting if (n, circuit) not in ready]
    _activate(report, place, installation, given)


def _apply_circuit(
    report: Report, installation: Installation, rows: dict[str, Circuit], given: dict[str, Any]
) -> Circuit:
    row = rows.get(given["name"])
    parent = rows[given["parent"]] if given.get("parent") else None
    if row is not None and "parent" not in given:
        parent = row.parent
    fields = {"max_current_a": given["max_current_a"], "phases": given.get("phases", row.phases if row else 3)}
    label = f"{installation.name} / {given['name']}"
    changed = []
    if row is not None:
        changed = differing(row, fields) + (["parent"] if row.parent_id != (parent and parent.pk) else [])
        if not changed:
            return row
    saved = save_circuit(
        installation=installation, circuit=row, name=given["name"], parent=parent, actor=report.actor, **fields
    )
    if row is None:
        report.added("circuit", label)
    report.changed("circuit", label, *changed)
    return saved


def _activate(report: Report, place: str, installation: Installation, given: list[dict[str, Any]]) -> None:
    """Activate circuits, from the top of the tree."""
    rows = _circuits(installation)
    wanted = [(n, rows[circuit["name"]]) for n, circuit in enumerate(given) if circuit.get("deactivated") is False]
    for number, row in sorted(wanted, key=lambda one: _depth(one[1], rows)):
        if row.deactivated_at is not None:
            with at(f"{place}[{number}]"):
                activate_circuit(circuit=row, actor=report.actor)
            report.changed("circuit", f"{installation.name} / {row.name}", "deactivated")


def deactivate_circuits(report: Report, place: str, installation: Installation, given: list[dict[str, Any]]) -> None:
    """Deactivate circuits, from the bottom of the tree. Call it when the stations are where the file places them."""
    rows = _circuits(installation)
    wanted = [(n, rows[circuit["name"]]) for n, circuit in enumerate(given) if circuit.get("deactivated")]
    for number, row in sorted(wanted, key=lambda one: -_depth(one[1], rows)):
        if row.deactivated_at is None:
            with at(f"{place}[{number}]"):
                deactivate_circuit(circuit=row, actor=report.actor)
            report.changed("circuit", f"{installation.name} / {row.name}", "deactivated")


def _circuits(installation: Installation) -> dict[str, Circuit]:
    return {row.name: row for row in installation.circuits.select_related("installation", "parent")}


def _depth(row: Circuit, rows: dict[str, Circuit]) -> int:
    depth = 0
    while row.parent is not None and depth < len(rows):
        row, depth = rows[row.parent.name], depth + 1
    return depth
