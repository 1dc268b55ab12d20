"""Handing over a station through the API (Vi8) follows the same rules as the page."""

import pytest

from accounts.access.rights import Role
from chargers.models import ChargingStation
from tests import factories


@pytest.fixture
def both(administrator, other_team):
    factories.MembershipFactory(user=administrator, team=other_team, role=Role.ADMIN)
    return administrator


def path_of(identity: str) -> str:
    return f"/api/v1/stations/{identity}/hand_over/"


def test_it_answers_with_the_station_of_the_other_team(api, both, station, connector, other_team):
    """Vi8."""
    answer = api(both).post(path_of(station.identity), {"team": "stranger"}, format="json")
    assert answer.status_code == 200, answer.json()
    body = answer.json()
    assert (body["identity"], body["team"], body["handed_over_at"]) == (station.identity, "stranger", None)
    assert [each["number"] for each in body["connectors"]] == [1]
    station.refresh_from_db()
    past = api(both).get(f"/api/v1/stations/{station.identity}/").json()
    assert past["team"] == "nordlys" and past["handed_over_at"]


@pytest.mark.parametrize("body", [{}, {"team": ""}, {"team": "nobody"}, {"team": "nordlys"}, {"team": "third"}])
def test_a_wrong_team_is_named_as_the_fault(api, both, station, body):
    factories.TeamFactory(handle="third")  # the team exists, but the user does not administer it
    answer = api(both).post(path_of(station.identity), body, format="json")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["team"]


def test_a_running_session_is_a_problem_in_words(api, both, session, other_team):
    answer = api(both).post(path_of(session.station.identity), {"team": "stranger"}, format="json")
    assert answer.status_code == 400
    assert f"in progress: {session.pk}." in answer.json()["detail"]
    assert not ChargingStation.objects.filter(handed_over_at__isnull=False).exists()


def test_a_program_of_a_team_never_may(program_client, team, other_team, station):
    """Vi8: a program acts for one team only, whatever its scopes."""
    factories.GrantFactory(station=station, user=None, to_team=other_team, role="service")
    for its_team in (team, other_team):
        answer = program_client(its_team).post(path_of(station.identity), {"team": other_team.handle}, format="json")
        assert answer.status_code == 403, answer.json()
    assert program_client(team, "stations:read").post(path_of(station.identity), {}, format="json").status_code == 403


def test_who_may_not(api, stranger, operator, administrator, station):
    """Vi8: 404 for strangers, 403 for members without the right and for administrators of only one of the teams."""
    for user, status in ((stranger, 404), (operator, 403), (administrator, 403)):
        answer = api(user).post(path_of(station.identity), {"team": "stranger"}, format="json")
        assert answer.status_code == status
