"""A password follows another one over OCPP (T6, B26), and hashes let stations in as well (T4, T5)."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from websockets.exceptions import InvalidStatus

from accounts.models import StationPasswords
from chargers.credentials.services import hash_passwords, set_password
from operations.commands.services.asking import request_command
from operations.models import Command
from tests import factories
from tests.ocpp_gateway.link import Link
from tests.ocpp_gateway.running_system import PASSWORD, until
from tests.ocpp_gateway.test_commands import becomes, dump

pytestmark = pytest.mark.processes
OLD, NEW = PASSWORD, "00112233445566778899aabbccddeeff00112233"


def change(station, value=NEW):
    parameters = {"key": "AuthorizationKey", "value": value}
    return request_command(station=station, kind=Command.Kind.CHANGE_CONFIGURATION, parameters=parameters)


def gets_in(system, station, password):
    link = Link(system.gateway.url, station.identity, password=password)
    try:
        link.open()
    except InvalidStatus as error:
        status = error.response.status_code
    else:
        link.close()
        return True
    assert status in (401, 429)
    return False


def is_open(station):
    station.refresh_from_db()
    return station.is_password_open


@pytest.mark.parametrize("kept", StationPasswords.values)
@pytest.mark.parametrize(
    ("reply", "good", "dead"),
    [
        ({"status": "Accepted"}, NEW, OLD),
        ({"status": "Rejected"}, OLD, NEW),
        ({"status": "NotSupported"}, OLD, NEW),
        (["InternalError", f"what is {NEW}?", {}], OLD, NEW),
    ],
)
def test_the_answer_decides_which_password_is_dead(system, kept, reply, good, dead):
    """T6."""
    station = system.station(team=factories.TeamFactory(station_passwords=kept))
    hash_passwords()
    with system.link(station) as link:
        command = change(station)
        message_id, _action, payload = link.next_call()
        assert payload["value"] == NEW and is_open(station)
        if isinstance(reply, dict):
            link.answer(message_id, reply | {"echo": NEW})
        else:
            link.send([4, message_id, *reply])
        until(lambda: not is_open(station))
        becomes(command, "accepted" if good == NEW else "refused" if isinstance(reply, dict) else "failed")
    assert not gets_in(system, station, dead)
    assert gets_in(system, station, good) and gets_in(system, station, bytes.fromhex(good))
    text = dump()
    assert NEW not in text + "".join(process.log() for process in system.processes)


@pytest.mark.parametrize("kept", StationPasswords.values)
@pytest.mark.parametrize(("first", "other"), [(NEW, OLD), (OLD, NEW), (bytes.fromhex(NEW), OLD)])
def test_a_lost_answer_leaves_both_until_the_first_login(system, kept, first, other):
    """T6: whichever it then uses is the only one from there on."""
    station = system.station(team=factories.TeamFactory(station_passwords=kept))
    hash_passwords()
    with system.link(station) as link:
        command = change(station)
        link.next_call()
        link.vanish()
    assert gets_in(system, station, first)
    assert not is_open(station)
    assert not gets_in(system, station, other)
    assert gets_in(system, station, first)
    assert Command.objects.get(pk=command.pk).state in ("unknown", "sent")
    station.refresh_from_db()
    assert (station.password is None) is (kept == "show_once") is bool(station.password_hash)


def test_what_counts_after_a_reboot_does_not_shut_out_who_comes_back_without_one(system, station):
    """T6: OCPP 1.6 section 7.22, RebootRequired."""
    with system.link(station) as link:
        command = change(station)
        message_id, _action, _payload = link.next_call()
        link.answer(message_id, {"status": "RebootRequired"})
        becomes(command, "accepted")
    assert gets_in(system, station, OLD) and is_open(station)
    assert gets_in(system, station, NEW) and not is_open(station)
    assert not gets_in(system, station, OLD)


def test_a_wrong_password_settles_nothing(system, station):
    with system.link(station) as link:
        change(station)
        link.next_call()
    assert not gets_in(system, station, "neither of them")
    assert is_open(station)
    assert gets_in(system, station, NEW)


@pytest.mark.parametrize(("status", "good", "dead"), [("Accepted", NEW, OLD), ("Rejected", OLD, NEW)])
def test_an_answer_that_comes_too_late_settles_the_password_too(system, station, status, good, dead):
    """T6, T19: the command stays timed out."""
    with system.link(station, system.other) as link:  # which waits one second
        command = change(station)
        message_id, _action, _payload = link.next_call()
        becomes(command, "timed_out")
        assert is_open(station)
        link.answer(message_id, {"status": status})
        until(lambda: not is_open(station))
        link.answer(message_id, {"status": "Rejected" if status == "Accepted" else "Accepted"})  # and once more
        assert link.call("Heartbeat")
    assert not gets_in(system, station, dead) and gets_in(system, station, good)
    assert Command.objects.get(pk=command.pk).state == "timed_out"


@pytest.mark.parametrize("answer", [{}, {"status": "Banana"}, {"status": 5}])
def test_an_answer_that_makes_no_sense_leaves_both(system, station, answer):
    with system.link(station) as link:
        command = change(station)
        message_id, _action, _payload = link.next_call()
        link.answer(message_id, answer)
        becomes(command, "failed")
    assert is_open(station)
    assert gets_in(system, station, NEW) and not gets_in(system, station, OLD)


def test_a_second_change_waits_until_the_first_is_settled(system, station):
    """A third password would take the place of one that the station may be using."""
    with system.link(station, system.other) as link:
        becomes_late = change(station)
        link.next_call()
        becomes(becomes_late, "timed_out")
        second = change(station, "another-password-2")
        becomes(second, "failed")
        assert "Another password" in second.error_description and "another-password-2" not in str(second.parameters)
        assert link.call("Heartbeat") and not link.pending_calls
    with system.link(station, password=NEW) as link:
        third = change(station, "another-password-3")
        link.answer_next("ChangeConfiguration", {"status": "Accepted"})
        becomes(third, "accepted")
    assert gets_in(system, station, "another-password-3")


def test_by_hand_wins_over_what_the_station_was_told(system, station):
    with system.link(station) as link:
        change(station)
        message_id, _action, _payload = link.next_call()
        set_password(station=station, password="by-hand-0123456789")
        assert not is_open(station)
        link.answer(message_id, {"status": "Accepted"})
        assert link.call("Heartbeat")
    assert not gets_in(system, station, NEW) and not gets_in(system, station, OLD)
    assert gets_in(system, station, "by-hand-0123456789")


def test_two_logins_at_once_settle_it_once(system):
    """Whoever is first; the other one is refused, however both are timed."""
    for _ in range(4):
        station = system.station()
        with system.link(station) as link:
            change(station)
            link.next_call()
        with ThreadPoolExecutor(8) as pool:
            tries = [OLD, NEW] * 4
            list(pool.map(lambda each, s=station: gets_in(system, s, each), tries))
        assert not is_open(station)
        assert bytes(station.password) in (OLD.encode(), NEW.encode())


def test_stations_get_in_where_only_hashes_are_kept(system):
    """T4, T5: as bytes and as hex text; the slow hash is paid for once."""
    station = system.station(team=factories.TeamFactory(station_passwords="show_once"), password=bytes.fromhex(NEW))
    assert hash_passwords() == 1
    station.refresh_from_db()
    assert station.password is None and NEW not in station.password_hash
    for password in (NEW, NEW.upper(), bytes.fromhex(NEW)):
        assert gets_in(system, station, password)
    assert not gets_in(system, station, NEW + "00") and not gets_in(system, station, NEW[:-2])
    assert not gets_in(system, station, station.password_hash)


def test_a_fleet_with_hashes_comes_back_quickly(system):
    """A hundred on two processors, none of them seen by this process before."""
    team = factories.TeamFactory(station_passwords="show_once")
    stations = [system.station(team=team) for _ in range(100)]
    hash_passwords()
    for most in (20.0, 10.0):
        begin = time.monotonic()
        with ThreadPoolExecutor(20) as pool:
            assert all(pool.map(lambda station: gets_in(system, station, PASSWORD), stations))
        assert time.monotonic() - begin < most
