"""Place stations in installations and on circuits."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from django.db import transaction
from django.db.models import Case, Q, QuerySet, Value, When
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.models import User
from chargers.installations.models import Circuit, Installation
from chargers.stations.models import ChargingStation
from chargers.stations.services.finding import search_stations
from cpms.common.errors import DomainError, NotAllowed, refuse
from cpms.common.messaging.news import tell_pages
from cpms.common.outcomes import Outcome, change_each

logger = logging.getLogger(__name__)
MAX_OFFERED = 50  # stations that a page offers at once


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
        DomainError: the installation belongs to another team, or the circuit to another installation or is
            deactivated.
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
    if circuit is not None and circuit.deactivated_at is not None:
        refuse("circuit", _("The circuit “%(name)s” is deactivated.") % {"name": circuit.name})
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


def placeable_stations(
    *, installation: Installation, circuit: Circuit | None, actor: User, find: str = ""
) -> QuerySet[ChargingStation]:
    """Return the active stations that the actor may move to an installation or to one of its circuits.

    Those of the installation come first, then those without an installation. Stations elsewhere are offered only to
    users who may move stations between installations.

    Args:
        circuit: None: to the installation; without stations that are there already.
        find: part of the identity, name or place.
    """
    stations: QuerySet[Any] = ChargingStation.objects.reachable_by(actor).filter(team=installation.team_id)
    here = Q(installation=installation) if circuit is None else Q(circuit=circuit)
    stations = stations.filter(deactivated_at=None).exclude(here)
    if not actor.access.may(Can.ADD_STATIONS, installation.team):
        stations = stations.filter(installation=installation)
    if find:
        stations = search_stations(stations, find)
    rank = Case(
        When(installation=installation, then=Value(0)), When(installation=None, then=Value(1)), default=Value(2)
    )
    ordered = stations.select_related("installation", "circuit").defer("password", "next_password")
    return ordered.order_by(rank, "identity", "pk")
