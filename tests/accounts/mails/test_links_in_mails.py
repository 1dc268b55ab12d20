"""Where links in mails about accounts lead, whatever host was asked: a team reads what reaches its own domain."""

import re
from datetime import timedelta

import pytest
from django.conf import settings
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from accounts.mails.services import mails
from accounts.models import AccountMail, AddressChange
from accounts.programs.services.programs import add_program
from tests import factories

pytestmark = pytest.mark.django_db
HOST = "charging.nordlys.example"
OWN, OURS = f"http://{HOST}:8000", "http://localhost:8000"
Kind = AccountMail.Kind
OF_THE_TEAM = {Kind.INVITE, Kind.GRANT}
TO_STAFF_ONLY = {Kind.MANY_ACCOUNTS, Kind.MANY_ATTEMPTS}


@pytest.fixture
def people(viewer, stranger, staff):
    return {"member": viewer, "stranger": stranger, "staff": staff}


def hosts_of_links():
    """Of everything that the only mail links to or fetches."""
    assert mails.send_mails() == 1
    told = mail.outbox[-1]
    text = told.body + told.alternatives[0][0]
    return {found.rstrip("/") for found in re.findall(r"https?://[^/\s\"'<]+", text)}


def access_to_station_of(team, person):
    return factories.GrantFactory(station=factories.StationFactory(team=team), user=person)


def written(kind, person, team, asked_at):
    """A mail of each kind, as it is written where the team's domain, or ours, was asked."""
    soon = timezone.now() + timedelta(days=1)
    about = HOST if kind == Kind.DOMAIN else ""
    if kind == Kind.CHANGED:
        about = str(AddressChange.objects.create(user=person, old_email="old@example.org", new_email=person.email).pk)
    facts = {
        "invitation": factories.InvitationFactory(team=team, email=person.email) if kind == Kind.INVITE else None,
        "grant": access_to_station_of(team, person) if kind == Kind.GRANT else None,
        "key": add_program(team=team, name="p", scopes=["operate"], actor=None, expires_at=soon)[0].keys.get(),
        "team_id": team.pk if asked_at == HOST or kind in (*OF_THE_TEAM, Kind.DOMAIN) else None,
        "about": about,
    }
    mails.queue_mail(kind, email=person.email, user=person, **facts)


@pytest.mark.parametrize("who", ["stranger", "member", "staff"])
@pytest.mark.parametrize("asked_at", ["localhost", HOST])
@pytest.mark.parametrize("kind", Kind.values)
def test_keys_of_an_account_lead_to_our_own_address_and_only_invitations_and_access_to_the_teams(
    team, team_host, people, kind, asked_at, who
):
    """Issue 10, 1: the mail x the host x whose account it is -> the host of every link."""
    written(Kind(kind), people[who], team, asked_at)
    if kind in TO_STAFF_ONLY and who != "staff":
        assert mails.send_mails() == 0
        return
    expected = OWN if kind in OF_THE_TEAM and who != "staff" else OURS
    assert hosts_of_links() <= {expected}, mail.outbox[-1].body


@pytest.mark.parametrize("who", ["stranger", "member", "staff"])
def test_a_password_reset_asked_for_on_a_teams_domain_leads_to_our_own_address(client, team_host, people, who):
    """Issue 10, 1: or the team would collect the key of anybody's account."""
    client.post(reverse("accounts:password_reset"), {"email": people[who].email}, HTTP_HOST=HOST)
    assert hosts_of_links() == {OURS}
    assert settings.PUBLIC_URL == OURS


def test_a_new_address_asked_for_on_a_teams_domain_is_confirmed_at_our_own_address(client, team_host, team, viewer):
    """Issue 10, 1: in the team's look all the same."""
    factories.BrandFactory(team=team, portal_name="Nordlys Lading")
    mails.queue_mail(Kind.VERIFY, email="new@example.org", user=viewer, team_id=team.pk)
    assert hosts_of_links() == {OURS}
    assert "Nordlys Lading" in mail.outbox[-1].body


def test_an_invitation_in_another_teams_look_leads_to_our_own_address(team_host, team, other_team):
    """Issue 10, 1: a team's domain gets keys to this team only."""
    invitation = factories.InvitationFactory(team=other_team)
    mails.queue_mail(Kind.INVITE, email=invitation.email, invitation=invitation, team_id=team.pk)
    assert hosts_of_links() == {OURS}


def test_access_to_another_teams_station_leads_to_our_own_address(team_host, team, other_team, viewer):
    grant = access_to_station_of(other_team, viewer)
    mails.queue_mail(Kind.GRANT, email=viewer.email, user=viewer, grant=grant, team_id=team.pk, about="given")
    assert hosts_of_links() == {OURS}
