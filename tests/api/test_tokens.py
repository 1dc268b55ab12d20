"""API keys: how programs get them, what they allow, and how they end."""

import uuid
from datetime import timedelta

import pytest
import time_machine
from django.core.cache import cache
from django.utils import timezone

from accounts.models import ApiToken
from accounts.programs.services.tokens import issue_api_token
from tests.factories import PASSWORD

TOKEN = "/api/v1/token/"


@pytest.fixture
def ask(api):
    """POST to /token/ from an address that no other test uses, because of throttling."""
    client = api()
    client.defaults["REMOTE_ADDR"] = f"10.{uuid.uuid4().int % 250}.{uuid.uuid4().int % 250}.{uuid.uuid4().int % 250}"

    def post(email, password=PASSWORD, **more):
        return client.post(TOKEN, {"email": email, "password": password, **more}, format="json")

    return post


def open_with(api, key, word="Bearer"):
    client = api()
    client.credentials(HTTP_AUTHORIZATION=f"{word} {key}")
    return client.get("/api/v1/stations/")


def test_e_mail_and_password_give_a_key(api, ask, viewer):
    answer = ask(viewer.email.upper(), name="my script")
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    key = answer.json()["key"]
    assert open_with(api, key).status_code == 200
    assert open_with(api, key, "token").status_code == 200
    token = ApiToken.objects.get()
    assert token.name == "my script"
    assert key.partition(".")[2] not in token.hashed_key + token.pk


@pytest.mark.parametrize("who", ["wrong password", "nobody", "inactive"])
def test_all_wrong_credentials_get_the_same_message(ask, viewer, who):
    if who == "inactive":
        viewer.is_active = False
        viewer.save()
    email = "nobody@example.org" if who == "nobody" else viewer.email
    answer = ask(email, "wrong" if who == "wrong password" else PASSWORD)
    assert answer.status_code == 400
    assert "Wrong e-mail or password" in answer.json()["detail"]


def test_guessing_is_slowed_down_for_this_place_and_person_only(ask, viewer, operator, settings):
    settings.LOGIN_ATTEMPTS_PER_MINUTE = 3
    viewer.email = f"{uuid.uuid4()}@example.org"
    viewer.save()
    assert [ask(viewer.email, "wrong").status_code for _ in range(4)] == [400, 400, 400, 429]
    refused = ask(viewer.email)
    assert refused.status_code == 429
    assert int(refused["Retry-After"]) <= 60
    assert ask(operator.email).status_code == 201


def test_who_knows_the_password_may_come_often(ask, viewer, settings):
    settings.LOGIN_ATTEMPTS_PER_MINUTE = 2
    assert [ask(viewer.email).status_code for _ in range(4)] == [201] * 4


def test_an_unavailable_cache_locks_nobody_out(ask, viewer, monkeypatch):
    def fail(*args, **kwargs):
        raise ConnectionError

    monkeypatch.setattr(cache, "add", fail)
    monkeypatch.setattr(cache, "get", fail)
    assert ask(viewer.email).status_code == 201


@pytest.mark.parametrize(
    "key",
    ["", "x", "a" * 8 + "." + "b" * 32, "a\0b", "ä", "a b", "x" * 100_000],
)
def test_a_wrong_key_is_401(api, db, key):
    answer = open_with(api, key)
    assert answer.status_code == 401
    assert answer["WWW-Authenticate"].startswith("Bearer")


def test_the_secret_half_counts(api, viewer):
    _token, key = issue_api_token(user=viewer, name="t")
    assert open_with(api, key[:-1] + ("a" if key[-1] != "a" else "b")).status_code == 401


def test_two_authorization_headers_are_refused(api, viewer):
    _token, key = issue_api_token(user=viewer, name="t")
    assert open_with(api, f"{key}, Bearer {key}").status_code == 401


def test_a_key_ends_with_its_expiry_its_revocation_and_its_person(api, viewer):
    token, key = issue_api_token(user=viewer, name="t", expires_at=timezone.now() + timedelta(hours=1))
    assert open_with(api, key).status_code == 200
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert open_with(api, key).status_code == 401
    viewer.is_active = False
    viewer.save()
    assert open_with(api, key).status_code == 401
    viewer.is_active = True
    viewer.save()
    assert open_with(api, key).status_code == 200
    token.revoked = True
    token.save()
    assert open_with(api, key).status_code == 401


def test_its_last_use_is_noted_once_a_minute(api, viewer, django_assert_num_queries):
    token, key = issue_api_token(user=viewer, name="t")
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        open_with(api, key)
        token.refresh_from_db()
        assert token.last_used_at == now
        with django_assert_num_queries(4):
            open_with(api, key)
    with time_machine.travel(now + timedelta(minutes=2), tick=False):
        open_with(api, key)
    token.refresh_from_db()
    assert token.last_used_at == now + timedelta(minutes=2)


def test_ones_own_keys_are_listed_without_the_key_and_revoked(api, viewer, operator):
    client = api(viewer)
    foreign, _key = issue_api_token(user=operator, name="not yours")
    token, key = issue_api_token(user=viewer, name="old")
    answer = client.get("/api/v1/tokens/")
    assert {row["name"] for row in answer.json()["results"]} == {"test", "old"}
    assert key.partition(".")[2].encode() not in answer.content
    assert token.hashed_key.encode() not in answer.content
    assert client.delete(f"/api/v1/tokens/{foreign.prefix}/").status_code == 404
    assert client.delete(f"/api/v1/tokens/{token.prefix}/").status_code == 204
    assert open_with(api, key).status_code == 401
    assert {row["prefix"]: row["is_revoked"] for row in client.get("/api/v1/tokens/").json()["results"]}[token.prefix]


def test_an_expiry_that_is_past_is_refused(ask, viewer):
    answer = ask(viewer.email, expires_at="2020-01-01T00:00:00Z")
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"] == "expires_at"


def test_a_session_of_the_portal_opens_the_api_but_needs_csrf_to_write(client, operator, station):
    from django.test import Client

    browser = Client(enforce_csrf_checks=True)
    browser.force_login(operator)
    assert browser.get("/api/v1/stations/").status_code == 200
    answer = browser.post(
        f"/api/v1/stations/{station.identity}/commands/", {"action": "ClearCache"}, content_type="application/json"
    )
    assert answer.status_code == 403
