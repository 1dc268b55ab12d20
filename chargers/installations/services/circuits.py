"""Add, edit, deactivate and remove the circuits of an installation."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from decimal import Decimal

from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from accounts.access.rights import Can
from accounts.models import User
from chargers.installations.models import Circuit, Installation
from chargers.installations.services.checks import clean, fuse
from chargers.stations.models import ChargingStation
from cpms.common.errors import DomainError, NotAllowed, refuse
from cpms.common.messaging.news import tell_pages

logger = logging.getLogger(__name__)
MAX_CIRCUITS = 500
MAX_NAMED = 10  # stations and circuits that an error names


@transaction.atomic
def save_circuit(
    *,
    installation: Installation,
    circuit: Circuit | None,
    name: str,
    max_current_a: Decimal | int,
    phases: int,
    parent: Circuit | None,
    actor: User | None = None,
) -> Circuit:
    """Add a circuit to an installation, or edit one.

    Args:
        parent: the circuit that feeds it; None: the main breaker of the installation.

    Raises:
        NotAllowed: the actor may not change circuits here; owners of the installation may not either.
        DomainError: a value is wrong, the name is taken, or the circuit would feed itself (`fields` names which).
    """
    _require_circuits(actor, installation)
    Installation.objects.select_for_update().get(pk=installation.pk)  # one request at a time changes the tree
    if circuit is None:
        if installation.circuits.count() >= MAX_CIRCUITS:
            raise DomainError(_("An installation has at most %(most)d circuits.") % {"most": MAX_CIRCUITS})
        circuit = Circuit(installation=installation)
    _require_tree(circuit, parent)
    circuit.max_current_a = fuse("max_current_a", max_current_a)
    circuit.name, circuit.phases, circuit.parent = name.strip(), phases, parent
    clean(circuit, exclude=["installation", "parent"])
    if installation.circuits.filter(name=circuit.name).exclude(pk=circuit.pk).exists():
        refuse("name", _("The installation already has a circuit with this name."))
    circuit.save()
    logger.info("circuit saved", extra={"installation": installation.pk, "circuit": circuit.pk})
    return circuit


@transaction.atomic
def deactivate_circuit(*, circuit: Circuit, move_to: Circuit | None = None, actor: User | None = None) -> Circuit:
    """Deactivate a circuit. What it feeds is moved to another circuit in the same step.

    Args:
        move_to: the circuit that takes the active circuits and stations, with their history unchanged.

    Raises:
        NotAllowed: the actor may not change circuits here.
        DomainError: it feeds active stations or circuits and `move_to` is not given (the sentence names them), or
            `move_to` is deactivated, in another installation, or fed by the circuit (`fields` names `move_to`).
    """
    _require_circuits(actor, circuit.installation)
    Installation.objects.select_for_update().get(pk=circuit.installation_id)
    row = Circuit.objects.select_related("installation").get(pk=circuit.pk)
    if row.deactivated_at is not None:
        return row
    children, stations = fed_by(row)
    if children or stations:
        if move_to is None:
            raise DomainError(_what_it_feeds(row, children, stations))
        _require_place_for(row, move_to)
        for child in children:
            child.parent = move_to
            child.save(update_fields=["parent"])
        for station in stations:
            station.circuit = move_to
            station.save(update_fields=["circuit"])
        tell_pages({row.installation.team_id: [station.pk for station in stations]})
    row.deactivated_at = timezone.now()
    row.save(update_fields=["deactivated_at"])
    logger.info("circuit deactivated", extra={"installation": row.installation_id, "circuit": row.pk})
    return row


@transaction.atomic
def activate_circuit(*, circuit: Circuit, actor: User | None = None) -> Circuit:
    """Activate a deactivated circuit again.

    Raises:
        NotAllowed: the actor may not change circuits here.
        DomainError: the circuit that feeds it is deactivated.
    """
    _require_circuits(actor, circuit.installation)
    Installation.objects.select_for_update().get(pk=circuit.installation_id)
    row = Circuit.objects.select_related("parent").get(pk=circuit.pk)
    if row.parent is not None and row.parent.deactivated_at is not None:
        sentence = _("It is fed by “%(name)s”, which is deactivated. Activate that circuit first.")
        raise DomainError(sentence % {"name": row.parent.name})
    row.deactivated_at = None
    row.save(update_fields=["deactivated_at"])
    logger.info("circuit activated", extra={"installation": row.installation_id, "circuit": row.pk})
    return row


def fed_by(circuit: Circuit) -> tuple[list[Circuit], list[ChargingStation]]:
    """Return the active circuits and the active stations that a circuit feeds directly."""
    stations = circuit.stations.filter(deactivated_at=None).defer("password", "next_password").order_by("identity")
    return list(circuit.children.filter(deactivated_at=None).order_by("name")), list(stations)


def circuits_to_move_to(circuit: Circuit) -> QuerySet[Circuit]:
    """Return the circuits that can take what a circuit feeds: active ones that it does not feed."""
    parents = dict(Circuit.objects.filter(installation=circuit.installation_id).values_list("pk", "parent_id"))
    below = {circuit.pk}
    while more := {key for key, parent in parents.items() if parent in below} - below:
        below |= more
    rows: QuerySet[Circuit] = Circuit.objects.filter(installation=circuit.installation_id, deactivated_at=None)
    return rows.exclude(pk__in=below).order_by("name")


def _what_it_feeds(circuit: Circuit, children: Iterable[Circuit], stations: Iterable[ChargingStation]) -> str:
    names = [*(child.name for child in children), *(station.identity for station in stations)]
    listed = ", ".join(names[:MAX_NAMED]) + (" …" if len(names) > MAX_NAMED else "")
    return ngettext(
        "“%(circuit)s” still feeds %(names)s. Choose the circuit that it moves to.",
        "“%(circuit)s” still feeds %(names)s. Choose the circuit that they move to.",
        len(names),
    ) % {"circuit": circuit.name, "names": listed}


def _require_place_for(circuit: Circuit, move_to: Circuit) -> None:
    """Raise an error unless what a circuit feeds can be moved to the other circuit."""
    if move_to.installation_id != circuit.installation_id:
        refuse("move_to", _("This circuit belongs to another installation."))
    if move_to.deactivated_at is not None:
        refuse("move_to", _("The circuit “%(name)s” is deactivated.") % {"name": move_to.name})
    if circuit.pk in _with_parents(move_to):
        refuse("move_to", _("Choose a circuit that is not fed by this one."))


def _with_parents(circuit: Circuit) -> set[int]:
    """Return the keys of a circuit and of all that feed it."""
    feeds = dict(Circuit.objects.filter(installation=circuit.installation_id).values_list("pk", "parent_id"))
    found: set[int] = set()
    at: int | None = circuit.pk
    while at is not None and at not in found:
        found.add(at)
        at = feeds.get(at)
    return found


@transaction.atomic
def remove_circuit(*, circuit: Circuit, actor: User | None = None) -> None:
    """Delete a circuit that feeds nothing.

    Raises:
        NotAllowed: the actor may not change circuits here.
        DomainError: the circuit feeds another circuit or a station.
    """
    _require_circuits(actor, circuit.installation)
    Installation.objects.select_for_update().get(pk=circuit.installation_id)
    if circuit.children.exists() or circuit.stations.exists():
        raise DomainError(_("This circuit feeds other circuits or stations. Move them first."))
    logger.info("circuit removed", extra={"installation": circuit.installation_id, "circuit": circuit.pk})
    circuit.delete()


def _require_circuits(actor: User | None, installation: Installation) -> None:
    if actor is not None and not actor.access.may(Can.CONFIGURE_PLACES, installation):
        raise NotAllowed(_("Only administrators and service partners of the team can edit circuits."))


def _require_tree(circuit: Circuit, parent: Circuit | None) -> None:
    """Raise an error unless the circuits stay trees."""
    if parent is not None and parent.installation_id != circuit.installation_id:
        refuse("parent", _("This circuit belongs to another installation."))
    if parent is not None and parent.deactivated_at is not None:
        refuse("parent", _("The circuit “%(name)s” is deactivated.") % {"name": parent.name})
    if parent is not None and circuit.pk in _with_parents(parent):
        refuse("parent", _("A circuit cannot be fed by a circuit that it feeds."))
