"""Secrets and how people sign in are behind a fresh proof of who it is (issue 10, 3).

Every route is judged here: one that calls a service of SECRET_SERVICES, or whose name sounds like a secret, is guarded
or says below why not. So a new one cannot be forgotten.
"""

import inspect
import re
import time

import pytest
from allauth.mfa.models import Authenticator
from django.test import Client
from django.urls import reverse

from accounts.models import TeamDomain
from accounts.programs.services.programs import add_program
from accounts.sign_in import fresh_proof
from tests.accounts.conftest import prove
from tests.conftest import online
from tests.routes import FOUND as ROUTES

pytestmark = pytest.mark.django_db
SECRET_SERVICES = {
    "request_address_verification",
    "issue_api_token",
    "add_program",
    "change_program",
    "rotate_key",
    "set_password",
    "reveal_password",
    "add_app",
    "add_key",
    "rename_key",
    "make_codes",
    "factors.remove",
    "set_two_factor_requirement",
    "claim_domain",
    "claim_host",
    "prove_domain",
    "check_host",
    "remove_domain",
    "edit_team",
    "request_command",
}
SOUNDS_SECRET = re.compile("password|token|secret|factor|key|codes|security|enrol|domain|host|email|program|app_add")
GUARDED = {  # the methods that ask first
    "accounts:email_change": "GET POST",
    "accounts:api_tokens": "GET POST",
    "accounts:app_add": "GET POST",
    "accounts:key_add": "GET POST",
    "accounts:key_rename": "GET POST",
    "accounts:factor_remove": "GET POST",
    "accounts:codes_make": "GET POST",
    "team:general": "POST",  # where passwords of stations are to be kept otherwise
    "team:security": "GET POST",
    "team:enrolment": "GET POST",
    "team:branding_hosts": "GET POST",
    "team:domain_prove": "POST",
    "team:domain_drop": "GET POST",
    "team:program_add": "GET POST",
    "team:program_edit": "GET POST",
    "team:program_rotate": "GET POST",
    "chargers:station_password": "GET POST",
    "chargers:station_password_show": "POST",
    "operations:station_command": "GET POST",  # a new password
    "admin:accounts_user_add": "GET POST",
    "admin:accounts_user_change": "GET POST",
    "admin:accounts_team_add": "GET POST",
    "admin:accounts_team_change": "GET POST",
    "admin:auth_user_password_change": "GET POST",
    "admin:chargers_chargingstation_change": "POST",
    "admin:chargers_chargingstation_import": "GET POST",
    "admin:chargers_chargingstation_process_import": "POST",
}
OPEN = {  # and why
    "accounts:passkey_login": "is a proof itself",
    "accounts:password_change": "asks for the old password itself",
    "accounts:password_reset": "needs the mailbox",
    "accounts:password_reset_sent": "says that a mail is on its way",
    "account_reset_password_from_key": "needs the mailbox",
    "accounts:email_confirm": "needs the mailbox",
    "accounts:email_undo": "needs the mailbox",
    "accounts:api_token_revoke": "ends a key, which must be quick",
    "accounts:security": "lists factors and browsers, and ends browsers",
    "team:programs": "lists programs without their keys",
    "team:program_revoke": "ends a key, which must be quick",
    "maintenance:security_list": "what stations report of their own security",
    "maintenance:security_acknowledge": "the same",
    "maintenance:security_acknowledge_all": "the same",
    "admin:password_change": "leads to the page of the account",
    "admin:password_change_done": "shows nothing",
}
BODIES = {
    "team:general": {"name": "Nordlys", "handle": "nordlys", "station_passwords": "show_once"},
    "admin:chargers_chargingstation_change": {"new_password": "0123456789abcdef"},
}
__all__ = ["online"]


def view_of(pattern):
    view = pattern.callback
    return getattr(view, "view_class", None) or inspect.unwrap(view)


def calls_secret(name, pattern):
    if name.startswith(("api:", "admin:")):
        return False
    text = inspect.getsource(view_of(pattern))
    return any(re.search(rf"\b{re.escape(service)}\(", text) for service in SECRET_SERVICES)


def is_about_secrets(name, pattern):
    if name.startswith("api:"):
        return False  # a token was a proof; what a session may do is told below
    if name.startswith("admin:") and not re.search("password_change|chargingstation_(change$|.*import)", name):
        return re.fullmatch(r"admin:accounts_(user|team)_(add|change)", name) is not None
    return bool(SOUNDS_SECRET.search(name.partition(":")[2] or name)) or calls_secret(name, pattern)


def test_every_route_of_a_secret_is_guarded_or_says_why_not():
    about = {name for name, pattern in ROUTES.items() if is_about_secrets(name, pattern)}
    undecided = about - GUARDED.keys() - OPEN.keys()
    assert not undecided, f"Guard them by accounts/sign_in/fresh_proof.py, or say in OPEN why not: {sorted(undecided)}"
    assert not (GUARDED.keys() | OPEN.keys()) - ROUTES.keys(), "There is no such route any more."
    assert not GUARDED.keys() & OPEN.keys()


@pytest.fixture
def keys(request, team, administrator, station):
    """Keys in the addresses of guarded routes."""
    key = Authenticator(user=administrator, type="webauthn", data={"name": "k", "credential": {}})
    if "key_add" not in request.node.name:  # whose page reads the keys that there are
        key.save()
    domain = prove(team, "charging.nordlys.example", purpose=TeamDomain.Purpose.ENROLMENT)
    program, _secret = add_program(team=team, name="p", scopes=["operate"], actor=None)
    return {
        "accounts:key_rename": [key.pk],
        "accounts:factor_remove": [key.pk],
        "team:domain_prove": [domain.pk],
        "team:domain_drop": [domain.pk],
        "team:program_edit": [program.pk],
        "team:program_rotate": [program.pk],
        "chargers:station_password": [station.pk],
        "chargers:station_password_show": [station.pk],
        "operations:station_command": [station.pk, "new_password"],
        "admin:accounts_user_change": [administrator.pk],
        "admin:accounts_team_change": [team.pk],
        "admin:auth_user_password_change": [administrator.pk],
        "admin:chargers_chargingstation_change": [station.pk],
    }


def browser_of(person, *, is_fresh):
    client = Client()
    client.force_login(person)
    if not is_fresh:
        session = client.session
        session[fresh_proof.SESSION_KEY] = time.time() - fresh_proof.VALID_SECONDS - 1
        session.save()
    return client


def asks_first(answer):
    return answer.status_code == 302 and answer["Location"].startswith(reverse("accounts:confirm"))


@pytest.mark.parametrize("name", GUARDED)
def test_it_asks_first_who_it_is_unless_that_was_just_proved(name, keys, administrator, staff, names):
    person = staff if name.startswith("admin:") else administrator
    path, body = reverse(name, args=keys.get(name, [])), BODIES.get(name, {})
    stale, fresh = browser_of(person, is_fresh=False), browser_of(person, is_fresh=True)
    for method in GUARDED[name].split():
        ask = "get" if method == "GET" else "post"
        assert asks_first(getattr(stale, ask)(path, body)), f"{method} {path} does not ask"
        assert not asks_first(getattr(fresh, ask)(path, body)), f"{method} {path} asks again"


def test_a_team_is_renamed_without_a_proof(team, administrator):
    """Only what is kept of stations' passwords asks for one."""
    stale = browser_of(administrator, is_fresh=False)
    body = BODIES["team:general"] | {"name": "Another", "station_passwords": "revealable"}
    assert not asks_first(stale.post(reverse("team:general"), body))
    team.refresh_from_db()
    assert team.name == "Another"


def test_other_commands_need_no_proof(station, administrator):
    stale = browser_of(administrator, is_fresh=False)
    assert stale.get(reverse("operations:station_command", args=[station.pk, "clear_cache"])).status_code == 200


@pytest.mark.parametrize("action", ["reset_factors", "issue_enrolment_code"])
def test_actions_in_the_admin_that_touch_second_factors_ask_first(staff, viewer, action):
    facts = {"action": action, "_selected_action": [viewer.pk]}
    page = reverse("admin:accounts_user_changelist")
    assert asks_first(browser_of(staff, is_fresh=False).post(page, facts))
    assert not asks_first(browser_of(staff, is_fresh=True).post(page, facts))


def test_the_api_by_session_sends_a_station_no_password_without_a_proof(api, online, team, administrator):
    """A token is a proof; a session of the browser may be hours old."""
    station = online(team)
    path = f"/api/v1/stations/{station.identity}/commands/"
    for body in (
        {"kind": "change_configuration", "parameters": {"key": "AuthorizationKey", "value": "0123456789abcdef" * 2}},
        {"action": "ChangeConfiguration", "payload": {"key": "AuthorizationKey", "value": "0123456789abcdef" * 2}},
    ):
        stale = browser_of(administrator, is_fresh=False)
        refused = stale.post(path, body, content_type="application/json")
        assert refused.status_code == 403 and "Confirm in the portal" in refused.json()["detail"]
    assert api(administrator).post(path, body, format="json").status_code == 201
