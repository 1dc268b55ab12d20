"""The table of permissions, cell by cell (D7, Z11-Z17): what it says is what happens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.access.rights import ALLOWED, COLUMNS, Can, GrantRole, Role, allows
from accounts.models import User
from chargers.models import ChargingStation, Connector, Installation
from maintenance.models import Message
from sessions.models import ChargingSession
from tests import factories

pytestmark = pytest.mark.django_db
# Written down a second time, by hand: the table in the code must not change by accident.
EXPECTED = {
    Can.SEE_STATIONS: "viewer operator admin owner service",
    Can.SEE_SESSIONS: "viewer operator admin owner",
    Can.SEE_OWN: "viewer operator admin owner user service",
    Can.SEE_MESSAGES: "viewer operator admin owner service",
    Can.CHARGE: "viewer operator admin owner user",
    Can.OPERATE: "operator admin owner service",
    Can.NAME: "operator admin owner service",
    Can.CONFIGURE: "operator admin service",
    Can.SET_PASSWORDS: "admin service",
    Can.ADD_STATIONS: "admin service",
    Can.ADD_PLACES: "admin service",
    Can.MANAGE_PLACES: "admin owner",
    Can.CONFIGURE_PLACES: "admin service",
    Can.MANAGE_ACCESS: "admin owner",
    Can.MANAGE_TEAM: "admin",
}


@pytest.fixture
def place(team: Any) -> Installation:
    return Installation.objects.create(team=team, name="Hall 1")


@pytest.fixture
def inside(team: Any, place: Installation) -> ChargingStation:
    return factories.StationFactory.create(team=team, installation=place)


def person(**grant: Any) -> User:
    """Somebody outside every team, with a grant."""
    user = factories.UserFactory.create()
    factories.GrantFactory.create(user=user, **grant)
    return user


@pytest.mark.parametrize("right", Can.values)
@pytest.mark.parametrize("column", COLUMNS)
def test_each_cell(right: str, column: str, inside: ChargingStation, place: Installation, user_with: Any) -> None:
    expected = column in EXPECTED[Can(right)].split()
    assert allows(column, right) is expected
    if column in Role.values:
        holders = [user_with(Role(column))]
    else:
        holders = [person(role=column, station=inside), person(role=column, installation=place)]
    elsewhere = factories.StationFactory.create(installation=factories.InstallationFactory.create())
    for holder in holders:
        assert holder.access.may(right, inside) is expected
        assert not holder.access.may(right, elsewhere) and not holder.access.may(right, elsewhere.installation)
        found = ChargingStation.objects.allowed(holder, right)
        assert list(found) == ([inside] if expected else [])


def test_the_table_is_whole() -> None:
    assert set(ALLOWED) == set(Can.values) == {right.value for right in EXPECTED}


@pytest.mark.parametrize("right", Can.values)
@pytest.mark.parametrize("team_role", Role.values)
@pytest.mark.parametrize("granted", GrantRole.values)
def test_a_grant_to_a_team_gives_no_teammate_more_than_his_own_role(
    right: str, team_role: str, granted: str, inside: ChargingStation, other_team: Any, user_with: Any
) -> None:
    user = user_with(Role(team_role), other_team)
    factories.GrantFactory.create(role=granted, station=inside, to_team=other_team, user=None)
    assert user.access.may(right, inside) is (allows(granted, right) and allows(team_role, right))


@pytest.mark.parametrize("kind", ["ended", "withdrawn", "inactive"])
def test_what_counts_no_more_gives_nothing(kind: str, inside: ChargingStation) -> None:
    """B21."""
    now = timezone.now()
    facts = {"ended": {"ends_at": now - timedelta(seconds=1)}, "withdrawn": {"withdrawn_at": now}}.get(kind, {})
    user = person(role="owner", station=inside, **facts)
    if kind == "inactive":
        user.is_active = False
    assert not any(user.access.may(right, inside) for right in Can.values)
    assert not ChargingStation.objects.visible_to(user).exists()


def test_a_grant_that_ends_later_counts_until_then(inside: ChargingStation) -> None:
    user = person(role="service", station=inside, ends_at=timezone.now() + timedelta(hours=1))
    assert user.access.may(Can.CONFIGURE, inside)


def test_a_user_sees_his_own_sessions_and_nothing_else(inside: ChargingStation) -> None:
    """Z12."""
    user = person(role="user", station=inside)
    tag = factories.TagFactory.create(team=inside.team, user=user)
    own = factories.SessionFactory.create(station=inside, tag=tag)
    factories.SessionFactory.create(station=inside, connector_number=2)
    assert list(ChargingSession.objects.visible_to(user)) == [own]
    assert not ChargingStation.objects.visible_to(user).exists()
    assert not Connector.objects.visible_to(user).exists()


def test_service_sees_messages_but_no_sessions_of_others(inside: ChargingStation) -> None:
    user = person(role="service", installation=inside.installation)
    factories.SessionFactory.create(station=inside)
    message = factories.MessageFactory.create(station=inside)
    assert list(Message.objects.visible_to(user)) == [message]
    assert not ChargingSession.objects.visible_to(user).exists()


def test_one_query_finds_all_that_a_person_holds(inside: ChargingStation, django_assert_num_queries: Any) -> None:
    user = User.objects.get(pk=person(role="owner", station=inside).pk)
    with django_assert_num_queries(2):  # roles and grants
        assert (
            user.access.may(Can.OPERATE, inside)
            and user.access.may(Can.NAME, inside)
            and not user.access.may(Can.CONFIGURE, inside)
        )
