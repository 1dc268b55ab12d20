"""Z11: users who are granted *user* on an installation or a station charge there, with tags of their own team or of no
team, while the grant is active, and nowhere else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.access.rights import Can, GrantRole, Role, allows
from accounts.models import Grant, Team, User
from chargers.models import ChargingStation, Tag
from chargers.tags.services.authorization import authorize_tag
from sessions.ledger.services.starts import start_session
from sessions.models import ChargingSession
from tests import factories

pytestmark = pytest.mark.django_db
VALUE = "04A1B2C3"


@pytest.fixture
def inside(team: Team) -> ChargingStation:
    return factories.StationFactory.create(team=team, installation=factories.InstallationFactory.create(team=team))


@pytest.fixture
def driver(db: Any) -> User:
    """A user without a team."""
    return factories.UserFactory.create()


def status(station: ChargingStation, value: str = VALUE, **fields: Any) -> str:
    return authorize_tag(station=station, value=value, **fields).status


def card(user: User | None, team: Team | None = None, **fields: Any) -> Tag:
    return factories.TagFactory.create(team=team, user=user, value=VALUE, **fields)


def grant(on: ChargingStation, role: str = "user", *, is_whole: bool = False, **fields: Any) -> Grant:
    place = {"installation": on.installation} if is_whole else {"station": on}
    return factories.GrantFactory.create(role=role, **place, **fields)


@pytest.mark.parametrize("is_whole", [True, False], ids=["installation", "station"])
@pytest.mark.parametrize("role", GrantRole.values)
def test_a_personal_tag_charges_where_its_holder_may(
    role: str, is_whole: bool, inside: ChargingStation, driver: User
) -> None:
    card(driver)
    elsewhere = factories.StationFactory.create(team=inside.team)
    assert status(inside) == "Invalid"
    grant(inside, role, is_whole=is_whole, user=driver)
    assert status(inside, VALUE.lower()) == ("Accepted" if allows(role, Can.CHARGE) else "Invalid")
    assert status(elsewhere) == "Invalid"


def test_a_tag_of_the_holders_team_charges_where_the_holder_has_access(
    inside: ChargingStation, other_team: Team, stranger: User
) -> None:
    card(stranger, other_team)
    grant(inside, user=stranger)
    assert status(inside) == "Accepted"
    stranger.memberships.all().delete()
    assert status(inside) == "Invalid"  # the tag now belongs to another team


def test_tags_of_a_team_charge_where_the_team_has_access(inside: ChargingStation, other_team: Team) -> None:
    """P6: grants to teams."""
    card(None, other_team)
    access = grant(inside, is_whole=True, user=None, to_team=other_team)
    assert status(inside) == "Accepted"
    Grant.objects.filter(pk=access.pk).update(role="service")
    assert status(inside) == "Invalid"


def test_a_members_personal_tag_charges_where_the_team_has_access(
    inside: ChargingStation, other_team: Team, stranger: User
) -> None:
    card(stranger)
    grant(inside, user=None, to_team=other_team)
    assert status(inside) == "Accepted"


@pytest.mark.parametrize("how", ["ended", "withdrawn", "inactive", "blocked", "expired", "deactivated", "scoped"])
def test_when_a_tag_of_another_team_is_refused(
    how: str, inside: ChargingStation, other_team: Team, stranger: User
) -> None:
    now, tag, access = timezone.now(), card(stranger, other_team), grant(inside, user=stranger)
    expected = {"blocked": "Blocked", "expired": "Expired"}.get(how, "Invalid")
    match how:
        case "ended":
            Grant.objects.filter(pk=access.pk).update(ends_at=now)
        case "withdrawn":
            Grant.objects.filter(pk=access.pk).update(withdrawn_at=now)
        case "inactive":
            User.objects.filter(pk=stranger.pk).update(is_active=False)
        case "blocked":
            Tag.objects.update(status="blocked")
        case "expired":
            Tag.objects.update(expires_at=now)
        case "deactivated":
            ChargingStation.objects.filter(pk=inside.pk).update(deactivated_at=now)
        case "scoped":
            Tag.objects.update(scope="selected")
            tag.stations.add(factories.StationFactory.create(team=other_team))
    assert status(inside) == expected


def test_a_session_that_was_recorded_offline_is_judged_by_its_own_time(inside: ChargingStation, driver: User) -> None:
    card(driver)
    now = timezone.now()
    grant(inside, user=driver, ends_at=now - timedelta(hours=1))
    assert status(inside, at=now - timedelta(hours=2)) == "Accepted"
    assert status(inside, at=now) == "Invalid"


def test_a_team_tag_of_an_outsider_charges_only_with_that_users_access(
    inside: ChargingStation, team: Team, driver: User
) -> None:
    card(driver, team)
    elsewhere = factories.StationFactory.create(team=team)
    access = grant(inside, user=driver)
    assert (status(inside), status(elsewhere)) == ("Accepted", "Invalid")
    Grant.objects.filter(pk=access.pk).update(withdrawn_at=timezone.now())
    assert status(inside) == "Invalid"
    factories.MembershipFactory.create(team=team, user=driver, role=Role.VIEWER)
    assert (status(inside), status(elsewhere)) == ("Accepted", "Accepted")


def test_the_teams_own_tag_wins_over_another_with_the_same_number(
    inside: ChargingStation, team: Team, other_team: Team, stranger: User
) -> None:
    card(stranger, other_team)
    grant(inside, user=stranger)
    own = card(None, team, status="blocked")
    verdict = authorize_tag(station=inside, value=VALUE)
    assert (verdict.status, verdict.tag) == ("Blocked", own)


def test_a_tag_of_another_team_stays_unknown_without_access(inside: ChargingStation, other_team: Team) -> None:
    card(None, other_team, status="blocked")
    verdict = authorize_tag(station=inside, value=VALUE)
    assert (verdict.status, verdict.tag) == ("Invalid", None)


def test_authorization_takes_one_query(inside: ChargingStation, driver: User) -> None:
    card(driver)
    grant(inside, user=driver)
    for value in (VALUE, "unknown"):
        with CaptureQueriesContext(connection) as queries:
            status(inside, value)
        assert len(queries) == 1


@pytest.mark.parametrize("whose", ["no team", "own team"])
def test_the_session_is_booked_and_its_driver_sees_it_and_so_does_the_team(
    whose: str, inside: ChargingStation, other_team: Team, stranger: User, driver: User, viewer: User
) -> None:
    person, its_team = (driver, None) if whose == "no team" else (stranger, other_team)
    tag = card(person, its_team)
    access = grant(inside, user=person)
    at = timezone.now()
    factories.SessionFactory.create(station=inside, connector_number=2)  # a session of another driver
    result = start_session(station=inside, connector=1, id_tag=VALUE, meter_start_wh=0, started_at=at, received_at=at)
    assert (result.verdict.status, result.session.tag, result.session.team) == ("Accepted", tag, inside.team)
    for _round in range(2):  # while the grant is active, and after its end
        assert list(ChargingSession.objects.visible_to(User.objects.get(pk=person.pk))) == [result.session]
        Grant.objects.filter(pk=access.pk).update(withdrawn_at=timezone.now())
    assert result.session in ChargingSession.objects.visible_to(viewer)


def test_only_support_staff_sees_and_edits_tags_without_a_team(
    driver: User, staff: User, operator: User, client: Any, api: Any
) -> None:
    tag = card(driver)
    path = f"/api/v1/tags/{tag.pk}/"
    assert api(operator).get(path).status_code == 404
    assert api(staff).get("/api/v1/tags/").json()["results"][0]["team"] is None
    assert api(staff).patch(path, {"label": "Blue"}, format="json").status_code == 200
    client.force_login(staff)
    for name in ("chargers:tag_detail", "chargers:tag_edit", "chargers:tag_delete"):
        assert client.get(reverse(name, args=[tag.pk])).status_code == 200
    assert client.get(reverse("chargers:tag_list") + "?export=csv").status_code == 200
    assert client.get(reverse("portal:search") + f"?q={VALUE[:4]}").status_code == 200
