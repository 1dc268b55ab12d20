"""Drivers from outside the team: no membership and no operator pages, but a tag and their own sessions."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.mails.services.mails import invitation_token
from accounts.members.services.invitations import accept_as, accept_as_new
from accounts.models import Grant, Invitation, Membership, User
from chargers.grants.services.driver_tags import give_tag
from chargers.grants.services.grants import invite_driver
from chargers.models import ChargingStation, Tag
from chargers.tags.services.authorization import authorize_tag
from cpms.common.errors import DomainError, NotAllowed
from tests import factories

pytestmark = pytest.mark.django_db
EMAIL, PASSWORD = "driver@example.org", "a long enough passphrase"


def accepted(invitation: Invitation) -> User:
    return accept_as_new(token=invitation_token(invitation), first_name="Dora", last_name="Driver", password=PASSWORD)


def test_granting_access_to_an_unknown_address_invites_a_driver(
    client: Client, administrator: User, station: ChargingStation, viewer: User
) -> None:
    client.force_login(administrator)
    address = reverse("access:grant_give") + f"?station={station.pk}"
    assert client.post(address, {"recipient": "email", "email": EMAIL, "role": "user"}).status_code == 302
    user = accepted(Invitation.objects.get())
    grant = Grant.objects.get()
    assert (grant.user, grant.station, grant.role, grant.created_by) == (user, station, "user", administrator)
    assert not Membership.objects.filter(user=user).exists()
    client.force_login(user)
    assert "Where you can charge" in client.get("/").content.decode()
    assert client.get(station.get_absolute_url()).status_code == 404


def test_other_roles_still_need_an_account(client: Client, administrator: User, station: ChargingStation) -> None:
    client.force_login(administrator)
    address = reverse("access:grant_give") + f"?station={station.pk}"
    assert client.post(address, {"recipient": "email", "email": EMAIL, "role": "service"}).status_code == 422
    assert not Invitation.objects.exists()


def test_inviting_requires_managing_access_and_lasts_no_longer_than_that(
    operator: User, station: ChargingStation
) -> None:
    with pytest.raises(NotAllowed):
        invite_driver(place=station, email=EMAIL, actor=operator)
    end = timezone.now() + timedelta(days=1)
    owner = factories.GrantFactory.create(station=station, role="owner", ends_at=end).user
    with pytest.raises(DomainError):
        invite_driver(place=station, email=EMAIL, actor=owner)
    user = accepted(invite_driver(place=station, email=EMAIL, ends_at=end, actor=owner))
    grant = Grant.objects.get(user=user)
    assert (grant.ends_at, grant.given_by) == (end, "owner")


@pytest.mark.parametrize("how", ["withdrawn", "inactive", "ended"])
def test_an_invitation_is_void_once_its_sender_may_no_longer_invite(how: str, station: ChargingStation) -> None:
    owner_grant = factories.GrantFactory.create(station=station, role="owner")
    soon = timezone.now() + timedelta(hours=1) if how == "ended" else None
    invitation = invite_driver(place=station, email=EMAIL, ends_at=soon, actor=owner_grant.user)
    match how:
        case "withdrawn":
            Grant.objects.update(withdrawn_at=timezone.now())
        case "inactive":
            User.objects.filter(pk=owner_grant.user.pk).update(is_active=False)
        case "ended":
            Invitation.objects.update(access_ends_at=timezone.now())
    with pytest.raises(DomainError):
        accepted(invitation)
    assert not User.objects.filter(email=EMAIL).exists()


def test_an_account_created_in_the_meantime_can_accept(station: ChargingStation, administrator: User) -> None:
    invitation = invite_driver(place=station, email=EMAIL, actor=administrator)
    user = factories.UserFactory.create(email=EMAIL)
    accept_as(token=invitation_token(invitation), user=user)
    assert Grant.objects.get().user == user and not user.memberships.exists()


@pytest.mark.parametrize("is_teams", [True, False])
def test_a_tag_from_the_team_is_accepted_there(
    is_teams: bool, client: Client, station: ChargingStation, administrator: User
) -> None:
    grant = factories.GrantFactory.create(station=station, role="user")
    client.force_login(administrator)
    address = reverse("access:driver_tags", args=[grant.pk])
    assert client.get(address).status_code == 200
    fields = {"value": "04D1", "label": "Blue"} | ({"is_teams": "on"} if is_teams else {})
    assert client.post(address, fields).status_code == 302
    tag = Tag.objects.get()
    assert (tag.user, tag.team) == (grant.user, station.team if is_teams else None)
    assert authorize_tag(station=station, value="04d1").is_accepted
    assert "04D1" in client.get(address).content.decode()
    assert client.post(address, fields).status_code == 422  # it exists already


def test_an_owner_by_grant_can_give_only_tags_without_a_team(station: ChargingStation) -> None:
    owner = factories.GrantFactory.create(station=station, role="owner").user
    grant = factories.GrantFactory.create(station=station, role="user", given_by="owner", created_by=owner)
    with pytest.raises(NotAllowed):
        give_tag(grant=grant, value="", is_teams=True, actor=owner)
    assert give_tag(grant=grant, value="", is_teams=False, actor=owner).team is None
    with pytest.raises(NotAllowed):
        give_tag(grant=grant, value="", is_teams=False, actor=grant.user)  # drivers cannot give tags to themselves
