"""Drivers with granted access have a page of their own: sessions, places, start and stop (Z11, Z12)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.access.rights import ApiScope
from accounts.models import Grant, Team, User
from chargers.models import ChargingStation, Connector, GatewayNode, Tag
from operations.commands.services.settling import take_next_command
from operations.models import Command
from sessions.models import ChargingSession
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def inside(team: Team, node: GatewayNode) -> ChargingStation:
    """An online station with one free connector in a granted installation."""
    place = factories.InstallationFactory.create(team=team, name="Hall 1", city="Kiel")
    station = factories.StationFactory.create(team=team, installation=place, node=node)
    factories.ConnectorFactory.create(station=station, number=1, status="Available")
    return station


@pytest.fixture
def driver(inside: ChargingStation) -> User:
    return factories.GrantFactory.create(station=inside, role="user").user


@pytest.fixture
def own_tag(driver: User) -> Tag:
    return factories.TagFactory.create(team=None, user=driver, value="04BEEF")


@pytest.fixture
def page(client: Client, driver: User) -> Client:
    client.force_login(driver)
    return client


def running(station: ChargingStation, tag: Tag | None, connector: int = 1) -> ChargingSession:
    now = timezone.now()
    return factories.SessionFactory.create(
        station=station, tag=tag, id_tag="X", started_at=now, connector_number=connector
    )


def test_the_first_page_shows_places_connectors_tags_and_own_sessions(
    page: Client, inside: ChargingStation, own_tag: Tag, team: Team
) -> None:
    elsewhere = factories.StationFactory.create(team=team)
    own, foreign = running(inside, own_tag), running(elsewhere, factories.TagFactory.create(team=team))
    for name in ("portal:dashboard", "portal:own"):
        text = page.get(reverse(name)).content.decode()
        assert "Where you can charge" in text and inside.identity in text and "Hall 1" in text
        assert own_tag.value in text and own.get_absolute_url() in text
        assert elsewhere.identity not in text and foreign.get_absolute_url() not in text
        assert "Connector 1" in text and "Combined charging power" not in text


@pytest.mark.parametrize("how", ["ended", "withdrawn"])
def test_nobody_gets_an_operators_empty_dashboard_when_the_access_is_over(
    how: str, page: Client, inside: ChargingStation
) -> None:
    now = timezone.now()
    Grant.objects.update(**({"ends_at": now} if how == "ended" else {"withdrawn_at": now}))
    text = page.get("/").content.decode()
    assert "Where you can charge" in text and inside.identity not in text


def entries(text: str) -> set[str]:
    side = text[text.index('id="side"') : text.index("</nav>")]
    names = (
        "portal:own", "sessions:session_list", "access:grant_list", "accounts:api_tokens", "portal:notification_list",
        "portal:dashboard", "chargers:station_list", "chargers:tag_list", "operations:command_list",
        "maintenance:message_list", "portal:user_list", "accounts:teammates", "portal:permissions", "portal:group_list",
    )  # fmt: skip
    return {name for name in names if f'<li><a href="{reverse(name)}"' in side}


def test_the_navigation_shows_only_what_is_theirs(page: Client, viewer: User) -> None:
    assert entries(page.get("/").content.decode()) == {
        "portal:own", "sessions:session_list", "access:grant_list", "portal:notification_list",
    }  # fmt: skip
    assert reverse("accounts:api_tokens") in page.get(reverse("accounts:account")).content.decode()
    found = page.get(reverse("portal:search"), {"q": "stations"}).content.decode()
    assert reverse("chargers:station_list") not in found
    page.force_login(viewer)
    shown = entries(page.get("/").content.decode())
    assert "portal:dashboard" in shown and "portal:own" not in shown


def test_a_member_of_another_team_who_may_charge_here_finds_the_place(
    client: Client, inside: ChargingStation, other_team: Team, stranger: User
) -> None:
    factories.GrantFactory.create(station=inside, role="user", user=None, to_team=other_team)
    client.force_login(stranger)
    text = client.get("/").content.decode()
    assert {"portal:own", "portal:dashboard"} <= entries(text)
    assert inside.identity in client.get(reverse("portal:own")).content.decode()


def start(page: Client, station: ChargingStation, tag: Tag) -> Any:
    return page.post(reverse("portal:own_start", args=[station.pk]), {"connector": "1", "tag": tag.pk})


def test_start_with_ones_own_tag(page: Client, inside: ChargingStation, own_tag: Tag, driver: User) -> None:
    assert page.get(reverse("portal:own_start", args=[inside.pk])).status_code == 200
    assert start(page, inside, own_tag).status_code == 302
    command = Command.objects.get()
    assert (command.kind, command.requested_by) == ("remote_start", driver)
    assert command.parameters == {"connector": 1, "id_tag": own_tag.value}


OFFLINE_AT = datetime(2026, 11, 25, 16, 3, tzinfo=UTC)


@pytest.mark.parametrize(
    ("station_facts", "status", "sentence"),
    [
        ({"node": None, "disconnected_at": OFFLINE_AT}, "Available", "Offline since 25 Nov"),
        ({"node": None, "last_heard_at": OFFLINE_AT}, "Available", "Not connected. Last seen 25 Nov"),
        ({"node": None}, "Available", "The station has never been online."),
        ({"registration": "rejected"}, "Available", "The station is not set up yet."),
        ({"status": "Unavailable"}, "Available", "The station is out of service."),
        ({}, "Faulted", "The station is out of service."),
        ({}, "Charging", "The connector is in use."),
        ({}, "Finishing", "The connector is in use."),
        ({}, None, "The station has not reported its connectors yet."),
    ],
)
def test_start_is_offered_only_where_it_can_work(
    page: Client,
    inside: ChargingStation,
    own_tag: Tag,
    station_facts: dict[str, Any],
    status: str | None,
    sentence: str,
) -> None:
    button = f'id="own-start-{inside.pk}"'
    assert button in page.get("/").content.decode()
    ChargingStation.objects.update(**station_facts)
    if status is None:
        Connector.objects.all().delete()
    else:
        Connector.objects.update(status=status)
    text = page.get("/").content.decode()
    assert sentence in text and button not in text
    assert sentence in page.get(reverse("portal:own_start", args=[inside.pk])).content.decode()
    assert start(page, inside, own_tag).status_code == 422
    assert not Command.objects.exists()


def test_only_free_connectors_are_offered(page: Client, inside: ChargingStation, own_tag: Tag) -> None:
    Connector.objects.update(status="Charging")
    factories.ConnectorFactory.create(station=inside, number=2, status="Preparing")
    form = page.get(reverse("portal:own_start", args=[inside.pk])).context["form"]
    assert form.fields["connector"].choices == [(2, "2")]
    assert "This connector is not available." in start(page, inside, own_tag).content.decode()


def test_a_tag_of_somebody_else_starts_nothing(page: Client, inside: ChargingStation, own_tag: Tag, team: Team) -> None:
    assert start(page, inside, factories.TagFactory.create(team=team)).status_code == 422
    Tag.objects.filter(pk=own_tag.pk).update(status="blocked")
    assert start(page, inside, own_tag).status_code == 422
    assert not Command.objects.exists()


def test_nothing_starts_where_one_may_not_charge(page: Client, own_tag: Tag, team: Team, inside: Any) -> None:
    assert start(page, factories.StationFactory.create(team=team), own_tag).status_code == 404
    Grant.objects.update(ends_at=timezone.now())
    assert start(page, inside, own_tag).status_code == 404


def test_stop_ones_own_session_and_no_others(page: Client, inside: ChargingStation, own_tag: Tag, team: Team) -> None:
    own, foreign = running(inside, own_tag), running(inside, factories.TagFactory.create(team=team), 2)
    assert page.post(reverse("portal:own_stop", args=[foreign.pk])).status_code == 404
    assert page.get(reverse("portal:own_stop", args=[own.pk])).status_code == 200
    assert page.post(reverse("portal:own_stop", args=[own.pk])).status_code == 302
    command = Command.objects.get()
    assert (command.kind, command.parameters) == ("remote_stop", {"session": own.pk})


def test_the_dialogs_answer_the_page_they_lie_on(page: Client, inside: ChargingStation, own_tag: Tag) -> None:
    headers = {"HX-Request": "true"}
    path = reverse("portal:own_start", args=[inside.pk])
    assert page.get(path, headers=headers).content.decode().lstrip().startswith("<dialog")
    answer = page.post(path, {"connector": "1", "tag": own_tag.pk}, headers=headers)
    assert answer.status_code == 204 and "Start request sent" in answer["HX-Trigger"]
    assert 'hx-target="#ask" hx-swap="innerHTML"' in page.get(reverse("portal:own_live")).content.decode()


def test_the_grantee_may_do_nothing_else(page: Client, inside: ChargingStation, own_tag: Tag, driver: User) -> None:
    for kind in ("reset", "unlock", "remote_start"):
        assert page.get(reverse("operations:station_command", args=[inside.pk, kind])).status_code == 404
    assert page.get(inside.get_absolute_url()).status_code == 404


def test_the_page_asks_the_same_number_of_queries_however_many_places(
    page: Client, team: Team, driver: User, own_tag: Tag, django_assert_max_num_queries: Any
) -> None:
    for _ in range(8):
        station = factories.StationFactory.create(team=team)
        factories.ConnectorFactory.create(station=station)
        factories.GrantFactory.create(station=station, role="user", user=driver)
        running(station, own_tag)
    page.get("/")
    with django_assert_max_num_queries(16):
        page.get("/")


# --- the API ------------------------------------------------------------------------------------------------------


def test_the_api_lists_own_sessions_tags_and_places(
    api: Any, inside: ChargingStation, own_tag: Tag, driver: User, team: Team
) -> None:
    own = running(inside, own_tag)
    running(inside, factories.TagFactory.create(team=team), 2)
    client = api(driver)
    bodies = {name: client.get(f"/api/v1/own/{name}/").json()["results"] for name in ("sessions", "tags", "places")}
    assert [row["id"] for row in bodies["sessions"]] == [own.pk]
    assert [row["value"] for row in bodies["tags"]] == [own_tag.value]
    (place,) = bodies["places"]
    assert (place["identity"], place["installation"], place["city"]) == (inside.identity, "Hall 1", "Kiel")
    assert [(one["number"], one["status"]) for one in place["connectors"]] == [(1, "Available")]


def test_start_and_stop_over_the_api(api: Any, inside: ChargingStation, own_tag: Tag, driver: User, team: Team) -> None:
    client, address = api(driver), f"/api/v1/own/places/{inside.identity}/start/"
    assert client.post(address, {"connector": 1, "tag": own_tag.value.lower()}, format="json").status_code == 201
    assert Command.objects.get().parameters == {"connector": 1, "id_tag": own_tag.value}
    foreign_tag = factories.TagFactory.create(team=team)
    assert client.post(address, {"connector": 1, "tag": foreign_tag.value}, format="json").status_code == 404
    own, foreign = running(inside, own_tag), running(inside, foreign_tag, 2)
    assert client.post(f"/api/v1/own/sessions/{own.pk}/stop/").status_code == 201
    assert client.post(f"/api/v1/own/sessions/{foreign.pk}/stop/").status_code == 404
    assert Command.objects.count() == 2


@pytest.mark.parametrize("scope", ApiScope.values)
def test_a_key_reads_and_starts_only_with_the_scope_for_it(
    scope: str, api: Any, inside: ChargingStation, own_tag: Tag, driver: User
) -> None:
    client = api(driver, scope)
    assert (client.get("/api/v1/own/sessions/").status_code == 200) is (scope == ApiScope.SESSIONS_READ)
    answer = client.post(
        f"/api/v1/own/places/{inside.identity}/start/", {"connector": 1, "tag": own_tag.value}, format="json"
    )
    assert (answer.status_code == 201) is (scope == ApiScope.OPERATE), answer.json()


def test_a_start_is_cancelled_when_the_access_ends_before_it_is_sent(
    page: Client, inside: ChargingStation, own_tag: Tag
) -> None:
    start(page, inside, own_tag)
    Grant.objects.update(ends_at=timezone.now())
    assert take_next_command(station_id=inside.pk, epoch=inside.epoch) is None
    assert Command.objects.get().cancel_reason == "access"
