"""Who may withdraw whose access: for example, an owner cannot withdraw what the team granted to a service partner."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.access.rights import REVOCABLE_BY, GivenBy, GrantRole, Revoker, Role
from accounts.models import Grant, Team, User
from chargers.grants.services.grants import create_grant, edit_grant, may_change, withdraw_grant
from cpms.common.errors import NotAllowed
from tests import factories

pytestmark = pytest.mark.django_db
# Repeated here by hand, so that the table in the code does not change by accident.
EXPECTED = {
    ("owner", "team"): "admin holder",
    ("service", "team"): "admin holder",
    ("user", "team"): "admin giver owner holder",
    ("owner", "owner"): "admin giver holder",
    ("service", "owner"): "admin giver holder",
    ("user", "owner"): "admin giver owner holder",
}
CELLS = [(*kind, who) for kind in EXPECTED for who in Revoker.values]


@pytest.fixture
def place(team: Team) -> Any:
    return factories.InstallationFactory.create(team=team)


@pytest.fixture
def cell(place: Any, administrator: User, other_team: Team, stranger: User) -> Any:
    """Create a grant, and return it with the user that has the given relation to it."""

    def make(role: str, given_by: str, who: str) -> tuple[Grant, User]:
        owners = [factories.GrantFactory.create(installation=place, role="owner").user for _ in range(2)]
        giver = administrator if given_by == GivenBy.TEAM else owners[0]
        grant = factories.GrantFactory.create(
            installation=place, role=role, given_by=given_by, created_by=giver, user=None, to_team=other_team
        )
        if given_by == GivenBy.TEAM:  # the administrator who granted it is only an owner today
            grant.created_by = owners[0]
            grant.save()
        users = {"admin": administrator, "giver": owners[0], "owner": owners[1], "holder": stranger}
        return grant, User.objects.get(pk=users[who].pk)

    return make


def test_the_table_is_complete() -> None:
    assert set(REVOCABLE_BY) == set(EXPECTED) == {(r, g) for r in GrantRole.values for g in GivenBy.values}


@pytest.mark.parametrize(("role", "given_by", "who"), CELLS)
def test_each_cell_of_the_table(role: str, given_by: str, who: str, cell: Any, client: Client, api: Any) -> None:
    grant, person = cell(role, given_by, who)
    expected = who in EXPECTED[role, given_by].split()
    assert (who in REVOCABLE_BY[role, given_by]) is expected
    client.force_login(person)
    page = reverse("access:grant_withdraw", args=[grant.pk])
    assert client.get(page).status_code == (200 if expected else 403)
    assert client.post(page).status_code == (302 if expected else 403)
    assert (Grant.objects.get(pk=grant.pk).withdrawn_at is not None) is expected
    Grant.objects.filter(pk=grant.pk).update(withdrawn_at=None)
    assert api(person).delete(f"/api/v1/grants/{grant.pk}/").status_code == (204 if expected else 403)
    Grant.objects.filter(pk=grant.pk).update(withdrawn_at=None)
    if expected:
        assert withdraw_grant(grant=grant, actor=person).withdrawn_at
    else:
        with pytest.raises(NotAllowed):
            withdraw_grant(grant=grant, actor=person)


@pytest.mark.parametrize(("role", "given_by", "who"), CELLS)
def test_shortening_or_reducing_access_needs_the_same_right(
    role: str, given_by: str, who: str, cell: Any, client: Client
) -> None:
    grant, person = cell(role, given_by, who)
    expected = who in EXPECTED[role, given_by].split() and who != "holder"
    assert may_change(person, grant) is expected
    client.force_login(person)
    assert client.get(reverse("access:grant_edit", args=[grant.pk])).status_code == (200 if expected else 403)
    if not expected:
        soon = timezone.now() + timedelta(hours=1)
        for other in (role, "user"):
            with pytest.raises(NotAllowed):
                edit_grant(grant=grant, actor=person, role=other, ends_at=soon)


def test_the_list_offers_no_button_that_would_be_refused(cell: Any, client: Client) -> None:
    grant, owner = cell("service", "team", "owner")
    client.force_login(owner)
    page = client.get(reverse("access:grant_list")).content.decode()
    assert reverse("access:grant_withdraw", args=[grant.pk]) not in page
    assert reverse("access:grant_edit", args=[grant.pk]) not in page


def test_support_staff_can_revoke_everything(cell: Any, staff: User) -> None:
    for role, given_by in EXPECTED:
        withdraw_grant(grant=cell(role, given_by, "admin")[0], actor=staff)
        Grant.objects.all().delete()


@pytest.mark.parametrize("who", ["administrator", "staff", "system", "owner"])
def test_the_granting_side_is_stored(who: str, place: Any, administrator: User, staff: User, stranger: User) -> None:
    owner = factories.GrantFactory.create(installation=place, role="owner").user
    actor = {"administrator": administrator, "staff": staff, "system": None, "owner": owner}[who]
    grant = create_grant(place=place, role="user", email=stranger.email, actor=actor)
    assert grant.given_by == ("owner" if who == "owner" else "team")


def test_an_administrator_who_owns_by_a_grant_too_acts_for_the_team(place: Any, user_with: Any, cell: Any) -> None:
    admin = user_with(Role.ADMIN)
    factories.GrantFactory.create(installation=place, role="owner", user=admin)
    grant, _person = cell("service", "team", "admin")
    assert withdraw_grant(grant=grant, actor=admin).withdrawn_at
