"""A user of several providers can restrict everything to one of them (V11, Vi8, Vi9)."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from django.urls import reverse
from django.utils import timezone

from accounts.access.rights import Role
from chargers.groups.services import providers
from chargers.models import Tag
from cpms.common.messaging.news import team_group
from cpms.portal.drivers.views import driver_stations
from cpms.portal.frame.live import FILTER_CHANGED
from sessions.insights.services.power_of_day import power_of_day
from sessions.models import TeamPower
from tests import factories
from tests.chargers.groups.test_groups import CHOOSE, LISTS, layer, socket_of  # noqa: F401
from tests.cpms.common.test_lists import rows_of, sheet


def of_everything(team):
    station = factories.StationFactory(team=team)
    factories.ConnectorFactory(station=station, number=1, status="Charging")
    now = timezone.now() - timedelta(minutes=1)
    tag = factories.TagFactory(team=team)
    factories.SessionFactory(station=station, started_at=now, power_w=7000, last_sample_at=now, tag=tag)
    factories.CommandFactory(station=station)
    factories.MessageFactory(station=station)
    factories.RefusedConnectionFactory(station=station)
    factories.DeviationFactory(station=station)
    factories.SecurityEventFactory(station=station, is_critical=True)
    factories.InstallationFactory(team=team, name="Depot")
    return station


@pytest.fixture
def both(team, other_team):
    return [of_everything(team), of_everything(other_team)]


@pytest.fixture
def of_two(operator, other_team):
    factories.MembershipFactory(user=operator, team=other_team, role=Role.OPERATOR)
    return operator


def choose(page, team):
    return page.post(CHOOSE, {"provider": team.pk, "next": "/stations/"})


@pytest.mark.parametrize("name", [*LISTS, "chargers:tag_list", "places:installation_list"])
def test_every_list_shows_the_chosen_provider_only(page, of_two, both, team, other_team, name):
    """V11."""

    def seen():
        rows = rows_of(page.get(reverse(name)))
        return {getattr(LISTS.get(name, lambda row: row)(row), "team_id", None) for row in rows}

    assert seen() == {team.pk, other_team.pk}
    choose(page, team)
    assert seen() == {team.pk}
    page.post(CHOOSE, {"provider": ""})
    assert seen() == {team.pk, other_team.pk}


def test_exports_figures_and_charts_show_the_chosen_provider_only(page, of_two, both, team, other_team):
    """V11."""
    TeamPower.objects.bulk_create(
        TeamPower(team=one, at=timezone.now().replace(second=0, microsecond=0), power_w=power, session_count=1)
        for one, power in ((team, 7000), (other_team, 5000))
    )
    choose(page, other_team)
    lines = sheet(page.get(reverse("chargers:station_list"), {"export": "csv"}))
    assert [line[0] for line in lines[1:]] == [both[1].identity]
    context = page.get("/").context
    assert (context["figures"].stations, context["figures"].charging, context["figures"].power_w) == (1, 1, 7000)
    assert {issue.subject for issue in context["issues"] if issue.kind in ("bad", "warn")} == {both[1].identity}
    assert sum(page.get(reverse("portal:dashboard_sessions")).json()["values"]) == 1
    of_two.access.provider = providers.chosen_provider(of_two, other_team.pk)
    assert [power for _at, power in power_of_day(of_two, timezone.localdate())] == [5000]


def test_the_search_is_filtered_and_detail_pages_still_open(page, of_two, both, team):
    choose(page, team)
    found = page.get(reverse("portal:search"), {"q": both[1].identity}).content.decode()
    assert both[1].get_absolute_url() not in found
    assert page.get(both[1].get_absolute_url()).status_code == 200


def test_the_page_names_the_provider_and_offers_to_clear_it(page, of_two, both, team):
    assert "All providers" in page.get("/").content.decode()
    choose(page, team)
    assert f"Only data of <b>{team.name}</b> is shown." in page.get("/").content.decode()


def test_a_group_and_a_provider_apply_together(page, of_two, both, team, other_team):
    group = factories.StationGroupFactory(user=of_two, name="North")
    group.stations.add(*both)
    page.post(CHOOSE, {"group": group.pk})
    choose(page, other_team)
    response = page.get(reverse("chargers:station_list"))
    assert rows_of(response) == [both[1]]
    assert f"Only stations of <b>{other_team.name}</b> in the group <b>North</b>" in response.content.decode()


def test_users_of_one_provider_get_no_choice(page, both):
    """Vi9."""
    assert "All providers" not in page.get("/").content.decode()


def test_a_provider_without_access_cannot_be_chosen(page, both, other_team):
    for key in (other_team.pk, "x", "9" * 30):
        assert page.post(CHOOSE, {"provider": key}).status_code == 404
    assert rows_of(page.get(reverse("chargers:station_list"))) == [both[0]]


def test_granted_access_belongs_to_its_provider(as_person, both, team, other_team):
    user = factories.GrantFactory(station=both[0], user=factories.UserFactory(), role="owner").user
    factories.GrantFactory(station=both[1], user=user, role="owner")
    browser = as_person(user)
    assert {provider.pk for provider in providers.providers_of(user)} == {team.pk, other_team.pk}
    choose(browser, other_team)
    assert rows_of(browser.get(reverse("chargers:station_list"))) == [both[1]]
    assert rows_of(browser.get(reverse("sessions:session_list")))[0].station == both[1]


def test_revoked_access_clears_the_choice(as_person, both, team, other_team):
    user = factories.MembershipFactory(team=team).user
    grant = factories.GrantFactory(station=both[1], user=user, role="owner")
    browser = as_person(user)
    choose(browser, other_team)
    grant.delete()
    assert rows_of(browser.get(reverse("chargers:station_list"))) == [both[0]]


def test_a_driver_sees_places_by_provider(both, team, other_team):
    user = factories.GrantFactory(station=both[0], user=factories.UserFactory(), role="user").user
    factories.GrantFactory(station=both[1], user=user, role="user")
    tag = Tag.objects.get(team=other_team)
    tag.user = user
    tag.save()
    user.access.provider = providers.chosen_provider(user, other_team.pk)
    assert list(driver_stations(user)) == [both[1]]


def test_support_staff_can_choose_a_team(as_person, staff, both, team):
    browser = as_person(staff)
    choose(browser, team)
    for name in ("chargers:station_list", "maintenance:message_list", "sessions:session_list"):
        assert len(rows_of(browser.get(reverse(name)))) == 1


@pytest.mark.django_db(transaction=True)
def test_live_updates_are_limited_to_the_provider(of_two, both, team, other_team, layer):  # noqa: F811
    async def exchange():
        socket, session = socket_of(of_two)
        session["provider"] = team.pk
        await session.asave()
        await socket.connect()
        for one, station in ((other_team, both[1]), (team, both[0])):
            await layer.group_send(team_group(one.pk), {"type": "news", "team": one.pk, "stations": [station.pk]})
        received = await socket.receive_json_from()
        is_silent = await socket.receive_nothing(0.2)
        session["provider"] = other_team.pk
        await session.asave()
        await socket.send_json_to("ping")
        return received, is_silent, await socket.receive_output()

    received, is_silent, end = async_to_sync(exchange)()
    assert (received, is_silent, end["code"]) == ({"stations": [both[0].pk]}, True, FILTER_CHANGED)
