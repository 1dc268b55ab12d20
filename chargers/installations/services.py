"""Add and edit installations and their circuits, and place stations in them."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping
from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils.translation import gettext as _

from accounts.access.rights import Can, GrantRole, allows
from accounts.models import Grant, Team, User
from chargers.events.services import record_access
from chargers.installations.models import FUSE_STEP_A, MAX_FUSE_A, MIN_FUSE_A, Circuit, Installation
from chargers.stations.models import ChargingStation
from cpms.common.errors import DomainError, NotAllowed, refuse
from cpms.common.messaging.news import tell_pages
from cpms.common.outcomes import Outcome, change_each
from cpms.common.web.countries import is_country

logger = logging.getLogger(__name__)
INSTALLATION_FIELDS = ("name", "street", "postal_code", "city", "country", "contact_name", "contact_phone")
MAX_CIRCUITS = 500


@transaction.atomic
def add_installation(*, team: Team, fields: Mapping[str, str], actor: User | None = None) -> Installation:
    """Add an installation to a team.

    A user with the service role on another installation of the team gets it on the new one, until the same time.

    Args:
        fields: values by the names in INSTALLATION_FIELDS.

    Raises:
        NotAllowed: the actor may not add installations to this team.
        DomainError: a value is wrong (`fields` names which), or the team has an installation of this name.
    """
    if actor is None or actor.access.may(Can.ADD_PLACES, team):
        return _save_installation(Installation(team=team), fields)
    held = _service_in(team, actor)
    if held is None:
        raise NotAllowed(_("Only administrators and service partners of the team can add installations."))
    installation = _save_installation(Installation(team=team), fields)
    recipient = {"user": held.user, "to_team": held.to_team, "ends_at": held.ends_at}
    record_access(
        Grant.objects.create(
            team=team, installation=installation, role=held.role, created_by=held.created_by, **recipient
        )
    )
    return installation


def _service_in(team: Team, actor: User) -> Grant | None:
    """Return the grant by which the actor may add installations to the team; of several, the one that lasts longest."""
    places = Installation.objects.filter(team=team, pk__in=actor.access.scope(Can.ADD_PLACES).installations)
    teams = [pk for pk, role in actor.access.roles.items() if allows(role, Can.ADD_PLACES)]
    grants = Grant.objects.active().filter(Q(user=actor) | Q(to_team__in=teams), role=GrantRole.SERVICE)
    return grants.filter(installation__in=places).order_by(F("ends_at").desc(nulls_first=True), "pk").first()


@transaction.atomic
def edit_installation(
    *, installation: Installation, fields: Mapping[str, str], actor: User | None = None
) -> Installation:
    """Edit name, address and contact of an installation; see `add_installation`."""
    if actor is not None and not actor.access.may(Can.MANAGE_PLACES, installation):
        raise NotAllowed(_("Only administrators of the team and owners can edit this installation."))
    return _save_installation(Installation.objects.select_for_update().get(pk=installation.pk), fields)


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
    circuit.max_current_a = _fuse(max_current_a)
    circuit.name, circuit.phases, circuit.parent = name.strip(), phases, parent
    _clean(circuit, exclude=["installation", "parent"])
    if installation.circuits.filter(name=circuit.name).exclude(pk=circuit.pk).exists():
        refuse("name", _("The installation already has a circuit with this name."))
    circuit.save()
    logger.info("circuit saved", extra={"installation": installation.pk, "circuit": circuit.pk})
    return circuit


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


@transaction.atomic
def place_station(
    *,
    station: ChargingStation,
    installation: Installation | None,
    circuit: Circuit | None,
    actor: User | None = None,
) -> ChargingStation:
    """Set the installation and the circuit of a station.

    Another installation gives other users access to the station, so only administrators of its team may choose it.

    Raises:
        NotAllowed: the actor may not move this station, or not between circuits.
        DomainError: the installation belongs to another team, or the circuit to another installation.
    """
    stations = ChargingStation.objects.select_for_update(of=("self",)).select_related("team")
    station = stations.defer("password", "next_password").get(pk=station.pk)
    installation_id, circuit_id = installation and installation.pk, circuit and circuit.pk
    if (installation_id, circuit_id) == (station.installation_id, station.circuit_id):
        return station
    is_moved = installation_id != station.installation_id
    if is_moved and not may_move(actor, station):
        raise NotAllowed(_("Only administrators of the team can move its stations to another installation."))
    is_rewired = circuit is not None or not is_moved
    if is_rewired and not may_wire(actor, station, installation):
        raise NotAllowed(_("Only administrators and service partners of the team can edit circuits."))
    if installation is not None and installation.team_id != station.team_id:
        refuse("installation", _("This installation belongs to another team."))
    if circuit is not None and circuit.installation_id != installation_id:
        refuse("circuit", _("This circuit belongs to another installation."))
    station.installation, station.circuit = installation, circuit
    station.save(update_fields=["installation", "circuit"])
    tell_pages({station.team_id: [station.pk]})
    logger.info("station placed", extra={"station": station.identity, "installation": installation_id})
    return station


def place_stations(
    *,
    stations: Collection[ChargingStation],
    installation: Installation,
    circuit: Circuit | None,
    actor: User | None = None,
) -> Outcome:
    """Move several stations of one team to an installation and a circuit; see `place_station`.

    Raises:
        DomainError: the stations belong to several teams.
    """
    if len({station.team_id for station in stations}) > 1:
        raise DomainError(_("These stations belong to several teams. Select stations of one team."))
    return change_each(
        stations,
        lambda station: place_station(station=station, installation=installation, circuit=circuit, actor=actor),
    )


def may_move(actor: User | None, station: ChargingStation) -> bool:
    """Return whether the actor may move the station to another installation."""
    return actor is None or (station.team is not None and actor.access.may(Can.ADD_STATIONS, station.team))


def may_wire(actor: User | None, station: ChargingStation, installation: Installation | None) -> bool:
    """Return whether the actor may choose the circuit of the station."""
    return actor is None or actor.access.may(Can.CONFIGURE_PLACES, installation or station)


def _save_installation(installation: Installation, fields: Mapping[str, str]) -> Installation:
    for name in INSTALLATION_FIELDS:
        if name in fields:
            setattr(installation, name, fields[name].strip())
    installation.country = installation.country.upper()
    if not is_country(installation.country):
        refuse("country", _("Unknown country code. Use two letters, for example DE."))
    _clean(installation, exclude=["team"])
    same = Installation.objects.filter(team=installation.team, name__iexact=installation.name)
    if same.exclude(pk=installation.pk).exists():
        refuse("name", _("The team already has an installation with this name."))
    try:
        with transaction.atomic():
            installation.save()
    except IntegrityError:
        refuse("name", _("The team already has an installation with this name."))
    logger.info("installation saved", extra={"installation": installation.pk, "team": installation.team_id})
    return installation


def _require_circuits(actor: User | None, installation: Installation) -> None:
    if actor is not None and not actor.access.may(Can.CONFIGURE_PLACES, installation):
        raise NotAllowed(_("Only administrators and service partners of the team can edit circuits."))


def _fuse(amperes: Decimal | int) -> Decimal:
    exact = Decimal(amperes)
    if not MIN_FUSE_A <= exact <= MAX_FUSE_A:
        refuse("max_current_a", _("The fuse rating must be 1 to 6,000 A."))
    if exact != exact.quantize(FUSE_STEP_A):
        refuse("max_current_a", _("Enter the fuse rating in steps of 0.1 A."))
    return exact


def _require_tree(circuit: Circuit, parent: Circuit | None) -> None:
    """Raise an error unless the circuits stay one tree with the grid connection as its root."""
    if parent is None and (circuit.pk is None or circuit.parent_id is not None):
        root = Circuit.objects.filter(installation=circuit.installation_id, parent=None).exclude(pk=circuit.pk).first()
        if root is not None:
            sentence = _("The grid connection of this installation is “%(name)s”. Choose what feeds this circuit.")
            refuse("parent", sentence % {"name": root.name})
    if parent is not None and parent.installation_id != circuit.installation_id:
        refuse("parent", _("This circuit belongs to another installation."))
    feeds = dict(Circuit.objects.filter(installation=circuit.installation_id).values_list("pk", "parent_id"))
    above = parent.pk if parent is not None else None
    while above is not None:
        if above == circuit.pk:
            refuse("parent", _("A circuit cannot be fed by a circuit that it feeds."))
        above = feeds.get(above)


def _clean(row: Any, exclude: list[str]) -> None:
    """Validate against the model's fields and reject characters that cannot be printed."""
    try:
        row.clean_fields(exclude=exclude)
    except ValidationError as error:
        name, texts = next(iter(error.message_dict.items()))
        raise DomainError(texts[0], fields={name: texts[0]}) from None
    for field in row._meta.concrete_fields:
        value = getattr(row, field.attname)
        if isinstance(value, str) and not value.isprintable():
            refuse(field.name, _("Only printable characters are allowed."))
