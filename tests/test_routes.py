"""Who may do what at every address, by the table in tests/routes.py. A route that is not in the table fails."""

import json
import re
from typing import Any

import pytest
from django.apps import apps
from django.contrib import admin
from django.test import Client

from accounts.sign_in import fresh_proof
from tests.routes import BODIES, FOUND, ROUTES, address, keys_of, line_of

pytestmark = pytest.mark.django_db

PEOPLE = (
    "nobody", "stranger", "viewer", "operator", "administrator", "staff", "owner", "user", "service", "ended",
)  # fmt: skip
REFUSED = {401, 403, 404, 405}
# Where one is sent before anything is done: to sign in (or away from there, signed in already), to say again who
# one is, to choose a team.
GATES = re.compile(r".*/login/.*|/|/admin/|/account/confirm/.*|/team/choose/")
# A method that is not in the table is there for nobody: those without any right and those with all of them tell that.
UTMOST = ("nobody", "stranger", "administrator", "staff")


def _send(client: Client, method: str, path: str, body: dict[str, Any], is_api: bool) -> Any:
    if is_api:
        return client.generic(method, path, json.dumps(body), "application/json")
    return getattr(client, method.lower())(path, body)


@pytest.fixture(autouse=True)
def _proved_just_now(monkeypatch):
    """Let everybody pass as just confirmed; tests/accounts/sign_in/test_fresh_proof.py tests that secrets ask first."""
    monkeypatch.setattr(fresh_proof, "is_confirmed", lambda request: True)


def test_every_route_is_in_the_table():
    missing = [name for name in FOUND if line_of(name) is None]
    assert not missing, f"Say in tests/routes.py who may use: {', '.join(missing)}"
    unknown = [name for name in ROUTES if "*" not in name and name not in FOUND]
    assert not unknown, f"There is no such route any more: {', '.join(unknown)}"


@pytest.mark.walk
@pytest.mark.parametrize("name", [name for name in FOUND if line_of(name)])  # the others have tests of their own
def test_it_answers_each_as_the_table_says(name, world):
    line, path = line_of(name), address(name, keys_of(world.rows))
    wrong = []
    browsers = {who: world.browser_of(who) for who in PEOPLE}
    for method in _methods(name):
        answers = dict(zip(PEOPLE, _answers(line[method]), strict=True)) if method in line else dict.fromkeys(UTMOST)
        for who, answer in answers.items():
            told = _send(browsers[who], method, path, BODIES.get((name, method), {}), name.startswith("api:"))
            status = f"{told.status_code} {told.get('Location', '')}"
            if not _is_right(told, name, who, answer):
                wrong.append(f"{method} {path} as {who}: {status} instead of {answer or 'a refusal'}")
            if method == "GET" and (fault := _caching_fault(told, name)):
                wrong.append(f"{method} {path} as {who}: {fault}")
    assert not wrong, "\n".join(wrong)


def _caching_fault(told: Any, name: str) -> str:
    """Return what is wrong with the caching headers. Only a brand's files may be cached."""
    caching = told.get("Cache-Control", "")
    if "no-store" not in caching and not (name.startswith("brand:") and "public" in caching):
        return f"may be cached: {caching}"
    return "may be shared by API keys" if name.startswith("api:") and "Authorization" not in told["Vary"] else ""


def _answers(line: str) -> list[str]:
    given = line.split()
    return given if len(given) == len(PEOPLE) else [*given, *[given[1]] * (len(PEOPLE) - len(given))]


def _methods(name: str) -> tuple[str, ...]:
    if name.startswith("api:"):
        return "GET", "POST", "PUT", "PATCH", "DELETE"
    return ("GET", "POST") if name.startswith("admin") else ("GET", "POST", "DELETE")


def _is_right(told: Any, name: str, who: str, answer: str | None) -> bool:
    if answer is not None:
        return told.status_code in {int(code) for code in answer.split("|")}
    if who == "staff" and name.startswith("admin"):
        return 200 <= told.status_code < 500  # its admin does not look at methods; staff may do what it offers
    return told.status_code in REFUSED or (told.status_code == 302 and GATES.fullmatch(told["Location"]) is not None)


def test_every_model_with_a_page_is_scoped():
    """A queryset without `visible_to` cannot be shown by accident: the bricks of pages and API call it."""
    staff_only = {
        "AccountMail",
        "AddressChange",
        "AlarmMail",
        "Event",
        "FactorEnrolmentCode",
        "GatewayNode",
        "HardwareConnector",
        "HardwareModel",
        "InboxEntry",
        "InboxShard",
        "NotificationChoice",
        "SignedInBrowser",
        "TeamPower",
        "UnnamedProxy",
        "User",
    }
    for app in ("accounts", "chargers", "charging_sessions", "operations", "maintenance"):  # the portal's: the site's
        for model in apps.get_app_config(app).get_models():
            assert model in admin.site._registry
            is_scoped = hasattr(model._default_manager, "visible_to")
            assert is_scoped or model.__name__ in staff_only | {"ApiToken"}, model
