"""Signing in with a second factor: set up, asked for, taken away, demanded (S24)."""

import os
import re
import subprocess
import sys
import time

import pytest
import time_machine
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value
from django.conf import settings
from django.core import mail
from django.urls import reverse
from django.utils import translation

from accounts.mails.services import mails
from accounts.models import AuditEntry
from accounts.sign_in import fresh_proof
from accounts.sign_in.services import enrolment_codes, factors
from cpms.common.errors import DomainError, NotAllowed
from tests import factories
from tests.factories import PASSWORD

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
SECURITY, LOGIN, SECOND = reverse("accounts:security"), reverse("accounts:login"), reverse("mfa_authenticate")
DASHBOARD = reverse("portal:dashboard")
pytestmark = pytest.mark.django_db


def code(secret=SECRET, shift=0):
    """What an app shows now, or so many half minutes later."""
    return format_hotp_value(hotp_value(secret, int(time.time()) // 30 + shift))


@pytest.fixture
def secured(viewer):
    """A person with an app, whose code of the half minute before was used to set it up; and the recovery codes."""
    return viewer, factors.add_app(user=viewer, secret=SECRET, code=code(shift=-1))


def sign_in(client, user, **more):
    return client.post(LOGIN, {"login": user.email, "password": PASSWORD, **more})


def signed_in_long_ago(client, user):
    """Signed in, but it was not proved lately who it is."""
    client.force_login(user)
    session = client.session
    del session[fresh_proof.SESSION_KEY]
    session.save()


def is_signed_in(client):
    return "_auth_user_id" in client.session


def subjects():
    mails.send_mails()
    return [told.subject for told in mail.outbox]


def test_an_app_is_set_up_with_its_code_and_recovery_codes_are_shown_once(client, viewer):
    """S24."""
    sign_in(client, viewer)
    page = client.get(reverse("accounts:app_add")).content.decode()
    secret = re.search(r'id="secret">([A-Z2-7 ]+)<', page)[1].replace(" ", "")
    assert "data:image/svg+xml;base64," in page and f"secret={secret}" in page
    wrong = client.post(reverse("accounts:app_add"), {"code": "000000"})
    assert wrong.status_code == 422 and "This code is wrong" in wrong.content.decode()
    done = client.post(reverse("accounts:app_add"), {"code": code(secret)})
    codes = re.findall(r"\b\d{4} \d{4}\b", done.content.decode())
    assert len(codes) == 10 and "no-store" in done["Cache-Control"]
    page = client.get(SECURITY).content.decode()
    assert "Remove app" in page and codes[0] not in page
    assert subjects() == ["An authenticator app was added"]


def test_its_secret_is_not_kept_in_the_clear(secured):
    stored = str(Authenticator.objects.get(type="totp").data)
    assert SECRET not in stored
    assert Authenticator.objects.get(type="recovery_codes").data["seed"].startswith("gAAAA")


def test_the_password_alone_does_not_sign_in(client, secured):
    """S24."""
    viewer, _codes = secured
    answer = sign_in(client, viewer, next="/stations/")
    assert answer.url == SECOND and not is_signed_in(client)
    assert client.get(DASHBOARD).status_code == 302
    assert "This code is wrong" in client.post(SECOND, {"code": "123456"}).content.decode() and not is_signed_in(client)
    assert client.post(SECOND, {"code": code()}).url == "/stations/"
    assert is_signed_in(client)


def test_a_code_counts_once(client, secured):
    viewer, codes = secured
    for used in (code(), codes[0]):
        sign_in(client, viewer)
        client.post(SECOND, {"code": used})
        assert is_signed_in(client)
        client.post(reverse("accounts:logout"))
        sign_in(client, viewer)
        client.post(SECOND, {"code": used})
        assert not is_signed_in(client)


def test_who_uses_a_recovery_code_is_told_how_many_are_left(client, secured):
    viewer, codes = secured
    sign_in(client, viewer)
    page = client.post(SECOND, {"code": f"{codes[3][:4]} {codes[3][4:]}"}, follow=True).content.decode()
    assert "9 recovery codes left" in page


def test_codes_are_not_guessed(client, secured):
    """S24: five tries in five minutes, from wherever; then also the right code is refused."""
    viewer, _codes = secured
    for number in range(6):
        sign_in(client, viewer)
        page = client.post(SECOND, {"code": "123456"}, REMOTE_ADDR=f"192.0.2.{number}")
    assert "wait 5 minutes" in page.content.decode()
    client.post(SECOND, {"code": code()})
    assert not is_signed_in(client)


def test_owners_get_a_mail_after_five_wrong_second_factors(client, secured):
    """Issue 10: five since the last right one; whoever enters them may know the password."""
    viewer, codes = secured

    def wrong(times):
        for _n in range(times):
            sign_in(client, viewer)
            client.post(SECOND, {"code": "123456"})

    wrong(4)
    factors.check_code(user=viewer, code=codes[0])
    wrong(4)
    assert "Five wrong codes for your account" not in subjects()
    wrong(4)
    assert subjects().count("Five wrong codes for your account") == 1
    assert mail.outbox[-1].to == [viewer.email]


def test_one_can_begin_anew_as_somebody_else(client, secured, operator):
    sign_in(client, secured[0])
    assert client.get(LOGIN).url == SECOND, "what was begun goes on"
    assert client.post(reverse("accounts:logout")).url == LOGIN
    sign_in(client, operator)
    assert is_signed_in(client)


def test_the_second_step_without_a_first_leads_to_the_first(client, secured):
    assert client.get(SECOND).url == LOGIN
    assert client.post(SECOND, {"code": code()}).url == LOGIN


def test_a_session_that_is_not_fresh_confirms_before_it_changes_factors(client, viewer):
    sign_in(client, viewer)
    with time_machine.travel(time.time() + 11 * 60):
        asked = client.get(reverse("accounts:app_add"))
        assert asked.url.startswith(reverse("accounts:confirm"))
        assert client.post(reverse("accounts:codes_make")).url.startswith(reverse("accounts:confirm"))
        assert "not your password" in client.post(asked.url, {"password": "wrong"}).content.decode()
        done = client.post(asked.url, {"password": PASSWORD, "next": reverse("accounts:app_add")})
        assert done.url == reverse("accounts:app_add")
        assert client.get(done.url).status_code == 200


def test_who_has_a_factor_confirms_with_it_and_not_with_the_password(client, secured):
    viewer, codes = secured
    signed_in_long_ago(client, viewer)
    page = reverse("accounts:confirm")
    assert "Your password" not in client.get(page).content.decode()
    client.post(page, {"password": PASSWORD})
    app = Authenticator.objects.get(type="totp")
    assert client.post(reverse("accounts:factor_remove", args=[app.pk])).url.startswith(page)
    assert client.post(page, {"code": codes[0], "next": "https://evil.example/"}).url == SECURITY
    client.post(reverse("accounts:factor_remove", args=[app.pk]))
    assert not Authenticator.objects.filter(user=viewer).exists(), "the recovery codes go with it"
    assert subjects()[-1] == "The authenticator app was removed"


def test_new_recovery_codes_void_the_old_ones(client, secured):
    viewer, old = secured
    client.force_login(viewer)
    client.post(reverse("accounts:confirm"), {"code": code()})
    new = client.post(reverse("accounts:codes_make")).content.decode()
    assert f"{old[0][:4]} {old[0][4:]}" not in new
    with pytest.raises(DomainError):
        factors.check_code(user=viewer, code=old[0])


def test_nobody_touches_the_factors_of_others(client, secured, operator):
    """S18."""
    client.force_login(operator)
    client.post(reverse("accounts:confirm"), {"password": PASSWORD})
    app = Authenticator.objects.get(type="totp")
    assert client.post(reverse("accounts:factor_remove", args=[app.pk])).status_code == 404
    with pytest.raises(NotAllowed):
        factors.remove(factor=app, actor=operator)


def test_a_program_gets_no_token_by_the_password_alone(api, secured):
    viewer, codes = secured
    body = {"email": viewer.email, "password": PASSWORD}
    refused = api().post("/api/v1/token/", body, format="json")
    assert refused.status_code == 400 and refused.json()["errors"][0]["field"] == "code"
    assert api().post("/api/v1/token/", body | {"code": "1"}, format="json").status_code == 400
    assert api().post("/api/v1/token/", body | {"code": codes[0]}, format="json").status_code == 201


def test_support_resets_the_factors_of_somebody_who_lost_them(client, secured, staff):
    """S44: written down, and told by mail."""
    viewer, _codes = secured
    client.force_login(staff)
    facts = {"action": "reset_factors", "_selected_action": [viewer.pk]}
    client.post(reverse("admin:accounts_user_changelist"), facts)
    assert not factors.has_factor(viewer)
    entry = AuditEntry.objects.filter(object_pk=str(viewer.pk), changes__has_key="second_factor").first()
    assert entry.actor == staff
    assert subjects()[-1] == "Your two-factor authentication was reset"


def test_the_trail_of_factors_is_read_in_the_readers_language(client, secured, administrator, team):
    """S44, W18: what was written down as words, before, stays as it was said."""
    viewer, _codes = secured
    viewer.language, administrator.language = "en", "de"
    administrator.save()
    factors.make_codes(user=viewer)
    key = Authenticator.objects.create(user=viewer, type="webauthn", data={"name": "Blue key", "credential": {}})
    factors.remove(factor=key, actor=viewer)
    for words in ("Authenticator app", "Passkey “Old one”"):
        factories.AuditEntryFactory(team=team, changes={"second_factor": ["", words]})
    client.force_login(administrator)
    with translation.override("de"):
        text = client.get(reverse("team:audit")).content.decode()
    for words in ("Authenticator-App", "Wiederherstellungscodes", "Passkey „Blue key“", "Passkey “Old one”"):
        assert words in text, words
    factors.reset(person=viewer, actor=factories.UserFactory(is_staff=True))
    stored = AuditEntry.objects.filter(object_pk=str(viewer.pk), changes__has_key="second_factor").order_by("pk")
    told = [entry.changes["second_factor"] for entry in stored]
    assert told == [["", "app"], ["", "codes"], ["key:Blue key", ""], ["all", ""]]


def test_only_support_resets_factors(secured, administrator):
    with pytest.raises(NotAllowed):
        factors.reset(person=secured[0], actor=administrator)


def test_a_team_that_demands_a_factor_leads_to_its_set_up_and_to_nothing_else(client, team, viewer):
    team.requires_two_factor = True
    team.save()
    client.force_login(viewer)
    assert client.get(DASHBOARD).url == SECURITY
    assert client.get("/api/v1/stations/").status_code == 403
    assert client.get(reverse("portal:bell"), headers={"HX-Request": "true"})["HX-Redirect"] == SECURITY
    assert "requires two-factor authentication" in client.get(SECURITY).content.decode()
    factors.add_app(user=viewer, secret=SECRET, code=code())
    assert client.get(DASHBOARD).status_code == 200
    with pytest.raises(DomainError):
        factors.remove(factor=Authenticator.objects.get(type="totp"), actor=viewer)


def test_keys_of_who_must_have_a_factor_and_has_none_open_nothing(api, program_client, team, viewer):
    """Or whoever has the password alone would go on by a token; a team's own keys are nobody's."""
    by_token, by_key = api(viewer), program_client(team)
    team.requires_two_factor = True
    team.save()
    refused = by_token.get("/api/v1/stations/")
    assert refused.status_code == 403 and "requires two-factor authentication" in refused.json()["detail"]
    assert by_key.get("/api/v1/stations/").status_code == 200
    factors.add_app(user=viewer, secret=SECRET, code=code())
    assert by_token.get("/api/v1/stations/").status_code == 200


def test_an_administrator_demands_of_others_what_he_has_himself(client, team, administrator):
    client.force_login(administrator)
    page = reverse("team:security")
    assert client.post(page, {"is_demanded": "on"}).status_code == 422
    factors.add_app(user=administrator, secret=SECRET, code=code())
    assert client.post(page, {"is_demanded": "on"}).status_code == 302
    team.refresh_from_db()
    assert team.requires_two_factor
    assert AuditEntry.objects.filter(object_pk=str(team.pk), changes__has_key="requires_two_factor").exists()


def test_a_passkey_that_is_none_is_refused_in_words(client, viewer):
    """S30."""
    for answer in ("", "[]", "{}", '{"response": {}}', '{"id": "AA", "rawId": "AA", "response": {}}', "x" * 5000):
        page = client.post(reverse("accounts:passkey_login"), {"credential": answer}, follow=True)
        assert page.status_code == 200 and not is_signed_in(client)
    sign_in(client, viewer)
    for answer in ("", "{}", '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}'):
        assert client.post(reverse("accounts:key_add"), {"name": "k", "credential": answer}).status_code == 422


def test_no_page_of_security_asks_more_for_more_browsers(client, viewer, django_assert_max_num_queries):
    from tests import factories

    factories.SignedInBrowserFactory.create_batch(20, user=viewer)
    client.force_login(viewer)
    client.get(SECURITY)
    with django_assert_max_num_queries(13):
        client.get(SECURITY)


# --- support staff ------------------------------------------------------------------------------------------------


@pytest.fixture
def strict(settings):
    settings.STAFF_REQUIRES_TWO_FACTOR = True


def test_support_staff_without_a_factor_gets_to_its_set_up_and_to_nothing_else(client, strict, staff, api):
    """S24: portal, admin and API alike."""
    client.force_login(staff)
    for path in (DASHBOARD, "/admin/", "/admin/accounts/user/", reverse("portal:own_data")):
        assert client.get(path).url == SECURITY, path
    refused = client.get("/api/v1/stations/")
    assert refused.status_code == 403 and "Support staff must use" in refused.json()["detail"]
    token = api().post("/api/v1/token/", {"email": staff.email, "password": PASSWORD}, format="json")
    assert token.status_code == 400 and "Support staff must use" in token.json()["detail"]
    page = client.get(SECURITY).content.decode()
    assert "Support staff must use two-factor authentication." in page and "A team of yours" not in page
    enrolment_code = enrolment_codes.issue_code(person=staff, actor=None)[1]
    factors.add_app(user=staff, secret=SECRET, code=code(), enrolment_code=enrolment_code)
    assert client.get("/admin/").status_code == client.get(DASHBOARD).status_code == 200
    with pytest.raises(DomainError, match="Support staff"):
        factors.remove(factor=Authenticator.objects.get(type="totp"), actor=staff)


def test_support_staff_signs_in_to_the_admin_with_both_steps(client, strict, staff):
    enrolment_code = enrolment_codes.issue_code(person=staff, actor=None)[1]
    factors.add_app(user=staff, secret=SECRET, code=code(shift=-1), enrolment_code=enrolment_code)
    assert sign_in(client, staff, next="/admin/").url == SECOND
    assert client.get("/admin/").status_code == 302
    assert client.post(SECOND, {"code": code()}).url == "/admin/"
    assert client.get("/admin/").status_code == 200


def test_what_is_demanded_of_support_staff_is_demanded_of_nobody_else(client, strict, administrator):
    client.force_login(administrator)
    assert client.get(DASHBOARD).status_code == 200


def test_a_site_may_do_without(client, staff, settings):
    settings.STAFF_REQUIRES_TWO_FACTOR = False
    client.force_login(staff)
    assert client.get("/admin/").status_code == 200


@pytest.mark.processes
@pytest.mark.parametrize(
    ("words", "env", "told"),
    [
        (["serve"], {}, True),
        (["portal"], {}, True),
        (["serve", "--demo"], {}, False),
        (["serve"], {"DEBUG": "1"}, False),
        (["serve"], {"STAFF_REQUIRES_TWO_FACTOR": "0"}, False),
        (["serve", "--demo"], {"STAFF_REQUIRES_TWO_FACTOR": "1"}, True),
    ],
)
def test_it_is_on_where_it_is_not_said_but_not_in_the_demo(tmp_path, words, env, told):
    """Whose support staff has a password that everybody knows."""
    script = "import sys; from cpms.settings import base; print(base.STAFF_REQUIRES_TWO_FACTOR)"
    bare = {"PATH": os.environ["PATH"], "VAR_DIR": str(tmp_path), "DATABASE_URL": f"sqlite:///{tmp_path}/db"} | env
    done = subprocess.run(
        [sys.executable, "-c", script, *words], cwd=settings.BASE_DIR, env=bare, capture_output=True, text=True
    )
    assert done.stdout.strip() == str(told), done.stderr
