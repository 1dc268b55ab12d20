"""A browser session that was begun on a team's own domain is limited to that team (issue 10, 1)."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.access.rights import Role
from accounts.models import Membership
from accounts.programs.services.tokens import issue_api_token
from cpms.portal.frame import live
from tests import factories
from tests.accounts.conftest import prove
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
HOST, OTHER_HOST = "charging.nordlys.example", "charging.stranger.example"
OWN = {"HTTP_HOST": HOST}
OURS = "http://localhost:8000"


@pytest.fixture
def both(team, other_team):
    """Who administers two teams."""
    person = factories.MembershipFactory(team=team, role=Role.ADMIN).user
    factories.MembershipFactory(team=other_team, user=person, role=Role.ADMIN)
    return person


@pytest.fixture
def stations(team, other_team):
    return factories.StationFactory(team=team), factories.StationFactory(team=other_team)


def begun_at(person, **where):
    client = Client()
    client.post(reverse("accounts:login"), {"login": person.email, "password": PASSWORD}, **where)
    assert "_auth_user_id" in client.session
    return client


@pytest.fixture
def limited(team_host, both):
    return begun_at(both, **OWN)


def test_pages_of_other_teams_are_not_there(limited, stations, other_team):
    ours, theirs = stations
    assert limited.get(ours.get_absolute_url(), **OWN).status_code == 200
    assert limited.get(theirs.get_absolute_url(), **OWN).status_code == 404
    text = limited.get(reverse("chargers:station_list"), **OWN).content.decode()
    assert ours.identity in text and theirs.identity not in text
    assert limited.get(reverse("accounts:teammates"), {"team": other_team.handle}, **OWN).status_code == 404
    member = Membership.objects.filter(team=other_team).first()
    assert limited.get(reverse("accounts:teammate_role", args=[member.pk]), **OWN).status_code == 404


def test_nor_is_the_api_by_session(limited, stations):
    ours, theirs = stations
    found = limited.get("/api/v1/stations/", **OWN).json()["results"]
    assert [one["identity"] for one in found] == [ours.identity]
    assert limited.get(f"/api/v1/stations/{theirs.identity}/", **OWN).status_code == 404


def test_nor_are_members_of_other_teams_by_the_api(limited, team, other_team):
    for name in ("members", "invitations"):
        factories.InvitationFactory(team=other_team)
        found = limited.get(f"/api/v1/{name}/", **OWN).json()["results"]
        assert {one["team"] for one in found} <= {team.handle}
    member = Membership.objects.filter(team=other_team).first()
    assert limited.delete(f"/api/v1/members/{member.pk}/", **OWN).status_code == 404


def test_personal_tokens_are_not_there_by_the_api_either(limited, both):
    token, _key = issue_api_token(user=both, name="t")
    for answer in (limited.get("/api/v1/tokens/", **OWN), limited.delete(f"/api/v1/tokens/{token.prefix}/", **OWN)):
        assert answer.status_code == 403 and "localhost:8000" in answer.json()["detail"]
    token.refresh_from_db()
    assert not token.revoked


def test_nor_does_its_socket_tell_of_them(team_host, both, team, other_team):
    whole, limited = begun_at(both), begun_at(both, **OWN)
    assert live.subscription_of(both, whole.session).whole_teams == {team.pk, other_team.pk}
    both.renew_access()
    assert live.subscription_of(both, limited.session).whole_teams == {team.pk}


def test_a_session_taken_along_to_our_own_address_stays_limited(limited, stations):
    """The team reads the session's key: it must be worth nothing elsewhere."""
    ours, theirs = stations
    assert limited.get(ours.get_absolute_url()).status_code == 200
    assert limited.get(theirs.get_absolute_url()).status_code == 404
    assert limited.get(reverse("accounts:api_tokens")).status_code == 403


def test_it_is_limited_from_the_log_in_on(team_host, both, stations):
    """Also where the team never lets the browser ask its domain for anything else."""
    client = begun_at(both, **OWN)
    assert client.get(stations[1].get_absolute_url()).status_code == 404


def test_a_session_ends_on_the_domain_of_another_team(limited, other_team):
    prove(other_team, OTHER_HOST)
    answer = limited.get("/stations/", HTTP_HOST=OTHER_HOST)
    assert answer.url == reverse("accounts:login") and "_auth_user_id" not in limited.session


@pytest.mark.parametrize(
    "name", ["team:choose", "accounts:api_tokens", "accounts:email_change", "accounts:app_add", "portal:own_data"]
)
def test_pages_of_the_account_as_a_whole_are_at_our_own_address(limited, name):
    assert limited.get(reverse(name), **OWN)["Location"] == f"{OURS}{reverse(name)}"


def test_the_team_is_not_switched_there(limited, other_team):
    answer = limited.post(reverse("team:switch"), {"team": other_team.pk}, **OWN)
    assert answer["Location"].startswith(OURS)
    assert "team" not in limited.session


def test_support_staff_and_the_admin_are_not_there(team_host, staff):
    client = begun_at(staff, **OWN)
    assert client.get("/stations/", **OWN)["Location"] == f"{OURS}{reverse('accounts:login')}"
    assert "_auth_user_id" not in client.session
    client = begun_at(staff, **OWN)
    assert client.get("/admin/")["Location"] == f"{OURS}{reverse('accounts:login')}", "nor with the key of the session"
    assert client.get("/admin/", **OWN)["Location"] == f"{OURS}/admin/"


def test_access_that_other_teams_gave_is_not_there(limited, both, other_team):
    foreign = factories.StationFactory(team=factories.TeamFactory())
    factories.GrantFactory(station=foreign, user=both, role="owner")
    assert limited.get(foreign.get_absolute_url(), **OWN).status_code == 404
    assert begun_at(both).get(foreign.get_absolute_url()).status_code == 200


def test_a_second_factor_that_another_team_demands_is_demanded_there_too(limited, other_team):
    other_team.requires_two_factor = True
    other_team.save()
    assert limited.get("/stations/", **OWN).url == reverse("accounts:security")


def test_who_erases_oneself_there_leaves_that_team_only(limited, both, team, other_team):
    factories.MembershipFactory(team=team, role=Role.ADMIN)
    limited.post(reverse("portal:user_delete"), {"user": both.pk, "confirm": "yes"}, **OWN)
    both.refresh_from_db()
    assert both.erased_at is None and list(both.teams.all()) == [other_team]


def test_a_session_begun_at_our_own_address_sees_all_teams(team_host, both, stations):
    client = begun_at(both)
    assert all(client.get(station.get_absolute_url()).status_code == 200 for station in stations)


def test_who_is_of_another_team_is_told_where_that_is(team_host, stranger, other_team):
    head = begun_at(stranger, **OWN).get("/", **OWN).context["team"]
    assert (head.name, head.note, head.url) == ("Not your team", "your teams are at localhost", OURS)
    assert begun_at(stranger).get("/").context["team"].name == other_team.name
