"""The captcha of the log-in page (W3): without a right answer nobody gets in, whatever the password."""

import base64
import json

import altcha
import pytest
from django.core.cache import cache
from django.urls import reverse

from accounts.sign_in.services.captcha import MAX_NUMBERS
from tests import factories

LOGIN = reverse("accounts:login")


def solved(client):
    """What a browser sends."""
    given = client.get(reverse("accounts:captcha_challenge")).json()
    found = altcha.solve_challenge(given["challenge"], given["salt"], given["algorithm"], given["maxnumber"])
    answer = {name: given[name] for name in ("algorithm", "challenge", "salt", "signature")} | {"number": found.number}
    return base64.b64encode(json.dumps(answer).encode()).decode()


def sign_in(client, user, password=factories.PASSWORD, **more):
    return client.post(LOGIN, {"login": user.email, "password": password, **more})


@pytest.fixture
def always(settings):
    settings.LOGIN_CAPTCHA = "always"


@pytest.fixture
def after_failure(settings):
    settings.LOGIN_CAPTCHA = "after_failure"


def wrong_number(answer):
    told = json.loads(base64.b64decode(answer))
    told["number"] += 1
    return base64.b64encode(json.dumps(told).encode()).decode()


def foreign(answer):
    """Signed by somebody else."""
    given = altcha.create_challenge(altcha.ChallengeOptions(hmac_key="somebody else", max_number=10))
    told = {
        "algorithm": given.algorithm,
        "challenge": given.challenge,
        "salt": given.salt,
        "signature": given.signature,
    }
    told["number"] = altcha.solve_challenge(given.challenge, given.salt, given.algorithm, 10).number
    return base64.b64encode(json.dumps(told).encode()).decode()


@pytest.mark.parametrize(
    "spoil", [lambda answer: "", wrong_number, foreign, lambda answer: "no base64!", lambda answer: "A" * 100_000]
)
def test_a_wrong_or_missing_answer_refuses_even_the_right_password(client, viewer, always, spoil):
    """W3."""
    answer = sign_in(client, viewer, captcha=spoil(solved(client)))
    assert answer.status_code == 200 and "captcha was not solved" in answer.content.decode()
    assert "_auth_user_id" not in client.session


def test_the_right_answer_lets_in_once(client, viewer, always):
    answer = solved(client)
    assert sign_in(client, viewer, captcha=answer).status_code == 302
    client.logout()
    assert sign_in(client, viewer, captcha=answer).status_code == 200


def test_without_an_answer_nothing_is_learnt_about_the_password(client, viewer, always):
    right, wrong = sign_in(client, viewer), sign_in(client, viewer, "wrong")
    assert right.context["form"].errors == wrong.context["form"].errors


def test_an_old_sum_counts_no_more(client, viewer, always, settings):
    settings.ALTCHA_CHALLENGE_EXPIRE = -1000
    assert sign_in(client, viewer, captcha=solved(client)).status_code == 200


def test_it_is_asked_for_only_after_a_failure_where_that_is_set(client, viewer, operator, after_failure):
    assert "altcha-widget" not in client.get(LOGIN).content.decode()
    assert "altcha-widget" in sign_in(client, viewer, "wrong").content.decode()
    assert sign_in(client, viewer).status_code == 200
    assert sign_in(client, viewer, captcha=solved(client)).status_code == 302
    client.logout()
    elsewhere = {"REMOTE_ADDR": "192.0.2.9"}
    right = {"password": factories.PASSWORD}
    assert client.post(LOGIN, {"login": viewer.email, **right}, **elsewhere).status_code == 200, (
        "the address is watched"
    )
    assert client.post(LOGIN, {"login": operator.email, **right}, **elsewhere).status_code == 302


def test_an_unavailable_cache_locks_nobody_out(client, viewer, always, monkeypatch):
    def broken(*args, **kwargs):
        raise ConnectionError

    answer = solved(client)
    for name in ("add", "delete", "get_many", "set_many"):
        monkeypatch.setattr(cache, name, broken)
    assert sign_in(client, viewer, captcha=answer).status_code == 302


def test_a_sum_is_never_kept_by_a_proxy(client):
    assert "no-store" in client.get(reverse("accounts:captcha_challenge"))["Cache-Control"]


def test_the_session_key_is_a_new_one_after_signing_in(client, viewer):
    client.get(LOGIN)
    session = client.session
    session["kept"] = "1"
    session.save()
    before = client.session.session_key
    sign_in(client, viewer)
    assert client.session.session_key != before


def test_the_browser_is_told_how_far_it_has_to_look(client, db):
    """Otherwise its element tries a million numbers: five seconds for everybody who signs in."""
    told = client.get(reverse("accounts:captcha_challenge")).json()
    assert told["maxnumber"] == MAX_NUMBERS[0]
