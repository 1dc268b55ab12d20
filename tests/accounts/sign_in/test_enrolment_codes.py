"""Support staff's first second factor needs a code besides the password (issue 10, 1)."""

import re
import time
from datetime import timedelta

import pytest
import time_machine
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.core import mail
from django.urls import reverse
from django.utils import timezone

from accounts.mails.services import mails
from accounts.models import AuditEntry, FactorEnrolmentCode, User
from accounts.sign_in.services import enrolment_codes, factors
from cpms.common.errors import DomainError, NotAllowed
from tests import factories
from tests.factories import PASSWORD

pytestmark = pytest.mark.django_db
SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
ADD, LOGIN = reverse("accounts:app_add"), reverse("accounts:login")


@pytest.fixture(autouse=True)
def _strict(settings):
    settings.STAFF_REQUIRES_TWO_FACTOR = True


@pytest.fixture
def colleague(db):
    return factories.UserFactory(is_staff=True, email="colleague@example.org")


def code(secret=SECRET):
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30))


def set_up(client, **more):
    """On the page, with the right code of the app."""
    page = client.get(ADD).content.decode()
    secret = re.search(r'id="secret">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    return client.post(ADD, {"code": code(secret), **more})


def test_the_password_alone_sets_up_no_first_factor_of_support_staff(client, staff):
    client.post(LOGIN, {"login": staff.email, "password": PASSWORD})
    for wrong in ({}, {"enrolment_code": "AAAA-BBBB-CCCC-DDDD"}):
        refused = set_up(client, **wrong)
        assert refused.status_code == 422 and "nrolment code" in refused.content.decode()
    assert not factors.has_factor(staff)
    assert client.get("/admin/").url == reverse("accounts:security")


def test_add_user_prints_a_code_that_sets_it_up_once(client, manage, team):
    words = ("add_user", "s@example.org", "--password", PASSWORD, "--team", "nordlys", "--role", "viewer", "--staff")
    told = manage(*words, "--json").json
    person = User.objects.get(email="s@example.org")
    client.force_login(person)
    assert set_up(client, enrolment_code=told["enrolment_code"].lower().replace("-", " ")).status_code == 200
    assert factors.has_factor(person) and client.get("/admin/").status_code == 200
    with pytest.raises(DomainError, match="already used"):
        enrolment_codes.use_code(person=person, code=told["enrolment_code"])
    assert "enrolment_code" not in manage(*words, "--json").json, "who has a factor gets none"
    assert re.search(r"([A-Z2-9]{4}-){3}[A-Z2-9]{4}", manage(words[0], "t@example.org", *words[2:]).out)


def test_only_the_hash_of_a_code_is_kept(staff):
    row, code = enrolment_codes.issue_code(person=staff, actor=None)
    kept = " ".join(str(value) for value in FactorEnrolmentCode.objects.values_list().get())
    assert code not in kept and code.replace("-", "") not in kept
    assert row.code_hash in kept


def test_a_code_expires_and_a_newer_one_voids_it(staff):
    _row, first = enrolment_codes.issue_code(person=staff, actor=None)
    _row, second = enrolment_codes.issue_code(person=staff, actor=None)
    with pytest.raises(DomainError):
        enrolment_codes.use_code(person=staff, code=first)
    with time_machine.travel(timezone.now() + timedelta(hours=25)), pytest.raises(DomainError):
        enrolment_codes.use_code(person=staff, code=second)
    enrolment_codes.use_code(person=staff, code=second)


def test_a_code_is_for_one_person_only(staff, colleague):
    _row, code = enrolment_codes.issue_code(person=staff, actor=None)
    with pytest.raises(DomainError):
        enrolment_codes.use_code(person=colleague, code=code)


def test_codes_are_not_guessed(staff):
    for _n in range(5):
        with pytest.raises(DomainError):
            enrolment_codes.use_code(person=staff, code="AAAA")
    _row, code = enrolment_codes.issue_code(person=staff, actor=None)
    with pytest.raises(DomainError, match="Too many"):
        enrolment_codes.use_code(person=staff, code=code)


def test_a_wrong_code_of_the_app_does_not_use_up_the_enrolment_code(staff):
    _row, enrolment_code = enrolment_codes.issue_code(person=staff, actor=None)
    with pytest.raises(DomainError):
        factors.add_app(user=staff, secret=SECRET, code="000000", enrolment_code=enrolment_code)
    factors.add_app(user=staff, secret=SECRET, code=code(), enrolment_code=enrolment_code)


def test_a_colleague_issues_a_code_in_the_admin_and_it_is_written_down(client, staff, colleague):
    factors.add_app(
        user=staff, secret=SECRET, code=code(), enrolment_code=enrolment_codes.issue_code(person=staff, actor=None)[1]
    )
    client.force_login(staff)
    facts = {"action": "issue_enrolment_code", "_selected_action": [colleague.pk]}
    page = client.post(reverse("admin:accounts_user_changelist"), facts)
    shown = re.search(r"([A-Z2-9]{4}-){3}[A-Z2-9]{4}", page.content.decode())[0]
    assert "no-store" in page["Cache-Control"]
    assert FactorEnrolmentCode.objects.get(user=colleague).created_by == staff
    entry = AuditEntry.objects.filter(object_pk=str(colleague.pk), changes__has_key="second_factor").first()
    assert entry.actor == staff and entry.changes == {"second_factor": ["", "enrolment_code"]}
    assert shown not in str(list(AuditEntry.objects.values()))
    mails.send_mails()
    subjects = [told.subject for told in mail.outbox if told.to == [colleague.email]]
    assert subjects == ["An enrolment code was issued for your account"]
    enrolment_codes.use_code(person=colleague, code=shown)


def test_nobody_issues_a_code_for_oneself_or_without_being_support_staff(staff, colleague, administrator):
    for actor, person in ((staff, staff), (administrator, staff)):
        with pytest.raises(NotAllowed):
            enrolment_codes.issue_code(person=person, actor=actor)
    with pytest.raises(DomainError, match="not support staff"):
        enrolment_codes.issue_code(person=administrator, actor=staff)


def test_after_a_reset_of_the_factors_a_new_code_is_needed(staff, colleague):
    _row, first = enrolment_codes.issue_code(person=staff, actor=None)
    factors.add_app(user=staff, secret=SECRET, code=code(), enrolment_code=first)
    factors.reset(person=staff, actor=colleague)
    with pytest.raises(DomainError, match="enrolment code"):
        factors.add_app(user=staff, secret=SECRET, code=code())


def test_nobody_else_is_asked_for_a_code(client, viewer, staff, settings):
    client.force_login(viewer)
    assert set_up(client).status_code == 200
    settings.STAFF_REQUIRES_TWO_FACTOR = False  # as in the demo, whose staff may do without
    client.force_login(staff)
    assert client.get("/admin/").status_code == 200
    assert set_up(client).status_code == 200
