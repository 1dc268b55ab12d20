"""Programs that trade a secret for access tokens (OAuth 2 client credentials, RFC 6749)."""

from datetime import timedelta

import pytest
import time_machine
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.models import AccessToken
from accounts.programs.services.programs import add_program, check_program_keys, revoke_program, rotate_key
from tests.accounts.programs.test_programs import STATIONS, client_with, opens, trade


@pytest.fixture
def oauth_client(team):
    return add_program(team=team, name="o", scopes=["stations:read", "sessions:read"], actor=None, way="oauth")


@pytest.mark.parametrize("way", ["post", "basic"])
def test_a_client_trades_its_secret_for_an_hour(oauth_client, way, station):
    program, secret = oauth_client
    answer = trade(program, secret, way=way)
    assert answer.status_code == 200
    assert answer["Cache-Control"] == "no-store"
    told = answer.json()
    assert (told["token_type"], told["expires_in"], told["scope"]) == ("Bearer", 3600, "stations:read sessions:read")
    assert "refresh_token" not in told
    assert opens(told["access_token"]) == 200
    with time_machine.travel(timezone.now() + timedelta(minutes=61)):
        assert opens(told["access_token"]) == 401
        check_program_keys()
    assert not AccessToken.objects.exists()


def test_a_token_has_no_more_scopes_than_were_asked_for(oauth_client):
    told = trade(*oauth_client, scope="sessions:read").json()
    assert told["scope"] == "sessions:read"
    refused = client_with(told["access_token"]).get(STATIONS)
    assert (refused.status_code, "“stations:read”" in refused.json()["detail"]) == (403, True)


@pytest.mark.parametrize(
    ("more", "status", "error"),
    [
        ({"scope": "operate"}, 400, "invalid_scope"),
        ({"grant_type": "password", "username": "a", "password": "b"}, 400, "unsupported_grant_type"),
        ({"grant_type": "authorization_code", "code": "a"}, 400, "unsupported_grant_type"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"client_id": "0" * 32}, 401, "invalid_client"),
        ({"client_id": "a\0b"}, 401, "invalid_client"),
    ],
)
def test_what_is_refused_is_refused_in_words_of_oauth(oauth_client, more, status, error):
    answer = trade(*oauth_client, **more)
    assert (answer.status_code, answer.json()["error"]) == (status, error)


def test_a_blank_that_a_client_did_not_encode_is_understood(oauth_client):
    program, secret = oauth_client
    body = f"grant_type=client_credentials&client_id={program.client_id}&client_secret={secret}"
    answer = APIClient().post(
        "/api/v1/oauth/token/",
        f"{body}&scope=stations:read sessions:read",
        content_type="application/x-www-form-urlencoded",
    )
    assert answer.json()["scope"] == "stations:read sessions:read"


def test_a_scope_that_is_said_twice_is_refused(oauth_client):
    program, secret = oauth_client
    body = f"grant_type=client_credentials&client_id={program.client_id}&client_secret={secret}&scope=a&scope=b"
    answer = APIClient().post("/api/v1/oauth/token/", body, content_type="application/x-www-form-urlencoded")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_another_clients_secret_is_refused(oauth_client, team):
    other, _secret = add_program(team=team, name="x", scopes=["operate"], actor=None, way="oauth")
    assert trade(other, oauth_client[1]).status_code == 401


def test_a_clients_secret_is_no_key_and_a_key_no_secret(oauth_client, team):
    program, key = add_program(team=team, name="k", scopes=["operate"], actor=None)
    assert opens(oauth_client[1]) == 401
    assert trade(program, key).status_code == 401


def test_a_revoked_clients_tokens_are_refused_at_once(oauth_client):
    program, secret = oauth_client
    token = trade(program, secret).json()["access_token"]
    revoke_program(program=program, actor=None)
    assert opens(token) == 401
    assert trade(program, secret).status_code == 401


def test_both_secrets_count_during_the_overlap(oauth_client):
    program, old = oauth_client
    _key, new = rotate_key(program=program, overlap_hours=1, actor=None)
    assert (trade(program, old).status_code, trade(program, new).status_code) == (200, 200)


def test_with_a_new_secret_and_no_overlap_the_tokens_end_too(oauth_client):
    token = trade(*oauth_client).json()["access_token"]
    rotate_key(program=oauth_client[0], overlap_hours=0, actor=None)
    assert opens(token) == 401


@pytest.mark.parametrize("way", ["post", "basic"])
def test_guessing_a_secret_is_slowed_down(oauth_client, settings, way):
    settings.LOGIN_ATTEMPTS_PER_MINUTE = 3
    program, secret = oauth_client
    assert [trade(program, f"wrong{n}", way=way).status_code for n in range(4)] == [401, 401, 401, 429]
    assert "Retry-After" in trade(program, secret)


def test_a_body_that_is_no_form_is_refused(db):
    answer = APIClient().post("/api/v1/oauth/token/", {"grant_type": "client_credentials"}, format="json")
    assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")


def test_the_metadata_names_what_there_is(client, db, settings):
    told = client.get("/.well-known/oauth-authorization-server").json()
    assert told["issuer"] == settings.PUBLIC_URL
    assert told["token_endpoint"] == f"{settings.PUBLIC_URL}/api/v1/oauth/token/"
    assert told["grant_types_supported"] == ["client_credentials"]
