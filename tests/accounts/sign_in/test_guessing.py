"""Guessing of passwords is slowed down by three counters, which pages and API share."""

import base64
import ipaddress
import json
import secrets

import altcha
import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse

from accounts.mails.services.mails import send_mails
from accounts.models import AccountMail, AuditEntry
from accounts.sign_in.services import alarms
from accounts.sign_in.services.captcha import MAX_LEVEL, MAX_NUMBERS
from tests import factories

LOGIN, TOKEN = reverse("accounts:login"), "/api/v1/token/"


@pytest.fixture(autouse=True)
def _few(settings):
    settings.LOGIN_ATTEMPTS_PER_MINUTE = 5
    settings.LOGIN_ACCOUNTS_PER_SOURCE = settings.LOGIN_FAILURES_PER_ACCOUNT = 4
    cache.delete_many([f"sign-in-alarm-{kind}" for kind in (alarms.SOURCE, alarms.ACCOUNT)])


@pytest.fixture
def network():
    """Addresses of one IPv6 network that no other test uses."""
    first = int.from_bytes(b"\x20\x01" + secrets.token_bytes(6)) << 64
    return lambda number: str(ipaddress.IPv6Address(first + number))


def source():
    return str(ipaddress.IPv6Address(b"\x20\x01" + secrets.token_bytes(14)))


@pytest.fixture
def person(db):
    return factories.UserFactory(email=f"{secrets.token_hex(8)}@example.org")


def ask_api(client, email, password="wrong", *, at):
    body = {"email": email, "password": password, "name": "test"}
    return client.post(TOKEN, body, content_type="application/json", REMOTE_ADDR=at)


def ask_page(client, email, password="wrong", *, at, **more):
    return client.post(LOGIN, {"login": email, "password": password, **more}, REMOTE_ADDR=at)


def is_signed_in(client):
    return "_auth_user_id" in client.session


def spray(client, network):
    for number in range(4):
        ask = ask_api if number % 2 else ask_page
        ask(client, f"{secrets.token_hex(8)}@example.org", at=network(number))


def hit(client, person):
    for number in range(4):
        (ask_api if number % 2 else ask_page)(client, person.email, at=source())


def test_a_source_that_tried_many_accounts_waits_on_pages_and_api_alike(client, person, network):
    spray(client, network)
    refused = ask_api(client, person.email, factories.PASSWORD, at=network(9))
    assert refused.status_code == 429 and 60 <= int(refused["Retry-After"]) + 60 <= 3660
    assert "different accounts" in ask_page(client, person.email, factories.PASSWORD, at=network(10)).content.decode()
    assert not is_signed_in(client)
    assert ask_api(client, person.email, factories.PASSWORD, at=source()).status_code == 201


def test_a_source_where_many_people_sign_in_is_not_stopped(client, db, network):
    for number in range(12):
        assert ask_api(client, factories.UserFactory().email, factories.PASSWORD, at=network(number)).status_code == 201


def test_a_browser_that_signed_in_before_is_not_stopped_by_its_neighbours(client, person, network):
    ask_page(client, person.email, factories.PASSWORD, at=network(0))
    client.post(reverse("accounts:logout"))
    spray(client, network)
    assert ask_page(client, person.email, factories.PASSWORD, at=network(1)).status_code == 302
    assert is_signed_in(client)


def test_an_account_that_is_tried_from_everywhere_is_not_locked(client, person):
    ask_page(client, person.email, factories.PASSWORD, at=source())
    client.post(reverse("accounts:logout"))
    hit(Client(), person)
    elsewhere = source()
    assert ask_api(client, person.email, at=elsewhere).status_code == 400
    assert ask_api(client, person.email, factories.PASSWORD, at=elsewhere).status_code == 429, "one attempt a minute"
    assert ask_api(client, person.email, factories.PASSWORD, at=source()).status_code == 201, "still possible"
    for _number in range(3):
        assert ask_page(client, person.email, at=source()).status_code == 200
    assert ask_page(client, person.email, factories.PASSWORD, at=source()).status_code == 302, "the known one passes"


def test_a_known_browser_cannot_be_shared_to_guess_from_many_sources(client, person):
    ask_page(client, person.email, factories.PASSWORD, at=source())
    client.post(reverse("accounts:logout"))
    answers = [ask_page(client, person.email, at=source()).context["form"].errors for _number in range(6)]
    assert ["Too many attempts" in str(errors) for errors in answers] == [False] * 5 + [True]


def test_the_cookie_of_a_known_browser_cannot_be_made_up_and_names_nobody(client, person):
    ask_page(client, person.email, factories.PASSWORD, at=source())
    cookie = client.cookies["known"]
    assert cookie["httponly"] and cookie["max-age"] > 300 * 24 * 3600
    packed = cookie.value.split(":")[0]
    assert person.email not in base64.urlsafe_b64decode(packed + "=" * (-len(packed) % 4)).decode("latin-1")
    client.logout()
    client.cookies["known"] = cookie.value[:-1] + ("A" if cookie.value[-1] != "A" else "B")
    hit(client, person)
    at = source()
    ask_page(client, person.email, at=at)
    ask_page(client, person.email, factories.PASSWORD, at=at)
    assert not is_signed_in(client)


def test_wrong_api_keys_count_for_their_source_and_right_ones_pass(client, api, person, network):
    from accounts.programs.services.tokens import issue_api_token

    _token, right = issue_api_token(user=person, name="test")

    def ask(key, number):
        headers = {"Authorization": f"Bearer {key}"}
        return client.get("/api/v1/stations/", headers=headers, REMOTE_ADDR=network(number)).status_code

    assert [ask("abcdefgh." + secrets.token_hex(16), number) for number in range(5)] == [401] * 4 + [429]
    assert ask(right, 6) == 200
    assert ask_api(client, person.email, factories.PASSWORD, at=network(7)).status_code == 429


def test_one_old_key_that_is_used_again_and_again_is_no_spraying(client, db, network):
    answers = [
        client.get("/api/v1/stations/", headers={"Authorization": "Bearer old"}, REMOTE_ADDR=network(0)).status_code
        for _number in range(61)
    ]
    assert answers == [401] * 60 + [429]
    assert not AccountMail.objects.exists()


@pytest.mark.parametrize("attack", ["many accounts", "one account"])
def test_spraying_raises_one_alarm_an_hour(client, staff, person, network, mailoutbox, attack):
    def go_on():
        for number in range(3):
            if attack == "many accounts":
                ask_api(client, f"{secrets.token_hex(8)}@example.org", at=network(number))
            else:
                ask_api(client, person.email, at=source())

    spray(client, network) if attack == "many accounts" else hit(client, person)
    assert not AccountMail.objects.exists()
    go_on()
    go_on()
    mail = AccountMail.objects.get()
    assert (mail.user, mail.team) == (staff, None)
    send_mails()
    about = str(ipaddress.ip_network((network(0), 64), strict=False)) if attack == "many accounts" else person.email
    assert mailoutbox[0].to == [staff.email] and about in mailoutbox[0].body
    entry = AuditEntry.objects.get(object_repr=about, changes__has_key="sign_in_attempts")
    assert entry.changes == {"sign_in_attempts": ["", "5"]}


def solved(client, *, at, query=""):
    given = client.get(reverse("accounts:captcha_challenge") + query, REMOTE_ADDR=at).json()
    found = altcha.solve_challenge(given["challenge"], given["salt"], given["algorithm"], given["maxnumber"])
    answer = {name: given[name] for name in ("algorithm", "challenge", "salt", "signature")} | {"number": found.number}
    return base64.b64encode(json.dumps(answer).encode()).decode()


def test_the_captcha_gets_harder_with_failures(client, person, settings, monkeypatch):
    monkeypatch.setattr("accounts.sign_in.services.captcha.MAX_NUMBERS", (100, 200, 300, 400))
    settings.LOGIN_CAPTCHA = "always"
    for _number in range(4):
        at = source()
        ask_page(client, person.email, at=at, captcha=solved(client, at=at))
    at = source()
    easy = ask_page(client, person.email, factories.PASSWORD, at=at, captcha=solved(client, at=at))
    assert "takes longer now" in easy.content.decode() and f"?level={MAX_LEVEL}" in easy.content.decode()
    hard = solved(client, at=at, query=f"?level={MAX_LEVEL}")
    assert ask_page(client, person.email, factories.PASSWORD, at=at, captcha=hard).status_code == 302


def test_a_source_that_failed_often_gets_a_harder_sum_at_once(client, network, db, settings):
    settings.LOGIN_ACCOUNTS_PER_SOURCE = 100
    for number in range(15):
        ask_api(client, f"{secrets.token_hex(8)}@example.org", at=network(number))
    settings.LOGIN_CAPTCHA = "always"
    told = client.get(reverse("accounts:captcha_challenge"), REMOTE_ADDR=network(99)).json()
    assert told["maxnumber"] == MAX_NUMBERS[2]
    told = client.get(reverse("accounts:captcha_challenge"), REMOTE_ADDR=source()).json()
    assert told["maxnumber"] == MAX_NUMBERS[0]
