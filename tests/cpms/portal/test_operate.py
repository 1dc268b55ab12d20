"""Pages for a single operation each (W25)."""

import pytest
from django.urls import reverse

from chargers.models import Presence
from tests import factories
from tests.cpms.common.test_lists import rows_of

PAGES = ["remote_start", "remote_stop", "reset", "availability"]


def address(name):
    return reverse(f"operations:{name}")


@pytest.fixture
def busy(team, online):
    station = online(team, status="Charging")
    factories.SessionFactory(station=station)
    return station


@pytest.mark.parametrize("name", PAGES)
def test_it_lists_where_one_may_operate_and_nothing_else(as_person, busy, online, other_team, name):
    """W25. A viewer who has a service grant for another team's station sees that station only."""
    factories.SessionFactory(station=online(other_team))
    user = factories.MembershipFactory(team=other_team, role="viewer").user
    factories.GrantFactory(station=busy, user=user, role="service")
    rows = rows_of(as_person(user).get(address(name)))
    assert {getattr(row, "station", row) for row in rows} == (set() if name == "remote_stop" else {busy})


def test_what_is_over_is_not_stopped(page, busy):
    factories.SessionFactory(station=busy, finished=True)
    assert [row.stopped_at for row in rows_of(page.get(address("remote_stop")))] == [None]


@pytest.mark.parametrize("name", PAGES)
def test_each_row_opens_the_form_of_its_command(page, busy, team, online, name):
    """W101-W104."""
    online(team)
    text = page.get(address(name)).content.decode()
    url = text.split('hx-get="/operate/stations/')[1].split('"')[0]
    form = page.get(f"/operate/stations/{url}".replace("&amp;", "&"), headers={"HX-Request": "true"})
    assert form.status_code == 200 and "<dialog" in form.content.decode()


def test_a_station_that_is_away_is_asked_nothing(page, team, offline):
    offline(team)
    response = page.get(address("reset"))
    assert [row.presence for row in rows_of(response)] == [Presence.OFFLINE]
    assert "/operate/stations/" not in response.content.decode()


@pytest.mark.parametrize("name", PAGES)
def test_query_count_does_not_grow(page, team, online, name, django_assert_max_num_queries):
    for _number in range(12):
        factories.SessionFactory(station=online(team))
    with django_assert_max_num_queries(13):
        assert len(rows_of(page.get(address(name)))) == 12


def test_where_a_session_runs_none_is_started(page, busy, team, online):
    free = online(team)
    text = page.get(address("remote_start")).content.decode()
    assert f"/operate/stations/{busy.pk}/" not in text and f"/operate/stations/{free.pk}/" in text


def test_viewers_have_no_entry_in_the_menu(as_person, viewer, operator):
    assert address("reset") not in as_person(viewer).get("/").content.decode()
    assert address("reset") in as_person(operator).get("/").content.decode()
