"""The table of permissions against real requests: each right is what its page, its API or its command demands (W53)."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
from django.test import Client

from accounts.access.rights import COLUMNS, Can, Role, allows
from accounts.models import Team, User
from chargers.models import ChargingStation, Installation
from chargers.tags.services.authorization import authorize_tag
from tests import factories

pytestmark = pytest.mark.django_db


class World(NamedTuple):
    client: Client
    user: User
    station: ChargingStation
    place: Installation
    team: Team


def get(path: str) -> Callable[[World], bool]:
    return lambda world: (
        world.client.get(path.format(station=world.station.pk, place=world.place.pk)).status_code == 200
    )


def own_session(world: World) -> bool:
    tag = factories.TagFactory.create(team=world.team, user=world.user)
    session = factories.SessionFactory.create(station=world.station, tag=tag)
    return world.client.get(f"/sessions/{session.pk}/").status_code == 200


def session_of_another(world: World) -> bool:
    session = factories.SessionFactory.create(station=world.station)
    return world.client.get(f"/sessions/{session.pk}/").status_code == 200


def message(world: World) -> bool:
    row = factories.MessageFactory.create(station=world.station)
    return world.client.get(f"/maintenance/messages/{row.pk}/").status_code == 200


def command(**body: Any) -> Callable[[World], bool]:
    def ask(world: World) -> bool:
        address = f"/api/v1/stations/{world.station.identity}/commands/"
        return world.client.post(address, json.dumps(body), "application/json").status_code == 201

    return ask


def address_of_installation(world: World) -> bool:
    url = f"/api/v1/installations/{world.place.pk}/"
    return world.client.patch(url, json.dumps({"city": "Bergen"}), "application/json").status_code == 200


# The right to charge is asked for by no page: a station asks whether a tag may charge, whoever carries it.
ASKED_BY: dict[Can, Callable[[World], bool]] = {
    Can.SEE_STATIONS: get("/stations/{station}/"),
    Can.SEE_SESSIONS: session_of_another,
    Can.SEE_OWN: own_session,
    Can.SEE_MESSAGES: message,
    Can.OPERATE: command(kind="clear_cache"),
    Can.NAME: get("/stations/{station}/edit/"),
    Can.CONFIGURE: command(kind="change_configuration", parameters={"key": "HeartbeatInterval", "value": "60"}),
    Can.SET_PASSWORDS: get("/stations/{station}/password/"),
    Can.ADD_STATIONS: get("/stations/add/"),
    Can.ADD_PLACES: get("/installations/add/"),
    Can.MANAGE_PLACES: address_of_installation,
    Can.CONFIGURE_PLACES: get("/installations/{place}/circuits/add/"),
    Can.MANAGE_ACCESS: get("/access/give/?installation={place}"),
    Can.MANAGE_TEAM: get("/team/"),
}


@pytest.fixture
def world(team: Team, client: Client, user_with: Any) -> Callable[[str], World]:
    place = factories.InstallationFactory.create(team=team)
    station = factories.StationFactory.create(team=team, installation=place)

    def make(column: str) -> World:
        is_mate = column in Role.values
        user = (
            user_with(Role(column)) if is_mate else factories.GrantFactory.create(installation=place, role=column).user
        )
        client.force_login(user)
        return World(client, user, station, place, team)

    return make


@pytest.mark.parametrize("column", COLUMNS)
@pytest.mark.parametrize("right", ASKED_BY)
def test_a_request_is_answered_as_the_table_says(right: Can, column: str, world: Any) -> None:
    assert ASKED_BY[right](world(column)) is allows(column, right)


def test_every_right_is_asked_for_somewhere() -> None:
    assert ASKED_BY.keys() | {Can.CHARGE} == set(Can)


def test_a_tag_charges_whoever_carries_it(world: Any) -> None:
    """Z11."""
    its = world("user")
    tag = factories.TagFactory.create(team=its.team, user=its.user)
    assert authorize_tag(station=its.station, value=tag.value).is_accepted
