"""Forgotten passwords (W6-W10) and the proof that an address is somebody's."""

import re
from datetime import timedelta

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.mails.services import mails
from accounts.members.services import people
from accounts.models import AccessToken, AccountMail, AddressChange, ApiToken, AuditEntry, Program
from accounts.profile.services import address_changes, passwords
from accounts.programs.services import programs
from accounts.programs.services import tokens as services
from cpms.common.errors import DomainError
from tests import factories

ASK = reverse("accounts:password_reset")
NEW = {"password1": "ein langer neuer Satz", "password2": "ein langer neuer Satz"}


def link(number=-1):
    """Of the newest mail, as a path."""
    mails.send_mails()
    found = re.search(r"https?://\S+", mail.outbox[number].body).group()
    assert found.startswith("http://localhost:8000/")
    return found.removeprefix("http://localhost:8000")


def ask(client, email, **more):
    return client.post(ASK, {"email": email}, follow=True, **more)


def test_a_link_by_mail_sets_a_new_password_once(client, viewer):
    """W7, W10."""
    ask(client, viewer.email.upper())
    path = link()
    page = client.get(path, follow=True)
    assert path.rpartition("-")[2] not in page.request["PATH_INFO"], "the key is not in the address any more"
    done = client.post(page.request["PATH_INFO"], NEW, follow=True)
    assert "New password set" in done.content.decode()
    viewer.refresh_from_db()
    assert viewer.check_password(NEW["password1"]) and viewer.email_verified_at
    assert "This link has expired" in client.get(path, follow=True).content.decode()
    assert "This link has expired" in client.post(page.request["PATH_INFO"], NEW).content.decode()


def test_two_links_are_both_void_after_the_first_was_used(client, viewer):
    ask(client, viewer.email)
    ask(client, viewer.email)
    first, second = link(-2), link(-1)
    client.post(client.get(first, follow=True).request["PATH_INFO"], NEW)
    assert ASK in client.get(second, follow=True).content.decode(), "with a way on"


@pytest.mark.parametrize(("hours", "counts"), [(23.9, True), (24.1, False)])
def test_it_is_valid_for_24_hours(client, viewer, hours, counts):
    """W8."""
    ask(client, viewer.email)
    path = link()
    with time_machine.travel(timezone.now() + timedelta(hours=hours)):
        assert ("Repeat new password" in client.get(path, follow=True).content.decode()) is counts


def test_the_mail_says_what_it_must(client, viewer):
    """W9."""
    ask(client, viewer.email)
    mails.send_mails()
    told = mail.outbox[0]
    html = told.alternatives[0][0]
    for text in (told.body, html):
        assert "24 hours" in text and "once" in text and "Please do not reply to this e-mail" in text
        assert "CPMS" in text
    assert told.to == [viewer.email]


def test_its_link_is_never_made_of_what_the_browser_says(client, viewer, settings):
    """S26."""
    settings.ALLOWED_HOSTS = ["*"]
    ask(client, viewer.email, HTTP_HOST="evil.example")
    assert link() and "evil" not in mail.outbox[0].body + mail.outbox[0].alternatives[0][0]


def without_tokens(answer):
    return re.sub(rb'name="csrfmiddlewaretoken" value="[^"]+"', b"", answer.content)


def test_the_answer_does_not_tell_whether_there_is_such_a_person(client, viewer):
    known, unknown = ask(client, viewer.email), ask(client, "nobody@example.org")
    assert without_tokens(known) == without_tokens(unknown)
    assert AccountMail.objects.count() == 2
    assert mails.send_mails() == 1 and [told.to for told in mail.outbox] == [[viewer.email]]
    assert AccountMail.objects.count() == 1, "the address of somebody unknown is not kept"


def test_who_may_not_sign_in_gets_no_link(client, viewer):
    ask(client, viewer.email)
    path = link()
    viewer.is_active = False
    viewer.save()
    client.post(client.get(path, follow=True).request["PATH_INFO"], NEW)
    viewer.refresh_from_db()
    assert not viewer.check_password(NEW["password1"])
    ask(client, viewer.email)
    assert mails.send_mails() == 0


def test_nobody_is_flooded_with_mails(client, viewer, settings):
    settings.LOGIN_ATTEMPTS_PER_MINUTE = 3
    for _n in range(5):
        answer = ask(client, viewer.email)
    assert "Too many attempts" in answer.content.decode()
    assert AccountMail.objects.count() == 3


@pytest.mark.parametrize(
    ("first", "second", "why"),
    [
        ("ein langer neuer Satz", "ein anderer neuer Satz", "do not match"),
        ("password", "password", "too common"),
        ("kurz", "kurz", "too short"),
    ],
)
def test_a_password_must_be_said_twice_and_be_good(client, viewer, first, second, why):
    ask(client, viewer.email)
    page = client.get(link(), follow=True)
    answer = client.post(page.request["PATH_INFO"], {"password1": first, "password2": second})
    assert why in answer.content.decode()
    viewer.refresh_from_db()
    assert viewer.check_password(factories.PASSWORD)


def test_a_new_password_signs_out_everywhere(client, viewer):
    client.force_login(viewer)
    passwords.request_password_reset(email=viewer.email, address="::1")
    other = Client()
    other.post(other.get(link(), follow=True).request["PATH_INFO"], NEW)
    assert client.get(reverse("accounts:account")).status_code == 302


def tokens_and_browsers(person):
    """Two API tokens, an access token of a program of this person, and a browser."""
    services.issue_api_token(user=person, name="one")
    services.issue_api_token(user=person, name="two")
    factories.SignedInBrowserFactory(user=person)
    team = person.memberships.get().team
    program, _secret = programs.add_program(team=team, name="p", scopes=["operate"], actor=None)
    Program.objects.filter(pk=program.pk).update(created_by=person)
    programs.issue_access_token(program=program, secret="t", scopes=[], seconds=60)


def still_works(person):
    tokens = ApiToken.objects.filter(user=person, revoked=False).count()
    return tokens, AccessToken.objects.filter(program__created_by=person).count(), person.browsers.count()


def test_a_reset_by_link_revokes_tokens_and_sessions_and_the_mail_says_so(client, viewer, operator):
    """Issue 10, 4: of this person only."""
    tokens_and_browsers(viewer)
    services.issue_api_token(user=operator, name="another person's")
    ask(client, viewer.email)
    client.post(client.get(link(), follow=True).request["PATH_INFO"], NEW)
    assert still_works(viewer) == (0, 0, 0) and still_works(operator)[0] == 1
    mails.send_mails()
    text = mail.outbox[-1].body
    assert "1 browser was signed out. 2 API tokens were revoked." in text
    assert "1 application that you added to a team still works." in text, "it is the team's"
    entries = AuditEntry.objects.filter(content_type__model="apitoken", action=AuditEntry.Action.UPDATE)
    assert entries.count() == 2


@pytest.mark.parametrize("is_ticked", [True, False])
def test_a_password_change_offers_to_revoke_tokens_and_the_mail_says_so(client, viewer, is_ticked):
    """Issue 10, 4: ticked, unless somebody takes it away."""
    tokens_and_browsers(viewer)
    client.force_login(viewer)
    url = reverse("accounts:password_change")
    assert re.search(r'name="with_tokens"[^>]* checked', client.get(url).content.decode())
    client.post(url, {"old": factories.PASSWORD, **NEW, **({"with_tokens": "on"} if is_ticked else {})})
    assert still_works(viewer) == ((0, 0, 0) if is_ticked else (2, 1, 0))
    mails.send_mails()
    told = "2 API tokens were revoked." if is_ticked else "2 API tokens of yours still work."
    assert told in mail.outbox[-1].body


def test_changing_the_password_needs_the_old_one_and_keeps_this_session(client, viewer):
    client.force_login(viewer)
    url = reverse("accounts:password_change")
    assert "not your password" in client.post(url, {"old": "wrong", **NEW}).content.decode()
    assert client.post(url, {"old": factories.PASSWORD, **NEW}).status_code == 302
    assert client.get(url).status_code == 200
    viewer.refresh_from_db()
    assert viewer.check_password(NEW["password1"])


def test_another_address_counts_once_its_link_was_pressed(client, viewer):
    client.force_login(viewer)
    old = viewer.email
    client.post(reverse("accounts:email_change"), {"email": "New@Example.org"})
    path = link()
    assert mail.outbox[0].to == ["new@example.org"]
    client.get(path)
    viewer.refresh_from_db()
    assert viewer.email == old, "a mail program that opens links changes nothing"
    client.post(path)
    viewer.refresh_from_db()
    assert viewer.email == "new@example.org" and viewer.email_verified_at
    assert "already used" in client.post(path).content.decode()
    mails.send_mails()
    assert mail.outbox[-1].to == [old] and "no longer sign in" in mail.outbox[-1].body


def changed_to(client, viewer, email="new@example.org"):
    """Another address; returns the path of the link that undoes it."""
    client.force_login(viewer)
    client.post(reverse("accounts:email_change"), {"email": email})
    path = link()
    client.post(path)
    viewer.refresh_from_db()
    assert viewer.email == email
    return link(), path


def test_an_address_change_tells_the_old_address_and_can_be_undone_from_there(client, viewer):
    """Issue 10, 3: the old address is back, sessions and tokens end, the password is void, a link sets a new one."""
    old = viewer.email
    undo, confirm = changed_to(client, viewer)
    assert mail.outbox[-1].to == [old]
    tokens_and_browsers(viewer)
    other = Client()
    assert old in other.get(undo).content.decode()
    viewer.refresh_from_db()
    assert viewer.email == "new@example.org", "a mail program that opens links changes nothing"
    assert other.post(undo).url == reverse("accounts:password_reset_sent")
    viewer.refresh_from_db()
    assert viewer.email == old and not viewer.has_usable_password() and still_works(viewer) == (0, 0, 0)
    assert client.get(reverse("accounts:account")).status_code == 302
    reset = link()
    assert mail.outbox[-1].to == [old]
    other.post(other.get(reset, follow=True).request["PATH_INFO"], NEW)
    viewer.refresh_from_db()
    assert viewer.check_password(NEW["password1"])
    assert "already used" in other.post(undo).content.decode(), "it works once"
    assert "This link is not valid" in other.post(confirm).content.decode(), "nor does the first link change it again"


@pytest.mark.parametrize(("days", "counts"), [(6.9, True), (7.1, False)])
def test_an_address_change_can_be_undone_for_seven_days(client, viewer, days, counts):
    """Issue 10, 3."""
    undo, _confirm = changed_to(client, viewer)
    with time_machine.travel(timezone.now() + timedelta(days=days)):
        assert ("has expired" in client.post(undo).content.decode()) is not counts


def test_an_undo_after_several_changes_voids_the_later_ones(client, viewer):
    """Issue 10, 3: who took the account over cannot take it back."""
    old = viewer.email
    first, _confirm = changed_to(client, viewer, "one@example.org")
    second, _confirm = changed_to(client, viewer, "two@example.org")
    Client().post(first)
    viewer.refresh_from_db()
    assert viewer.email == old
    assert "This link is not valid" in Client().post(second).content.decode()
    assert "incomplete" in Client().get(reverse("accounts:email_undo", args=["x"])).content.decode()


def test_an_address_that_support_changes_is_told_and_undone_in_the_same_way(client, viewer, staff):
    """Issue 10, 3."""
    old = viewer.email
    client.force_login(staff)
    page = reverse("admin:accounts_user_change", args=[viewer.pk])
    form = client.get(page).context["adminform"].form
    facts = {name: value for name, value in form.initial.items() if value not in (None, False)}
    inline = {"memberships-TOTAL_FORMS": 0, "memberships-INITIAL_FORMS": 0}
    answer = client.post(page, facts | inline | {"email": "new@example.org"})
    assert answer.status_code == 302, answer.context["errors"]
    viewer.refresh_from_db()
    assert viewer.email == "new@example.org" and viewer.email_verified_at is None
    Client().post(link())
    viewer.refresh_from_db()
    assert viewer.email == old


def test_an_old_address_that_somebody_else_has_now_is_not_restored(client, viewer):
    undo, _confirm = changed_to(client, viewer)
    factories.UserFactory(email=AddressChange.objects.get().old_email)
    assert "belongs to another account" in client.post(undo).content.decode()
    assert still_works(viewer)[0] == 0


def test_old_addresses_are_forgotten(viewer):
    change = AddressChange.objects.create(user=viewer, old_email="a@example.org", new_email=viewer.email)
    with time_machine.travel(timezone.now() + timedelta(days=31)):
        address_changes.delete_old_address_changes()
    assert not AddressChange.objects.filter(pk=change.pk).exists()
    AddressChange.objects.create(user=viewer, old_email="a@example.org", new_email=viewer.email)
    people.erase_person(person=viewer, actor=viewer)
    assert not AddressChange.objects.exists(), "nor is one kept of who is erased"


@pytest.mark.parametrize("kind", ["reset", "verify"])
def test_mails_are_limited_per_recipient_from_wherever_they_are_asked_for(viewer, operator, kind):
    """Issue 10: reset and verification mails, also for an address that nobody has."""

    def ask_from(number):
        if kind == "reset":
            return passwords.request_password_reset(email="Somebody@example.org", address=f"192.0.2.{number}")
        return passwords.request_address_verification(
            user=factories.UserFactory(), email="Somebody@example.org", address=f"192.0.2.{number}"
        )

    for number in range(passwords.MAX_MAILS):
        ask_from(number)
    with pytest.raises(DomainError, match="Too many attempts"):
        ask_from(200)
    assert AccountMail.objects.count() == passwords.MAX_MAILS


def test_an_address_of_somebody_else_is_not_taken_nor_told(client, viewer, operator):
    client.force_login(viewer)
    answer = client.post(reverse("accounts:email_change"), {"email": operator.email}, follow=True)
    assert "We sent an e-mail to" in answer.content.decode()
    assert "belongs to another account" in client.post(link()).content.decode()
    viewer.refresh_from_db()
    assert viewer.email != operator.email


def test_an_address_link_is_valid_for_24_hours(viewer):
    token = mails.address_token(viewer, "new@example.org")
    with time_machine.travel(timezone.now() + timedelta(hours=25)), pytest.raises(DomainError, match="expired"):
        passwords.read_address_token(token)


def test_mails_are_in_the_persons_language(viewer):
    viewer.language = "de"
    viewer.save()
    passwords.request_password_reset(email=viewer.email, address="::1")
    mails.send_mails()
    assert '<html lang="de">' in mail.outbox[0].alternatives[0][0]


def test_what_cannot_be_sent_is_tried_again(viewer, settings):
    passwords.request_password_reset(email=viewer.email, address="::1")
    settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    settings.EMAIL_PORT = 1
    assert mails.send_mails() == 0
    row = AccountMail.objects.get()
    assert "refused" in row.error.lower() and row.sent_at is None
    settings.EMAIL_BACKEND = "django.core.mail.backends.locmem.EmailBackend"
    with time_machine.travel(timezone.now() + timedelta(minutes=3)):
        assert mails.send_mails() == 1


def test_old_mails_are_deleted(db):
    factories.AccountMailFactory(created_at=timezone.now() - timedelta(days=31))
    mails.delete_old_mails()
    assert not AccountMail.objects.exists()


def test_mails_are_shown_only_where_that_is_set(client, viewer, settings, tmp_path):
    settings.MAILS_FOLDER, settings.MAILS_SENT_BY = tmp_path, "django.core.mail.backends.locmem.EmailBackend"
    settings.EMAIL_BACKEND, settings.MAILS_IN_PAGE = "cpms.common.messaging.mail.StoringBackend", True
    passwords.request_password_reset(email=viewer.email, address="::1")
    mails.send_mails()
    assert len(mail.outbox) == 1, "it is sent as well"
    page = client.get(reverse("portal:mail_list")).content.decode()
    assert viewer.email in page and "/account/password/set/" in page
    html = re.search(r"/mails/[\w-]+/", page).group()
    assert "Set a new password" in client.get(html).content.decode()
    settings.MAILS_IN_PAGE = False
    assert client.get(reverse("portal:mail_list")).status_code == client.get(html).status_code == 404
