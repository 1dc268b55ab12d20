"""Names contain no line breaks or control characters, because they appear in e-mails, headers and logs."""

import pytest
from django.urls import reverse

from accounts.mails.services import mails
from accounts.members.services import invitations, people
from accounts.models import Team
from accounts.programs.services import programs, tokens
from accounts.team_settings.services import branding
from accounts.team_settings.services import team as team_services
from accounts.teams import services as teams_services
from chargers.groups.services import groups
from chargers.installations.services import circuits as circuit_services
from chargers.installations.services import installations as places
from chargers.models import Installation
from chargers.stations.services import naming
from chargers.tags.services.adding import NewTag, add_tags
from chargers.tags.services.persons import WantedTag, set_tags_of_person
from cpms.common.errors import DomainError
from cpms.common.text.lines import check_lines
from tests import factories

pytestmark = pytest.mark.django_db
ODD = ("a\r\nBcc: x@evil.example", "a\nb", "a\rb", "a\x00b", "a\x07b", "a\x7fb", "a\x85b", "a\u2028b", "a\u202eb")
PERSON = {"first_name": "A", "last_name": "B", "phone": "", "language": "en"}


def invite_and_join(administrator, name):
    invitation = invitations.invite(
        team=administrator.teams.get(), actor=administrator, email="new@example.org", role="viewer", language="en"
    )
    token = mails.invitation_token(invitation)
    invitations.accept_as_new(token=token, first_name=name, last_name="B", password="a long enough password 17")


def installation_of(team):
    return Installation.objects.filter(team=team).first() or factories.InstallationFactory(team=team)


WRITERS = {
    "first name": lambda a, t, s, x: people.edit_person(person=a, actor=a, values=PERSON | {"first_name": x}),
    "phone": lambda a, t, s, x: people.edit_person(person=a, actor=a, values=PERSON | {"phone": x}),
    "employee number": lambda a, t, s, x: people.edit_person(
        person=a, actor=a, employee_numbers={a.memberships.get().pk: x}
    ),
    "joining": lambda a, t, s, x: invite_and_join(a, x),
    "team": lambda a, t, s, x: teams_services.add_team(handle="new", name=x),
    "team's name": lambda a, t, s, x: team_services.edit_team(
        team=t, name=x, handle=t.handle, station_passwords=t.station_passwords, actor=a
    ),
    "billing": lambda a, t, s, x: team_services.edit_billing(team=t, values={"name": x}, actor=a),
    "brand": lambda a, t, s, x: branding.save_brand(team=t, values={"portal_name": x}, actor=a),
    "program": lambda a, t, s, x: programs.add_program(team=t, name=x, scopes=["stations:read"], actor=a),
    "token": lambda a, t, s, x: tokens.issue_api_token(user=a, name=x),
    "station": lambda a, t, s, x: naming.rename_station(station=s, name=x, actor=a),
    "group": lambda a, t, s, x: groups.create_group(user=a, name=x),
    "tag": lambda a, t, s, x: add_tags(team=t, tags=[NewTag("ABC", label=x)]),
    "person's tag": lambda a, t, s, x: set_tags_of_person(
        person=a, team=t, wanted=[WantedTag(None, "", x, "other")], shown=[], actor=a
    ),
    "installation": lambda a, t, s, x: places.add_installation(team=t, fields={"name": x}, actor=a),
    "contact": lambda a, t, s, x: places.edit_installation(
        installation=installation_of(t), fields={"contact_name": x}, actor=a
    ),
    "circuit": lambda a, t, s, x: circuit_services.save_circuit(
        installation=installation_of(t), circuit=None, name=x, max_current_a=63, phases=3, parent=None, actor=a
    ),
}


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("what", WRITERS)
def test_control_characters_are_refused_in_what_people_type(what, odd, administrator, team, station):
    with pytest.raises(DomainError) as refused:
        WRITERS[what](administrator, Team.objects.get(pk=team.pk), station, odd)
    assert refused.value.fields


@pytest.mark.parametrize("fine", ["Zoë", "日本語", "a\u00a0b", "Ünal & Öl", "👩‍🔧", ""])
def test_other_characters_are_fine(fine):
    check_lines(name=fine)


@pytest.mark.parametrize("odd", ["a\r\nb", "a\x07b"])
def test_the_back_office_refuses_them_too(client, staff, viewer, team, odd):
    client.force_login(staff)
    form = {"email": viewer.email, "first_name": odd, "is_active": "on", "memberships-TOTAL_FORMS": "0"}
    page = client.post(
        reverse("admin:accounts_user_change", args=[viewer.pk]), form | {"memberships-INITIAL_FORMS": "0"}
    )
    assert page.status_code == 200 and "control characters" in page.content.decode()
    viewer.refresh_from_db()
    assert viewer.first_name == ""
