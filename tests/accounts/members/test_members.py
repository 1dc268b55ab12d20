"""Who is in a team: nobody without an invitation (Z3), and always an administrator."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from accounts.access.rights import Role
from accounts.mails.services import mails
from accounts.members.services import invitations
from accounts.models import Invitation, Membership, User
from cpms.common.errors import DomainError, NotAllowed
from tests import factories

PAGE = reverse("accounts:teammates")
NEW = {
    "first_name": "Ada",
    "last_name": "Lovelace",
    "password1": "ein langer neuer Satz",
    "password2": "ein langer neuer Satz",
}


def link():
    """Of the newest mail, as a path."""
    mails.send_mails()
    return re.search(r"http://localhost:8000(\S+)", mail.outbox[-1].body).group(1)


@pytest.fixture
def invited(team, administrator):
    def make(email="ada@example.org", role=Role.OPERATOR, **more):
        return invitations.invite(team=team, email=email, role=role, actor=administrator, **more)

    return make


def test_a_new_person_chooses_name_and_password_and_is_in(client, administrator, team):
    client.force_login(administrator)
    client.post(PAGE, {"email": "Ada@Example.org", "role": "operator", "language": "en"})
    client.logout()
    path = link()
    assert mail.outbox[0].to == ["ada@example.org"] and team.name in mail.outbox[0].subject
    assert "Ada" not in client.get(path).content.decode()
    answer = client.post(path, NEW, follow=True)
    assert "Welcome" in answer.content.decode() and answer.request["PATH_INFO"] == reverse("portal:dashboard")
    person = User.objects.get(email="ada@example.org")
    assert person.memberships.get().role == Role.OPERATOR
    assert (person.first_name, bool(person.email_verified_at)) == ("Ada", True)


def test_who_has_an_account_signs_in_and_confirms(client, invited, stranger, team):
    invited(email=stranger.email)
    path = link()
    answer = client.get(path, follow=True)
    assert answer.request["PATH_INFO"] == reverse("accounts:login")
    login = {"login": stranger.email, "password": factories.PASSWORD, "next": path}
    assert "You are signed in as" in client.post(reverse("accounts:login"), login, follow=True).content.decode()
    assert not stranger.memberships.filter(team=team).exists(), "looking changes nothing"
    client.post(path)
    assert stranger.memberships.get(team=team).role == Role.OPERATOR


def test_the_link_of_another_address_is_refused(client, invited, stranger, team):
    invited()
    path = link()
    client.force_login(stranger)
    for answer in (client.get(path), client.post(path)):
        assert "This invitation is for ada@example.org" in answer.content.decode()
    assert not stranger.memberships.filter(team=team).exists()


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (lambda found, actor: invitations.revoke(invitation=found, actor=actor), "was revoked"),
        (lambda found, actor: Invitation.objects.update(accepted_at=timezone.now()), "was already accepted"),
        (lambda found, actor: Invitation.objects.update(expires_at=timezone.now()), "has expired"),
        (lambda found, actor: Invitation.objects.all().delete(), "incomplete"),
    ],
)
def test_a_link_that_does_not_count_says_why(client, invited, administrator, spoil, why):
    found = invited()
    path = link()
    spoil(found, administrator)
    for answer in (client.get(path), client.post(path, NEW)):
        assert why in answer.content.decode()
        assert reverse("accounts:login") in answer.content.decode(), "with a way on"
    assert not User.objects.filter(email="ada@example.org").exists()


def test_a_link_works_once(client, invited):
    invited()
    path = link()
    client.post(path, NEW)
    client.logout()
    assert "was already accepted" in client.post(path, NEW).content.decode()
    assert User.objects.filter(email="ada@example.org").count() == 1


def test_it_is_valid_for_14_days(invited):
    found = invited()
    assert timedelta(days=13) < found.expires_at - timezone.now() <= timedelta(days=14)


def test_sent_again_it_has_another_link(client, invited, administrator):
    found = invited()
    first = link()
    with pytest.raises(DomainError, match="less than a minute"):
        invitations.resend(invitation=found, actor=administrator)
    with time_machine.travel(timezone.now() + timedelta(days=20)):
        invitations.resend(invitation=found, actor=administrator)
        second = link()
        assert "incomplete or was replaced" in client.get(first).content.decode()
        assert client.get(second).status_code == 200


def test_nothing_in_the_database_opens_an_invitation(invited):
    found = invited()
    token = link().split("/")[-2]
    assert token not in (found.token_hash, found.nonce)
    assert mails.hash_token(token) == found.token_hash


@pytest.mark.parametrize("email", ["no address", "a@b", "x@example.org\nBcc: y@example.org"])
def test_no_address_is_refused(invited, email):
    with pytest.raises(DomainError):
        invited(email=email)


def test_nobody_is_invited_twice(invited, viewer):
    invited()
    with pytest.raises(DomainError, match="already invited"):
        invited(email="ADA@example.org")
    with pytest.raises(DomainError, match="already a member"):
        invited(email=viewer.email)


@pytest.mark.parametrize("who", ["viewer", "operator", "stranger"])
def test_only_administrators_invite_change_and_remove(request, who, team, invited, user_with):
    actor, found, other = request.getfixturevalue(who), invited(), user_with(Role.VIEWER).memberships.get()
    for refused in (
        lambda: invitations.invite(team=team, email="x@example.org", role=Role.VIEWER, actor=actor),
        lambda: invitations.revoke(invitation=found, actor=actor),
        lambda: invitations.resend(invitation=found, actor=actor),
        lambda: invitations.change_role(membership=other, role=Role.ADMIN, actor=actor),
        lambda: invitations.remove_member(membership=other, actor=actor),
    ):
        with pytest.raises(NotAllowed):
            refused()


def test_the_last_administrator_stays_one(team, administrator, staff, user_with):
    own = administrator.memberships.get()
    gone = user_with(Role.ADMIN)
    gone.is_active = False
    gone.save()
    for actor in (administrator, staff):
        with pytest.raises(DomainError, match="needs an administrator"):
            invitations.remove_member(membership=own, actor=actor)
        with pytest.raises(DomainError, match="needs an administrator"):
            invitations.change_role(membership=own, role=Role.VIEWER, actor=actor)
    user_with(Role.ADMIN)
    invitations.change_role(membership=own, role=Role.VIEWER, actor=administrator)
    assert Membership.objects.get(pk=own.pk).role == Role.VIEWER


def test_everybody_may_leave(client, viewer):
    client.force_login(viewer)
    url = reverse("accounts:teammate_remove", args=[viewer.memberships.get().pk])
    assert "Leave the team?" in client.get(url).content.decode()
    assert "You left" in client.post(url, follow=True).content.decode()
    assert not viewer.memberships.exists()
    assert "You are not in a team" in client.get(PAGE).content.decode()


def test_an_administrator_changes_a_role_on_the_page(client, administrator, viewer):
    client.force_login(administrator)
    url = reverse("accounts:teammate_role", args=[viewer.memberships.get().pk])
    assert "selected" in client.get(url).content.decode()
    client.post(url, {"role": "operator"})
    assert viewer.memberships.get().role == Role.OPERATOR
    assert "Choose a role." in client.post(url, {"role": "king"}, follow=True).content.decode()


def test_open_invitations_are_for_administrators_only(client, invited, viewer, administrator):
    invited()
    client.force_login(viewer)
    assert "ada@example.org" not in client.get(PAGE).content.decode()
    client.force_login(administrator)
    page = client.get(PAGE).content.decode()
    assert "ada@example.org" in page and "&lt;" not in page


def test_one_sees_one_team_at_a_time_and_no_other(client, administrator, other_team, user_with):
    """P5."""
    client.force_login(administrator)
    assert client.get(PAGE, {"team": other_team.handle}).status_code == 404
    factories.MembershipFactory(team=other_team, user=administrator, role=Role.VIEWER)
    assert other_team.name in client.get(PAGE, {"team": other_team.handle}).content.decode()
    url = f"{PAGE}?team={other_team.handle}"
    assert client.post(url, {"email": "x@example.org", "role": "viewer", "language": "en"}).status_code == 403


def test_queries_do_not_grow_with_people(client, administrator, team, django_assert_max_num_queries):
    factories.MembershipFactory.create_batch(20, team=team)
    factories.InvitationFactory.create_batch(20, team=team)
    client.force_login(administrator)
    client.get(PAGE)  # the site, the looks: once a minute
    with django_assert_max_num_queries(11):
        client.get(PAGE)
