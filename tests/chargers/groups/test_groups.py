"""A user's own station groups, and the restriction of all pages to the chosen one (W19, W20, W30)."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, channel_layers
from channels.testing import WebsocketCommunicator
from django.contrib.sessions.backends.db import SessionStore
from django.urls import reverse
from django.utils import timezone

from chargers.groups.services import groups
from chargers.models import Installation, StationGroup
from cpms.common.errors import DomainError
from cpms.common.messaging.news import team_group
from cpms.portal.dashboard.figures import figures
from cpms.portal.frame.live import FILTER_CHANGED, LiveConsumer
from sessions.insights.services.power_of_day import power_of_day
from tests import factories
from tests.cpms.common.test_lists import rows_of, sheet

CHOOSE = reverse("portal:group_choose")
LISTS = {
    "chargers:station_list": lambda row: row,
    "chargers:connector_list": lambda row: row.station,
    "sessions:session_list": lambda row: row.station,
    "operations:command_list": lambda row: row.station,
    "maintenance:message_list": lambda row: row.station,
    "maintenance:refusal_list": lambda row: row.station,
    "maintenance:security_list": lambda row: row.station,
    "maintenance:deviation_list": lambda row: row.station,
}


@pytest.fixture
def two(team):
    """Two stations of the team, each with a row of every model."""
    stations = factories.StationFactory.create_batch(2, team=team)
    for station in stations:
        factories.ConnectorFactory(station=station, number=1, status="Charging")
        now = timezone.now() - timedelta(minutes=1)
        session = factories.SessionFactory(station=station, started_at=now, power_w=7000, last_sample_at=now)
        factories.ReadingFactory(session=session, at=now, power_w=7000)
        factories.CommandFactory(station=station)
        factories.MessageFactory(station=station)
        factories.RefusedConnectionFactory(station=station)
        factories.DeviationFactory(station=station)
        factories.SecurityEventFactory(station=station, is_critical=True)
    return stations


@pytest.fixture
def group(operator, two):
    group = factories.StationGroupFactory(user=operator, name="North")
    group.stations.add(two[0])
    return group


@pytest.fixture
def chosen(page, group):
    assert page.post(CHOOSE, {"group": group.pk, "next": "/stations/"})["Location"] == "/stations/"
    return group


@pytest.mark.parametrize("name", LISTS)
def test_every_list_shows_the_chosen_group_only(page, chosen, two, name):
    found = {LISTS[name](row) for row in rows_of(page.get(reverse(name)))}
    assert found == {two[0]}
    page.post(CHOOSE, {"group": ""})
    assert {LISTS[name](row) for row in rows_of(page.get(reverse(name)))} == set(two)


@pytest.mark.parametrize("listed", [True, False])
def test_a_large_group_is_a_subquery_instead_of_a_list(page, chosen, two, monkeypatch, listed):
    monkeypatch.setattr(groups, "MAX_LISTED_KEYS", 1000 if listed else 0)
    assert rows_of(page.get(reverse("chargers:station_list"))) == [two[0]]
    assert rows_of(page.get(reverse("sessions:session_list")))[0].station == two[0]
    assert page.get("/").context["figures"].charging == 1


def test_exports_figures_and_charts_show_the_chosen_group_only(page, chosen, two):
    lines = sheet(page.get(reverse("chargers:station_list"), {"export": "csv"}))
    assert [line[0] for line in lines[1:]] == [two[0].identity]
    context = page.get("/").context
    assert (context["figures"].stations, context["figures"].charging, context["figures"].sessions_today) == (1, 1, 1)
    assert context["figures"].power_w == 7000
    assert {issue.subject for issue in context["issues"] if issue.kind in ("bad", "warn")} == {two[0].identity}
    assert sum(page.get(reverse("portal:dashboard_sessions")).json()["values"]) == 1
    points = page.get(reverse("portal:dashboard_power")).json()["series"][0]["points"]
    assert max(value for _at, value in points if value is not None) == 7.0


def test_detail_pages_outside_the_group_still_open(page, chosen, two):
    other = two[1]
    session = other.charging_sessions.get()
    for url in (
        other.get_absolute_url(),
        session.get_absolute_url(),
        reverse("chargers:station_edit", args=[other.pk]),
    ):
        assert page.get(url).status_code == 200


def test_the_page_names_the_group_and_offers_to_clear_it(page, chosen):
    text = page.get("/").content.decode()
    assert "Only stations of the group <b>North</b> are shown." in text
    assert "Log Off Group" in text and "Clear group filter" in text
    page.post(CHOOSE, {"group": ""})
    text = page.get("/").content.decode()
    assert "Log Off Group" not in text and "group-bar" not in text


def test_the_api_is_not_filtered_by_the_group(api, page, operator, chosen, two):
    assert len(api(operator).get("/api/v1/stations/").json()["results"]) == 2
    assert len(page.get("/api/v1/stations/").json()["results"]) == 1  # the API ignores the chosen group
    assert page.get(f"/api/v1/stations/{two[1].identity}/").status_code == 200


def test_a_group_of_another_user_cannot_be_chosen(page, viewer, two):
    other = factories.StationGroupFactory(user=viewer)
    for key in (other.pk, "x", "9" * 30):
        assert page.post(CHOOSE, {"group": key}).status_code == 404
    assert len(rows_of(page.get(reverse("chargers:station_list")))) == 2


def test_a_deleted_group_filters_nothing(page, chosen, two):
    chosen.delete()
    assert len(rows_of(page.get(reverse("chargers:station_list")))) == 2


def test_an_empty_group_shows_nothing(page, operator, two):
    page.post(CHOOSE, {"group": factories.StationGroupFactory(user=operator).pk})
    assert rows_of(page.get(reverse("chargers:station_list"))) == []
    assert page.get("/").status_code == 200


def test_choosing_a_group_never_redirects_to_another_site(page, group):
    for url in ("https://evil.example/", "//evil.example/", "javascript:x", ""):
        assert page.post(CHOOSE, {"group": group.pk, "next": url})["Location"] == "/"


def test_a_group_shows_no_more_than_the_user_may_see(page, operator, chosen, other_team):
    chosen.stations.add(factories.StationFactory(team=other_team))
    assert len(rows_of(page.get(reverse("chargers:station_list")))) == 1


def test_support_staff_can_have_groups(as_person, staff, two):
    group = factories.StationGroupFactory(user=staff)
    group.stations.add(two[1])
    browser = as_person(staff)
    browser.post(CHOOSE, {"group": group.pk})
    assert rows_of(browser.get(reverse("chargers:station_list"))) == [two[1]]
    assert rows_of(browser.get(reverse("maintenance:refusal_list")))[0].station == two[1]


def test_installations_are_those_of_the_groups_stations(operator, team, two, group):
    places = factories.InstallationFactory.create_batch(2, team=team)
    for place, station in zip(places, two, strict=True):
        station.installation = place
        station.save()
    operator.access.group = groups.chosen_group(operator, group.pk)
    assert list(Installation.objects.visible_to(operator)) == [places[0]]
    assert set(Installation.objects.reachable_by(operator)) == set(places)


def test_acknowledging_all_alerts_is_limited_to_the_group(page, chosen, two):
    until = max(event.pk for station in two for event in station.security_events.all())
    page.post(reverse("maintenance:security_acknowledge_all"), {"until": until})
    assert [station.security_events.get().acknowledged_at is not None for station in two] == [True, False]


# --- managing


def test_a_group_is_created_renamed_and_deleted(page, operator):
    made = page.post(reverse("portal:group_add"), {"name": " South "})
    group = StationGroup.objects.get(user=operator)
    assert (group.name, made["Location"]) == ("South", reverse("portal:group_detail", args=[group.pk]))
    page.post(reverse("portal:group_edit", args=[group.pk]), {"name": "West"})
    group.refresh_from_db()
    assert group.name == "West"
    assert page.post(reverse("portal:group_add"), {"name": "west"}).status_code == 422
    page.post(reverse("portal:group_delete", args=[group.pk]))
    assert not StationGroup.objects.exists()


def test_the_number_of_groups_is_limited(operator, monkeypatch):
    monkeypatch.setattr(groups, "MAX_GROUPS", 1)
    groups.create_group(user=operator, name="One")
    with pytest.raises(DomainError):
        groups.create_group(user=operator, name="Two")


def test_stations_are_found_added_and_removed(page, group, two):
    url, change = (reverse(f"portal:{name}", args=[group.pk]) for name in ("group_detail", "group_stations"))
    context = page.get(url, {"find": two[1].identity.lower()}).context
    assert (context["members"], context["found"], context["found_count"]) == ([two[0]], [two[1]], 1)
    page.post(change, {"station": two[1].pk})
    page.post(change, {"station": two[0].pk, "do": "take"})
    assert list(group.stations.all()) == [two[1]]


def test_all_matching_stations_are_added_but_none_of_other_teams(page, group, two, team, other_team):
    factories.StationFactory(team=other_team)
    more = factories.StationFactory.create_batch(30, team=team, name="Depot 5")
    change = reverse("portal:group_stations", args=[group.pk])
    page.post(change, {"do": "all", "find": "depot"})
    assert group.stations.count() == 31
    page.post(change, {"do": "all", "find": ""})
    assert group.stations.count() == len(two) + len(more)


def test_a_station_of_another_team_cannot_be_added(page, group, other_team):
    other = factories.StationFactory(team=other_team)
    for key in (other.pk, "x", "9" * 30):
        response = page.post(reverse("portal:group_stations", args=[group.pk]), {"station": key})
        assert response.status_code == 404
    assert group.stations.count() == 1


def test_all_stations_can_be_added_while_a_group_is_chosen(page, chosen, two):
    assert page.get(reverse("portal:group_detail", args=[chosen.pk])).context["found"] == [two[1]]


def test_query_count_does_not_grow_with_stations(page, group, team, django_assert_max_num_queries):
    stations = factories.StationFactory.create_batch(40, team=team)
    group.stations.add(*stations[:30])
    with django_assert_max_num_queries(12):
        response = page.get(reverse("portal:group_detail", args=[group.pk]))
    assert len(response.context["members"]) == 20 and response.context["count"] == 31


# --- live


@pytest.fixture
def layer():
    own = InMemoryChannelLayer()
    before = channel_layers.set("default", own)
    yield own
    channel_layers.set("default", before)


def socket_of(user, group=None):
    socket = WebsocketCommunicator(LiveConsumer.as_asgi(), "/live/")
    socket.scope["user"] = user
    socket.scope["session"] = session = SessionStore()
    if group is not None:
        session["group"] = group.pk
    return socket, session


@pytest.mark.django_db(transaction=True)
def test_live_updates_are_limited_to_the_group(operator, team, group, two, layer):
    async def exchange():
        socket, session = socket_of(operator, group)
        await session.asave()
        await socket.connect()
        for stations in ([two[1].pk], [two[1].pk, two[0].pk], None):
            await layer.group_send(team_group(team.pk), {"type": "news", "team": team.pk, "stations": stations})
        received = [await socket.receive_json_from(), await socket.receive_json_from()]
        session["group"] = None
        await session.asave()
        await socket.send_json_to("ping")
        return received, await socket.receive_output()

    received, end = async_to_sync(exchange)()
    assert received == [{"stations": [two[0].pk]}, {"stations": None}]
    assert end["code"] == FILTER_CHANGED


@pytest.mark.django_db(transaction=True)
def test_a_grant_for_a_station_gives_live_updates_of_that_station_only(team, two, layer):
    user = factories.GrantFactory(station=two[0], user=factories.UserFactory(), role="service").user

    async def exchange():
        socket, session = socket_of(user)
        await session.asave()
        await socket.connect()
        for stations in ([two[1].pk], [two[1].pk, two[0].pk]):
            await layer.group_send(team_group(team.pk), {"type": "news", "team": team.pk, "stations": stations})
        received = await socket.receive_json_from()
        is_silent = await socket.receive_nothing(0.2)
        await socket.disconnect()
        return received, is_silent

    assert async_to_sync(exchange)() == ({"stations": [two[0].pk]}, True)


# --- figures by right, not by team


def test_an_owner_by_grant_sees_figures_of_their_station(two):
    owner = factories.GrantFactory(station=two[0], user=factories.UserFactory(), role="owner").user
    totals = figures(owner)
    assert (totals.stations, totals.charging, totals.power_w, totals.sessions_today) == (1, 1, 7000, 1)
    assert max(power for _at, power in power_of_day(owner, timezone.localdate())) == 7000


def test_service_sees_stations_but_no_figures_of_sessions(as_person, two):
    user = factories.GrantFactory(station=two[0], user=factories.UserFactory(), role="service").user
    totals = figures(user)
    assert (totals.stations, totals.charging, totals.power_w, totals.sessions_today) == (1, 0, None, 0)
    assert power_of_day(user, timezone.localdate()) == []
    browser = as_person(user)
    session = two[0].charging_sessions.get()
    for url in ("/stations/", "/stations/connectors/", two[0].get_absolute_url()):
        text = browser.get(url).content.decode()
        assert session.get_absolute_url() not in text and session.id_tag not in text


def test_a_driver_sees_own_sessions_and_where_they_may_charge(as_person, two):
    """Z12."""
    driver = factories.GrantFactory(station=two[0], user=factories.UserFactory(), role="user").user
    tag = factories.TagFactory(team=two[0].team, user=driver)
    own = factories.SessionFactory(station=two[0], tag=tag, finished=True)
    browser = as_person(driver)
    response = browser.get("/")
    assert response.context["sessions"] == [own]
    assert [row["station"] for row in response.context["stations"]] == [two[0]]
    text = response.content.decode()
    assert two[0].identity in text and two[1].identity not in text
    assert f'href="{reverse("chargers:station_list")}' not in text and reverse("maintenance:message_list") not in text
    page = browser.get(own.get_absolute_url())
    assert page.status_code == 200 and two[0].get_absolute_url() not in page.content.decode()
