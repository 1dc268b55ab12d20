"""Setting station passwords by command: rights, storage and display (T5, T6)."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.db import IntegrityError, transaction
from django.urls import reverse
from django.utils import timezone

from chargers.credentials import services as passwords
from chargers.credentials.services import (
    StoredPassword,
    _canonical_hex,
    generate_password,
    hash_passwords,
    is_weak,
    offer_password,
    set_password,
    settle_password,
    verify_password,
)
from chargers.models import ChargingStation
from chargers.onboarding.services.registration import assign_station
from chargers.protocols import CommandOutcome
from chargers.vocabulary import CommandResult
from cpms.common.errors import DomainError, NotAllowed
from operations.commands.services.asking import request_command
from operations.commands.services.sealing import seal
from operations.commands.services.settling import settle_answer, settle_overdue_commands, take_next_command
from operations.models import Command
from tests import factories

SECRET = "c0ffee00c0ffee00c0ffee00c0ffee00c0ffee00"
RAW = {"action": "ChangeConfiguration", "payload": {"key": "authorizationKEY ", "value": SECRET}}


def accept(command):
    """Settle a command as accepted by the station."""
    settle_answer(
        station_id=command.station_id,
        message_id=command.message_id,
        answer={"status": "Accepted"},
        outcome=CommandOutcome(CommandResult.ACCEPTED),
    )


def ask(station, **more):
    parameters = {"key": "AuthorizationKey", "value": SECRET} | more
    return request_command(station=station, kind=Command.Kind.CHANGE_CONFIGURATION, parameters=parameters)


def take_next(station):
    return take_next_command(station_id=station.pk, epoch=station.epoch)


@pytest.mark.parametrize("value", ["", "x" * 256, "a\0b", "two\nlines"])
def test_an_invalid_password_is_refused_before_it_is_sent(station, value):
    with pytest.raises(DomainError) as error:
        ask(station, value=value)
    assert "value" in error.value.fields and not Command.objects.exists()


@pytest.mark.parametrize("is_raw", [False, True])
def test_both_passwords_are_accepted_once_the_new_one_is_sent(station, is_raw):
    if is_raw:
        factories.CommandFactory(station=station, kind="raw", parameters=seal("raw", RAW))
    else:
        ask(station, key="authorizationKEY ")
    station.refresh_from_db()
    assert station.next_password is None and SECRET not in json.dumps(Command.objects.get().parameters)
    taken = take_next(station)
    assert SECRET in json.dumps(taken.parameters)
    station.refresh_from_db()
    assert (station.password, station.next_password) == (b"0123456789abcdef", SECRET.encode())
    stored = json.dumps(Command.objects.get().parameters)
    assert SECRET not in stored and "sealed" not in stored
    accept(taken)
    station.refresh_from_db()
    assert (station.password, station.next_password, station.is_password_open) == (SECRET.encode(), None, False)


def test_an_operator_cannot_set_a_password_by_any_command(station, operator):
    for kind, parameters in (("change_configuration", {"key": "AuthorizationKey", "value": SECRET}), ("raw", RAW)):
        with pytest.raises(NotAllowed):
            request_command(station=station, kind=kind, parameters=parameters, actor=operator)
    assert not Command.objects.exists()


def test_another_key_changes_no_password(station):
    ask(station, key="HeartbeatInterval", value="60")
    taken = take_next(station)
    accept(taken)
    station.refresh_from_db()
    assert station.password == b"0123456789abcdef" and not station.is_password_open


def test_an_answer_without_a_command_settles_no_password(station):
    for message_id in ("", "nobody"):
        assert not settle_password(station_id=station.pk, message_id=message_id, is_taken=True)
    station.refresh_from_db()
    assert station.password == b"0123456789abcdef"


def test_a_command_that_cannot_be_sent_does_not_block_the_next(station):
    ask(station)
    first = take_next(station)
    Command.objects.filter(pk=first.pk).update(state="timed_out")
    second = ask(station, value="another-one-0123")
    third = request_command(station=station, kind=Command.Kind.CLEAR_CACHE)
    assert take_next(station).pk == third.pk
    second.refresh_from_db()
    assert second.state == "failed" and second.error_description and "sealed" not in second.parameters
    station.refresh_from_db()
    assert station.next_password == SECRET.encode()


@pytest.mark.parametrize("by", ["sweep", "link"])
def test_an_expired_command_loses_its_password(station, by):
    """T5."""
    command = ask(station)
    Command.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    if by == "sweep":
        assert settle_overdue_commands() == 1
    else:
        assert take_next(station) is None
    command.refresh_from_db()
    assert (command.state, command.parameters) == ("expired", {"key": "AuthorizationKey", "value": "***"})
    station.refresh_from_db()
    assert not station.is_password_open


@pytest.mark.parametrize("parameters", [{"key": "AuthorizationKey", "value": SECRET}, RAW])
def test_no_page_shows_a_password_that_was_stored_in_plain_text(as_client, api, staff, station, parameters):
    """T5: portal, API, admin, export."""
    kind = "raw" if "action" in parameters else "change_configuration"
    for stored in (parameters, seal(kind, parameters)):
        command = factories.CommandFactory(station=station, kind=kind, parameters=stored)
        pages = [
            as_client(staff).get(reverse("operations:command_detail", args=[command.pk])),
            as_client(staff).get(reverse("operations:command_list")),
            as_client(staff).get(station.get_absolute_url()),
            as_client(staff).get(reverse("admin:operations_command_change", args=[command.pk])),
            api(staff).get(reverse("api:command-detail", args=[command.pk])),
        ]
        for page in pages:
            assert page.status_code == 200
            text = page.content.decode()
            assert SECRET not in text and "sealed" not in text


@pytest.fixture
def as_client(client):
    def make(user):
        client.force_login(user)
        return client

    return make


# --- hashes (T4, T5) -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("secret", [b"pass:word", SECRET.encode(), SECRET.upper().encode(), bytes.fromhex(SECRET)])
def test_a_hash_matches_like_the_password_itself(team, secret):
    team.station_passwords = "show_once"
    team.save()
    station = factories.StationFactory(team=team, password=secret)
    assert hash_passwords() == 1 and hash_passwords() == 0
    station.refresh_from_db()
    stored = StoredPassword(station.password, station.password_hash)
    assert stored.password is None and station.has_password
    for given in (secret, SECRET.encode(), SECRET.upper().encode(), bytes.fromhex(SECRET)):
        is_same = _canonical_hex(given) == _canonical_hex(secret)
        assert verify_password(given, stored) is verify_password(given, StoredPassword(secret, "")) is is_same
        assert verify_password(given, stored) is is_same  # the second time from the cache
    assert not verify_password(b"", stored) and not verify_password(station.password_hash.encode(), stored)
    assert not verify_password(b"", StoredPassword(None, ""))


def test_the_same_password_has_different_hashes(team):
    team.station_passwords = "show_once"
    team.save()
    factories.StationFactory.create_batch(2, team=team)
    hash_passwords()
    assert len(set(ChargingStation.objects.values_list("password_hash", flat=True))) == 2


def test_a_pending_password_change_is_hashed_too(station, team):
    ask(station)
    taken = take_next(station)
    team.station_passwords = "show_once"
    team.save()
    hash_passwords()
    station.refresh_from_db()
    assert (station.password, station.next_password) == (None, None) and station.next_password_hash
    accept(taken)
    station.refresh_from_db()
    assert verify_password(SECRET.encode(), StoredPassword(station.password, station.password_hash))
    assert not station.is_password_open


def test_the_database_allows_only_one_form_of_password(station):
    with pytest.raises(IntegrityError), transaction.atomic():
        ChargingStation.objects.update(password_hash="x")
    with pytest.raises(IntegrityError), transaction.atomic():
        ChargingStation.objects.update(next_password_hash="x")


def test_the_passwords_of_other_teams_are_not_changed(station):
    assert hash_passwords() == 0
    station.refresh_from_db()
    assert station.password == b"0123456789abcdef"


# --- the pool (D4, T4) ---------------------------------------------------------------------------------------------


def test_a_station_from_the_pool_gets_a_random_password_shown_once(team, staff):
    station = factories.StationFactory(team=None, password=None)
    assigned = assign_station(station=station, team=team, actor=staff)
    assert assigned.password is not None and len(bytes.fromhex(assigned.password)) == 20
    station.refresh_from_db()
    assert (station.team, station.password) == (team, assigned.password.encode())
    assert generate_password() != generate_password()


def test_a_given_or_existing_password_is_kept(team, other_team):
    given = factories.StationFactory(team=None, password=None)
    assert assign_station(station=given, team=team, password="of-mine-0123").password is None
    has_one = factories.StationFactory(team=None, password=SECRET.encode())
    assert assign_station(station=has_one, team=team).password is None
    assert set(ChargingStation.objects.values_list("password", flat=True)) == {b"of-mine-0123", SECRET.encode()}
    with pytest.raises(DomainError):
        assign_station(station=given, team=other_team)


def test_a_given_password_is_hashed_if_the_team_requires_it(team):
    team.station_passwords = "show_once"
    team.save()
    station = factories.StationFactory(team=None, password=None)
    password = assign_station(station=station, team=team).password
    station.refresh_from_db()
    assert station.password is None and verify_password(
        bytes.fromhex(password), StoredPassword(None, station.password_hash)
    )


def test_administrators_of_a_team_cannot_see_the_pool(team, administrator):
    with pytest.raises(NotAllowed):
        assign_station(station=factories.StationFactory(team=None), team=team, actor=administrator)


def test_the_sweep_is_scheduled():
    from celery import current_app

    from cpms.celery import app

    app.loader.import_default_modules()
    assert "chargers.hash_passwords" in current_app.tasks
    call_command("check")


@pytest.mark.parametrize(
    ("secret", "weak"),
    [
        (b"123456789012345", True),
        (b"1234567890123456", False),
        ("ä".encode() * 15, True),
        (bytes(7), True),
        (bytes(8), False),  # 16 characters of hex text
        (b"\xff" * 20, False),
    ],
)
def test_a_password_below_16_characters_is_weak(secret, weak):
    assert is_weak(secret) is weak


def test_a_generated_password_has_32_characters_or_more():
    """And no more than AuthorizationKey allows in OCPP 1.6 (T4)."""
    assert 32 <= len(generate_password()) <= 40


@pytest.mark.django_db
def test_the_weak_password_flag_follows_the_password(station):
    """Set by hand, sent over OCPP and accepted, rejected, and handed over."""

    def flag():
        return ChargingStation.objects.values_list("has_weak_password", flat=True).get(pk=station.pk)

    set_password(station=station, password="short one")
    assert flag() is True
    for message_id, is_taken, after in (("m1", False, True), ("m2", True, False)):
        station.refresh_from_db()
        offer_password(station=station, password=generate_password(), message_id=message_id)
        settle_password(station_id=station.pk, message_id=message_id, is_taken=is_taken)
        assert flag() is after


@pytest.mark.django_db
def test_the_sweep_checks_passwords_of_unknown_strength(station):
    ChargingStation.objects.filter(pk=station.pk).update(password=b"short one", has_weak_password=None)
    hash_passwords()
    station.refresh_from_db()
    assert station.has_weak_password is True


def test_wrong_passwords_use_no_more_than_the_allowed_parallel_hashes(settings, monkeypatch):
    """Many wrong passwords cannot use all of the CPU."""
    running, most, lock = 0, 0, threading.Lock()

    def slow(text, stored):
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        time.sleep(0.01)
        with lock:
            running -= 1
        return False

    monkeypatch.setattr(passwords._hasher, "verify", slow)
    with ThreadPoolExecutor(12) as pool:
        list(pool.map(lambda n: verify_password(b"wrong %d" % n, StoredPassword(None, "scrypt$x")), range(48)))
    assert 1 <= most <= settings.OCPP_PASSWORD_CHECKS
