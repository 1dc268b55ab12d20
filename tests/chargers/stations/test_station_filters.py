"""Filters of the stations list whose options are what the list contains, with counts (W48, P21)."""

import pytest
from django.urls import reverse

from tests import factories
from tests.cpms.common.test_lists import rows_of

STATIONS, CONNECTORS = reverse("chargers:station_list"), reverse("chargers:connector_list")


def options_of(page, name, **query):
    response = page.get(STATIONS, {"options": name, **query})
    return [(option.label, option.rows) for option in response.context["options"]]


@pytest.fixture
def park(team, online, offline):
    """Two models at two installations, one of them offline."""
    harbour = factories.InstallationFactory(team=team, name="Harbour")
    alfen = {"vendor": "Alfen", "model": "Eve Single", "firmware_version": "6.4", "installation": harbour}
    return [
        online(team, **alfen),
        online(team, **alfen, identity="B-2"),
        offline(team, vendor="ABB", model="Terra", firmware_version="1.8", identity="C-3"),
    ]


def test_vendor_and_model_are_one_choice_with_counts(page, park):
    assert options_of(page, "model") == [("Alfen Eve Single", 2), ("ABB Terra", 1)]
    assert set(rows_of(page.get(STATIONS, {"model": "Alfen Eve Single"}))) == set(park[:2])
    assert set(rows_of(page.get(STATIONS, {"model": ["Alfen Eve Single", "ABB Terra"]}))) == set(park)


def test_options_count_what_the_other_filters_leave(page, park):
    assert options_of(page, "model", presence="offline") == [("ABB Terra", 1)]
    assert options_of(page, "presence", model="ABB Terra") == [("Online", 0), ("Offline", 1), ("Unknown", 0)]


def test_a_search_finds_options_and_keeps_the_chosen_ones(page, park):
    found = options_of(page, "model", model="ABB Terra", find_model="eve")
    assert found == [("ABB Terra", None), ("Alfen Eve Single", 2)]


def test_more_options_than_can_be_shown_are_searched(page, team):
    for number in range(105):
        factories.StationFactory(team=team, vendor="Maker", model=f"M{number:03}")
    response = page.get(STATIONS, {"options": "model"})
    assert len(response.context["options"]) == 100 and "Search to find them" in response.content.decode()
    assert options_of(page, "model", find_model="m104") == [("Maker M104", 1)]


def test_stations_are_found_by_installation_and_by_having_none(page, park):
    harbour = park[0].installation
    assert options_of(page, "installation") == [("Harbour", 2), ("No installation", 1)]
    response = page.get(STATIONS, {"installation": str(harbour.pk)})
    assert set(rows_of(response)) == set(park[:2])
    assert [(chip.label, chip.value) for chip in response.context["chips"]] == [("Installation", "Harbour")]
    assert rows_of(page.get(STATIONS, {"installation": "none"})) == park[2:]


def test_stations_are_found_by_the_users_own_groups_only(page, operator, viewer, park):
    own = factories.StationGroupFactory(user=operator, name="Mine")
    own.stations.set(park[:1])
    other = factories.StationGroupFactory(user=viewer, name="Theirs")
    other.stations.set(park)
    assert options_of(page, "group") == [("Mine", 1)]
    assert rows_of(page.get(STATIONS, {"group": str(own.pk)})) == park[:1]
    refused = page.get(STATIONS, {"group": str(other.pk)})
    assert rows_of(refused) == [] and "This filter value does not exist" in refused.content.decode()


def test_own_and_shared_stations_are_told_apart(page, operator, other_team, park):
    """W47, W53."""
    shared = factories.StationFactory(team=other_team)
    factories.GrantFactory(station=shared, user=operator, role="owner")
    assert rows_of(page.get(STATIONS, {"ownership": "shared"})) == [shared]
    assert set(rows_of(page.get(STATIONS, {"ownership": "own"}))) == set(park)
    assert options_of(page, "ownership") == [("Own", 3), ("Shared with you", 1)]
    assert f"shared by {other_team.name}" in page.get(STATIONS).content.decode()


def test_states_count_stations_and_not_connectors(page, park):
    factories.ConnectorFactory(station=park[0], number=2, status="Available")
    assert dict(options_of(page, "state"))["Available"] == 2
    assert set(rows_of(page.get(STATIONS, {"state": ["available", "unknown"]}))) == set(park)


@pytest.mark.parametrize("name", ["presence", "protocol", "firmware_version", "team", "state", "installation"])
def test_options_show_nothing_of_another_team(as_person, stranger, park, name):
    options = as_person(stranger).get(STATIONS, {"options": name}).context["options"]
    assert all(option.rows == 0 for option in options)
    url = CONNECTORS if name in ("presence", "installation") else STATIONS
    assert not sum(option.rows for option in as_person(stranger).get(url, {"options": name}).context["options"])


def test_options_cost_the_same_however_many_stations_there_are(page, team, online, park, django_assert_max_num_queries):
    for _n in range(15):
        online(team)
    for name in ("model", "installation", "group", "state", "team"):
        with django_assert_max_num_queries(9):
            assert page.get(STATIONS, {"options": name}).status_code == 200


def test_an_unknown_filter_has_no_options_but_the_list(page, park):
    assert len(rows_of(page.get(STATIONS, {"options": "password"}))) == 3


def test_what_is_wrong_comes_first_then_by_identity(page, team, online, offline):
    """W47."""
    well, broken = online(team, identity="A-1"), online(team, identity="Z-9", status="Faulted")
    away, never = offline(team, identity="M-5"), factories.StationFactory(team=team, identity="A-0")
    assert rows_of(page.get(STATIONS)) == [broken, away, never, well]
    text = page.get(STATIONS).content.decode()
    assert "row-faulted" in text and "row-offline" in text
    charging = online(team, identity="B-1", status="Charging")
    assert rows_of(page.get(STATIONS, {"sort": "status"})) == [broken, away, never, charging, well]
