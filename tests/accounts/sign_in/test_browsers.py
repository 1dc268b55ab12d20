"""Where a person is signed in, and signing out from elsewhere; what his pages look like; when he joins by domain."""

from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.mails.services import mails
from accounts.members.services import people
from accounts.models import Invitation, SignedInBrowser, TeamDomain
from accounts.profile.services import passwords, preferences
from accounts.sign_in.services import browsers
from cpms.common.web import formatting, user_agents
from maintenance.models import AlarmMail, Notification, NotificationChoice
from maintenance.notifications.services import alarms, notifications
from tests import factories
from tests.factories import PASSWORD

LOGIN, SECURITY, ACCOUNT = reverse("accounts:login"), reverse("accounts:security"), reverse("accounts:account")
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
pytestmark = pytest.mark.django_db


@pytest.fixture
def here(viewer):
    return signed_in(viewer)


def signed_in(user, **more):
    client = Client(**more)
    client.post(LOGIN, {"login": user.email, "password": PASSWORD})
    return client


def is_signed_in(client):
    return client.get(ACCOUNT).status_code == 200


def test_the_list_says_from_where_and_marks_this_one(here, viewer):
    signed_in(viewer, HTTP_USER_AGENT=FIREFOX, REMOTE_ADDR="192.0.2.9")
    page = here.get(SECURITY).content.decode()
    assert "Firefox on Linux" in page and "192.0.2.9" in page
    assert page.count("this browser") == 1 and "Sign out all others" in page


def test_one_is_signed_out_from_elsewhere(here, viewer, django_capture_on_commit_callbacks):
    other = signed_in(viewer)
    row = viewer.browsers.get(session_key=other.session.session_key)
    with django_capture_on_commit_callbacks(execute=True):
        here.post(reverse("accounts:browser_sign_out", args=[row.pk]))
    assert not is_signed_in(other) and is_signed_in(here)
    assert other.get("/").url.startswith(LOGIN)


def test_the_trail_says_which_browser_in_its_readers_language(here, client, viewer, administrator, team):
    """And what was written down as words, before that, stays as it is."""
    for agent, address in ((FIREFOX, "192.0.2.9"), ("", "192.0.2.10")):
        signed_in(viewer, HTTP_USER_AGENT=agent, REMOTE_ADDR=address)
    factories.AuditEntryFactory(team=team, changes={"signed_in": ["Opera on iPad · 192.0.2.11", ""]})
    here.post(reverse("accounts:browser_sign_out_others"))
    administrator.language = "de"
    administrator.save()
    client.force_login(administrator)
    page = client.get(reverse("team:audit")).content.decode()
    for words in ("Firefox auf Linux · 192.0.2.9", "Unbekannter Browser · 192.0.2.10", "Opera on iPad · 192.0.2.11"):
        assert words in page, words


def test_all_others_are_signed_out(here, viewer, django_capture_on_commit_callbacks):
    others = [signed_in(viewer), signed_in(viewer)]
    with django_capture_on_commit_callbacks(execute=True):
        here.post(reverse("accounts:browser_sign_out_others"))
    assert is_signed_in(here) and not any(map(is_signed_in, others))
    assert len(browsers.browsers_of(viewer)) == 1


def test_nobody_signs_out_others_people(here, stranger):
    """S18."""
    other = signed_in(stranger)
    row = stranger.browsers.get()
    assert here.post(reverse("accounts:browser_sign_out", args=[row.pk])).status_code == 404
    assert is_signed_in(other)


def test_a_new_password_signs_out_the_others_and_says_so_by_mail(here, viewer, django_capture_on_commit_callbacks):
    """W10."""
    other, new = signed_in(viewer), "ein langer neuer Satz"
    with django_capture_on_commit_callbacks(execute=True):
        here.post(reverse("accounts:password_change"), {"old": PASSWORD, "password1": new, "password2": new})
    assert is_signed_in(here) and not is_signed_in(other)
    viewer.refresh_from_db()
    assert [row.session_key for row in browsers.browsers_of(viewer)] == [here.session.session_key]
    mails.send_mails()
    assert [told.subject for told in mail.outbox] == ["Your password was changed"]


def test_who_signs_out_is_not_in_the_list(here, viewer):
    here.post(reverse("accounts:logout"))
    assert not SignedInBrowser.objects.exists()


def test_seeing_a_browser_is_not_written_with_every_request(here, viewer, monkeypatch):
    monkeypatch.setattr(browsers, "_last_writes", {})
    row = viewer.browsers.get()
    here.get(ACCOUNT)
    assert viewer.browsers.get().last_seen_at == row.last_seen_at, "less than five minutes ago"
    with time_machine.travel(timezone.now() + timedelta(minutes=6)):
        monkeypatch.setattr(browsers, "_last_writes", {})
        here.get(ACCOUNT)
        seen = viewer.browsers.get().last_seen_at
        assert seen > row.last_seen_at
        here.get(ACCOUNT)
        assert viewer.browsers.get().last_seen_at == seen


def test_behind_a_unix_socket_one_signs_in_as_well(viewer):
    signed_in(viewer, REMOTE_ADDR="")
    assert viewer.browsers.get().address is None


def test_old_ones_are_forgotten(viewer):
    old = timezone.now() - timedelta(days=20)
    factories.SignedInBrowserFactory(user=viewer, last_seen_at=old)
    browsers.delete_old_browsers()
    assert not viewer.browsers.exists()


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/140.0 Safari/537.36 Edg/140.0", "Edge on Windows"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) Version/19.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/140.0 Mobile Safari/537.36", "Chrome on Android"),
        ("curl/8.0", "Unknown browser"),
    ],
)
def test_browsers_are_named_as_people_call_them(agent, words):
    assert user_agents.browser_label(agent) == words


# --- how pages look -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("dates", "numbers", "day", "figure"),
    [
        ("", "", "05 Nov 2026", "1,234.5"),
        ("iso", "fr", "2026-11-05", "1\u202f234,5"),
        ("dot", "de", "05.11.2026", "1.234,5"),
        ("us", "ch", "11/05/2026", "1\u2019234.5"),
        ("slash", "en", "05/11/2026", "1,234.5"),
    ],
)
def test_dates_and_numbers_have_the_form_that_was_chosen(dates, numbers, day, figure):
    at = timezone.datetime(2026, 11, 5, 12, tzinfo=timezone.get_default_timezone())
    with formatting.use_formats(dates, numbers):
        assert formatting.date_time(at).startswith(day) and formatting.full_time(at).startswith(day)
        assert formatting.number(1234.5, 1) == figure
    assert formatting.number(1234.5, 1) == "1,234.5"


def test_the_choice_is_kept_and_pages_follow_it(here, viewer):
    """P33."""
    chosen = {"language": "de", "time_zone": "Asia/Tokyo", "theme": "dark", "date_format": "iso", "number_format": "ch"}
    assert here.post(ACCOUNT, chosen).status_code == 302
    viewer.refresh_from_db()
    assert {name: getattr(viewer, name) for name in chosen} == chosen
    page = here.get(ACCOUNT).content.decode()
    assert 'lang="de"' in page and 'data-theme="dark"' in page and 'data-zone="Asia/Tokyo"' in page
    assert 'data-numbers="ch"' in page and 'data-dates="iso"' in page
    session = factories.SessionFactory(station=factories.StationFactory(team=viewer.teams.get()), finished=True)
    listed = here.get(reverse("sessions:session_list")).content.decode()
    assert f"{session.started_at:%Y-%m-}" in listed


def test_a_choice_that_is_none_is_refused(here, viewer):
    for name in ("language", "time_zone", "theme", "date_format", "number_format"):
        assert here.post(ACCOUNT, {name: "../x"}).status_code == 422
    assert here.post(reverse("accounts:theme"), {"theme": "pink"}).status_code == 422


def test_the_theme_of_the_menu_is_kept_in_the_person(here, viewer):
    assert here.post(reverse("accounts:theme"), {"theme": "dark"}).status_code == 204
    viewer.refresh_from_db()
    assert viewer.theme == "dark"


def test_who_is_erased_leaves_no_trace_of_browsers_and_tastes(here, viewer):
    """B24."""
    preferences.save_preferences(
        user=viewer, language="de", time_zone="", theme="dark", date_format="iso", number_format="de"
    )
    people.erase_person(person=viewer, actor=viewer)
    viewer.refresh_from_db()
    assert not viewer.browsers.exists() and not viewer.theme and not viewer.date_format


# --- notifications ------------------------------------------------------------------------------------------------


def test_what_was_chosen_off_is_not_told_at_the_bell(client, viewer, operator, station):
    """W29."""
    client.force_login(viewer)
    client.post(reverse("portal:notification_choices"), {"bell": ["fault", "away", "grant"], "mail": ["alarm"]})
    factories.report_security_event(station)
    notifications.notify()
    told = set(Notification.objects.filter(kind="alarm").values_list("user", flat=True))
    assert operator.pk in told and viewer.pk not in told
    assert NotificationChoice.objects.filter(user=viewer).count() == len(Notification.Kind)


def test_mails_about_alarms_go_to_administrators_who_want_them(user_with, station):
    """T40."""
    from accounts.access.rights import Role

    wants, wants_not = user_with(Role.ADMIN), user_with(Role.ADMIN)
    notifications.save_notification_choices(user=wants_not, bells=Notification.Kind.values, mails=[])
    factories.report_security_event(station)
    alarms.send_alarms()
    assert [row.user for row in AlarmMail.objects.all()] == [wants]


# --- joining by domain --------------------------------------------------------------------------------------------


@pytest.fixture
def owning(other_team):
    """A team that has proved that example.org is its own."""
    factories.TeamDomainFactory(
        team=other_team,
        purpose=TeamDomain.Purpose.ENROLMENT,
        domain="example.org",
        proved_at=timezone.now(),
    )
    return other_team


def test_who_signs_in_with_a_verified_address_joins_the_team_of_its_domain(viewer, owning):
    """P10: also where the domain was proved after the address."""
    signed_in(viewer)
    assert not owning.members.contains(viewer), "anybody may say that an address is his"
    viewer.email_verified_at = timezone.now()
    viewer.save()
    signed_in(viewer)
    assert owning.members.contains(viewer)


def test_who_confirms_an_address_joins_the_team_of_its_domain(owning):
    """P10."""
    person = factories.UserFactory(email="ada@elsewhere.example")
    passwords.confirm_address(token=mails.address_token(person, "ada@example.org"))
    assert owning.members.contains(person)


def test_who_accepts_an_invitation_joins_the_team_of_the_domain_too(client, team, owning, administrator):
    """P10, Z3."""
    from accounts.members.services import invitations

    invitation = invitations.invite(team=team, email="new@example.org", role="viewer", actor=administrator)
    token = mails.invitation_token(Invitation.objects.get(pk=invitation.pk))
    person = invitations.accept_as_new(token=token, first_name="A", last_name="B", password="ein langer neuer Satz")
    assert owning.members.contains(person) and team.members.contains(person)


def test_who_sets_a_password_by_a_link_joins_the_team_of_the_domain(viewer, owning):
    """P10: who has the link reads the mails."""
    from allauth.account.forms import default_token_generator

    key = default_token_generator.make_token(viewer)
    passwords.set_password_by_link(user=viewer, key=key, password="ein langer neuer Satz")
    assert owning.members.contains(viewer)
