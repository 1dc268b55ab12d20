"""What we ask of stations, from the row to what the station then reports (B5, T18, T19, T42)."""

import json
import subprocess
import sys
import time
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from cpms.common.errors import DomainError
from maintenance.models import Message
from operations.commands.services.asking import request_command, request_raw_command
from operations.models import Command
from tests.ocpp_gateway.link import Link, moment, start_payload
from tests.ocpp_gateway.running_system import ROOT, START_SECONDS, until

pytestmark = pytest.mark.processes
Kind = Command.Kind


def ask(station, kind, **parameters):
    station.refresh_from_db()
    return request_command(station=station, kind=kind, parameters=parameters)


def becomes(command, state, seconds=10):
    def there():
        command.refresh_from_db()
        return command.state == state

    until(there, seconds, f"{command.kind} {state}, is {command.state}")
    return command


@pytest.mark.parametrize(
    ("kind", "parameters", "action", "payload", "answer", "state"),
    [
        (Kind.RESET, {"type": "Hard"}, "Reset", {"type": "Hard"}, {"status": "Rejected"}, "refused"),
        (Kind.RESET, {"type": "Soft"}, "Reset", {"type": "Soft"}, {"status": "Accepted"}, "accepted"),
        (Kind.UNLOCK, {"connector": 1}, "UnlockConnector", {"connectorId": 1}, {"status": "Unlocked"}, "accepted"),
        (Kind.UNLOCK, {"connector": 1}, "UnlockConnector", {"connectorId": 1}, {"status": "UnlockFailed"}, "refused"),
        (Kind.UNLOCK, {"connector": 9}, "UnlockConnector", {"connectorId": 9}, {"status": "NotSupported"}, "refused"),
        (Kind.TRIGGER_MESSAGE, {"message": "MeterValues", "connector": 2}, "TriggerMessage",
         {"requestedMessage": "MeterValues", "connectorId": 2}, {"status": "NotImplemented"}, "refused"),
        (Kind.CHANGE_AVAILABILITY, {"connector": 0, "type": "Inoperative"}, "ChangeAvailability",
         {"connectorId": 0, "type": "Inoperative"}, {"status": "Scheduled"}, "accepted"),
        (Kind.CLEAR_CACHE, {}, "ClearCache", {}, {"status": "Accepted"}, "accepted"),
        (Kind.DATA_TRANSFER, {"vendor": "v", "message": "m", "data": "d"}, "DataTransfer",
         {"vendorId": "v", "messageId": "m", "data": "d"}, {"status": "Accepted", "data": "x"}, "accepted"),
        (Kind.CHANGE_CONFIGURATION, {"key": "HeartbeatInterval", "value": "60"}, "ChangeConfiguration",
         {"key": "HeartbeatInterval", "value": "60"}, {"status": "RebootRequired"}, "accepted"),
        (Kind.GET_CONFIGURATION, {"keys": ["A"]}, "GetConfiguration", {"key": ["A"]},
         {"configurationKey": [{"key": "A", "readonly": False, "value": "1"}], "unknownKey": []}, "accepted"),
        (Kind.REMOTE_START, {"id_tag": "GOODTAG", "connector": 2}, "RemoteStartTransaction",
         {"idTag": "GOODTAG", "connectorId": 2}, {"status": "Rejected"}, "refused"),
        (Kind.REMOTE_STOP, {"session": 5}, "RemoteStopTransaction", {"transactionId": 5}, {"status": "Rejected"},
         "refused"),
    ],
)  # fmt: skip
def test_a_command_goes_out_and_its_answer_settles_it(link, station, kind, parameters, action, payload, answer, state):
    """B5: requested, sent, accepted or refused."""
    command = ask(station, kind, **parameters)
    assert link.answer_next(action, payload=answer) == payload
    becomes(command, state)
    assert command.answer == answer and command.sent_at and command.settled_at
    row = Message.objects.get(station=station, direction="out")
    assert (row.action, json.loads(row.payload), json.loads(row.answer)) == (action, payload, answer)


def test_our_message_ids_have_at_most_36_characters_and_differ(link, station):
    """T17."""
    ids = set()
    for _ in range(3):
        command = ask(station, Kind.CLEAR_CACHE)
        message_id, _action, _payload = link.next_call()
        link.answer(message_id, {"status": "Accepted"})
        becomes(command, "accepted")
        ids.add(message_id)
    assert len(ids) == 3 and all(0 < len(each) <= 36 for each in ids)


def test_a_remote_start_is_linked_to_its_session_and_a_remote_stop_ends_it(system, link, station):
    """B5."""
    start = ask(station, Kind.REMOTE_START, id_tag="goodtag", connector=1)
    link.answer_next("RemoteStartTransaction", {"status": "Accepted"})
    becomes(start, "accepted")  # accepted is not started (errata 3.32)
    transaction = link.start()
    becomes(start, "confirmed")
    assert start.session_id == transaction
    stop = ask(station, Kind.REMOTE_STOP, session=transaction)
    link.answer_next("RemoteStopTransaction", {"status": "Accepted"})
    becomes(stop, "accepted")
    link.stop(transaction, reason="Remote")
    becomes(stop, "confirmed")
    assert stop.session_id == transaction


def test_a_start_by_somebody_else_confirms_nothing(link, station):
    start = ask(station, Kind.REMOTE_START, id_tag="GOODTAG", connector=1)
    link.answer_next("RemoteStartTransaction", {"status": "Accepted"})
    becomes(start, "accepted")
    link.call("StartTransaction", **start_payload(idTag="OTHER"))
    link.call("StartTransaction", **start_payload(connectorId=2))
    start.refresh_from_db()
    assert (start.state, start.session) == ("accepted", None)


def test_a_start_over_a_later_link_is_not_the_effect_of_a_remote_start(system, station):
    with system.link(station) as link:
        start = ask(station, Kind.REMOTE_START, id_tag="GOODTAG", connector=1)
        link.answer_next("RemoteStartTransaction", {"status": "Accepted"})
        becomes(start, "accepted")
    with system.link(station) as link:
        link.start()
        start.refresh_from_db()
        assert (start.state, start.session) == ("accepted", None)


def test_a_start_recorded_before_the_command_is_not_its_effect(link, station):
    start = ask(station, Kind.REMOTE_START, id_tag="GOODTAG", connector=1)
    link.answer_next("RemoteStartTransaction", {"status": "Accepted"})
    becomes(start, "accepted")
    link.stop(link.start(timestamp=moment(3600)), timestamp=moment(1800))
    start.refresh_from_db()
    assert (start.state, start.session) == ("accepted", None)
    transaction = link.start()
    becomes(start, "confirmed")
    assert start.session_id == transaction


def test_the_start_may_come_before_the_answer(link, station):
    """Errata: stations answer late; what they then did settles the matter."""
    start = ask(station, Kind.REMOTE_START, id_tag="GOODTAG")
    message_id, _action, _payload = link.next_call()
    transaction = link.start()
    link.answer(message_id, {"status": "Accepted"})
    becomes(start, "confirmed")
    assert start.session_id == transaction


def test_a_boot_confirms_a_reset(system, link, station):
    """B5."""
    reset = ask(station, Kind.RESET, type="Soft")
    link.answer_next("Reset", {"status": "Accepted"})
    becomes(reset, "accepted")
    link.close()
    with system.link(station) as again:
        again.boot()
    becomes(reset, "confirmed")


def test_a_status_confirms_a_change_of_availability(link, station):
    """B5."""
    change = ask(station, Kind.CHANGE_AVAILABILITY, connector=1, type="Inoperative")
    link.answer_next("ChangeAvailability", {"status": "Accepted"})
    becomes(change, "accepted")
    link.call("StatusNotification", connectorId=1, status="Available", errorCode="NoError", timestamp=moment())
    link.call("StatusNotification", connectorId=2, status="Unavailable", errorCode="NoError", timestamp=moment())
    link.call("StatusNotification", connectorId=1, status="Unavailable", errorCode="NoError", timestamp=moment())
    becomes(change, "confirmed")


def test_one_call_is_open_at_a_time_and_the_station_is_answered_meanwhile(link, station):
    """T18."""
    first, second = ask(station, Kind.CLEAR_CACHE), ask(station, Kind.GET_CONFIGURATION)
    message_id, action, _payload = link.next_call()
    assert action == "ClearCache"
    for _ in range(3):
        before = time.perf_counter()
        assert link.call("Heartbeat")
        assert time.perf_counter() - before < 1
    with pytest.raises(TimeoutError):
        link.receive(1.3)
    assert not link.pending_calls
    link.answer(message_id, {"status": "Accepted"})
    becomes(first, "accepted")
    link.answer_next("GetConfiguration", {"configurationKey": []})
    becomes(second, "accepted")


def test_foreign_and_late_answers_complete_nothing(system, link, station):
    """T19."""
    first = ask(station, Kind.CLEAR_CACHE)
    message_id, _action, _payload = link.next_call()
    with system.link() as stranger:
        stranger.answer(message_id, {"status": "Accepted"})
        link.answer("somebody-elses", {"status": "Accepted"})
        link.send([4, "nobody", "GenericError", "", {}])
        assert stranger.call("Heartbeat") and link.call("Heartbeat")
    first.refresh_from_db()
    assert first.state == "sent"
    link.answer(message_id, {"status": "Accepted"})
    becomes(first, "accepted")
    link.answer(message_id, {"status": "Rejected"})  # once more, and different
    assert link.call("Heartbeat")
    first.refresh_from_db()
    assert first.state == "accepted"


def test_a_callerror_settles_a_command_as_failed(link, station):
    """B5."""
    command = ask(station, Kind.UNLOCK, connector=1)
    message_id, _action, _payload = link.next_call()
    link.send([4, message_id, "NotSupported", "no lock here", {}])
    becomes(command, "failed")
    assert (command.error_code, command.error_description) == ("NotSupported", "no lock here")


@pytest.mark.parametrize("answer", [{}, {"status": "Banana"}, {"status": 5}, [], None, "Accepted", {"status": "\0"}])
def test_an_answer_that_makes_no_sense_is_not_taken_for_a_yes(link, station, answer):
    """T42: honest about what we do not know; and the next command goes out."""
    command = ask(station, Kind.RESET, type="Soft")
    message_id, _action, _payload = link.next_call()
    link.answer(message_id, answer)
    becomes(command, "failed")
    following = ask(station, Kind.CLEAR_CACHE)
    link.answer_next("ClearCache", {"status": "Accepted"})
    becomes(following, "accepted")


def test_a_call_that_is_not_answered_times_out_and_the_next_one_goes(system, station):
    """T18, T42, T19: a late answer changes nothing."""
    with system.link(station, system.other) as link:  # which waits one second
        silent, following = ask(station, Kind.RESET, type="Soft"), ask(station, Kind.CLEAR_CACHE)
        message_id, _action, _payload = link.next_call()
        link.answer_next("ClearCache", {"status": "Accepted"})
        becomes(silent, "timed_out")
        becomes(following, "accepted")
        link.answer(message_id, {"status": "Accepted"})
        assert link.call("Heartbeat")
    silent.refresh_from_db()
    assert silent.state == "timed_out"


def test_a_command_waits_for_an_offline_station_and_expires(system, station):
    """B5."""
    waits = ask(station, Kind.CLEAR_CACHE)
    expires = request_command(station=station, kind=Kind.GET_CONFIGURATION, expires_in=timedelta(milliseconds=1))
    with system.link(station) as link:
        link.answer_next("ClearCache", {"status": "Accepted"})
        becomes(waits, "accepted")
        becomes(expires, "expired")
        assert link.call("Heartbeat") and not link.pending_calls


@pytest.mark.parametrize("how", ["close", "vanish"])
def test_what_was_sent_over_a_lost_link_is_unknown_at_once_and_not_sent_again(system, station, how):
    """T42: at most once; and nobody waits for the station to return, or for the call's time-out."""
    with system.link(station) as link:
        lost = ask(station, Kind.RESET, type="Hard")
        link.next_call()
        getattr(link, how)()
        becomes(lost, "unknown", seconds=3)
    assert lost.settled_at
    with system.link(station) as link:
        following = ask(station, Kind.CLEAR_CACHE)
        link.answer_next("ClearCache", {"status": "Accepted"})
        becomes(following, "accepted")
        assert not link.pending_calls


def test_a_newer_link_makes_what_the_older_one_sent_unknown_at_once(system, station):
    """T42: also over another gateway, while the older link still looks alive."""
    for gateway in (system.gateway, system.other):
        with system.link(station) as older:
            lost = ask(station, Kind.RESET, type="Hard")
            older.next_call()
            with system.link(station, gateway) as newer:
                becomes(lost, "unknown", seconds=3)
                assert newer.call("Heartbeat") and not newer.pending_calls


def test_a_gateway_that_stops_leaves_no_command_as_sent(system, station):
    brief = system.new_gateway("brief")
    until(brief.answers, START_SECONDS, brief.name)
    with system.link(station, brief) as link:
        lost = ask(station, Kind.RESET, type="Hard")
        link.next_call()
        brief.end()
        becomes(lost, "unknown", seconds=3)
    system.processes.remove(brief)


def test_a_station_in_the_pool_may_be_set_up_but_not_started(system):
    """T20: Pending allows set-up commands."""
    station = system.station(team=None, password=None, registration="pending")
    with Link(system.other.url, station.identity).opened() as link:
        assert link.boot()["status"] == "Pending"
        command = request_raw_command(station=station, action="GetConfiguration", payload={})
        link.answer_next("GetConfiguration", {"unknownKey": []})
        becomes(command, "accepted")
        with pytest.raises(DomainError):
            ask(station, Kind.REMOTE_START, id_tag="GOODTAG")
    station.delete()  # the pool has a limit


@pytest.fixture
def polite(system):
    """A gateway that lets stations speak first, as by default."""
    gateway = system.new_gateway("polite", OCPP_FIRST_MESSAGE_SECONDS="10")
    until(gateway.answers, START_SECONDS, gateway.name)
    yield gateway
    gateway.end()
    system.processes.remove(gateway)


@pytest.mark.parametrize("is_boot", [True, False])
def test_commands_wait_for_the_first_message_of_a_link(system, station, polite, is_boot):
    """Many stations drop what comes before their boot is answered."""
    waiting = ask(station, Kind.CLEAR_CACHE)
    with system.link(station, polite) as link:
        later = ask(station, Kind.GET_CONFIGURATION)
        with pytest.raises(TimeoutError):
            link.receive(1.5)
        link.send([2, "first", *(["BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}] if is_boot
                                 else ["Heartbeat", {}])])  # fmt: skip
        assert link.receive()[:2] == [3, "first"]
        link.answer_next("ClearCache", {"status": "Accepted"}, seconds=1)
        link.answer_next("GetConfiguration", {"unknownKey": []}, seconds=1)
        becomes(waiting, "accepted")
        becomes(later, "accepted")


def test_commands_go_to_a_station_that_says_nothing_after_a_while(system, station):
    slow = system.new_gateway("slow", OCPP_FIRST_MESSAGE_SECONDS="1")
    until(slow.answers, START_SECONDS, slow.name)
    command = ask(station, Kind.CLEAR_CACHE)
    with system.link(station, slow) as link:
        begin = time.monotonic()
        link.answer_next("ClearCache", {"status": "Accepted"})
        assert 0.5 < time.monotonic() - begin < 5
        becomes(command, "accepted")
    slow.end()
    system.processes.remove(slow)


def test_even_a_message_that_is_no_good_lets_commands_go(system, station, polite):
    command = ask(station, Kind.CLEAR_CACHE)
    with system.link(station, polite) as link:
        assert link.error("nonsense")[1] == "FormationViolation"
        link.answer_next("ClearCache", {"status": "Accepted"}, seconds=2)
        becomes(command, "accepted")


def test_the_password_of_a_station_is_nowhere(system, link, station):
    """T5: neither in what we send, nor in what it answers, nor in a log."""
    secret = "9f3c1d5e7b2a4680deadbeefcafe0123"
    changes = ask(station, Kind.CHANGE_CONFIGURATION, key="AuthorizationKey", value=secret)
    raw = request_raw_command(
        station=station, action="ChangeConfiguration", payload={"key": "authorizationKEY", "value": secret}
    )
    for command in (changes, raw):
        assert link.answer_next("ChangeConfiguration", {"status": "Accepted"})["value"] == secret
        becomes(command, "accepted")
    asks = ask(station, Kind.GET_CONFIGURATION)
    entry = {"key": "AuthorizationKey", "readonly": False, "value": secret}
    link.answer_next("GetConfiguration", {"configurationKey": [entry, {"key": "A", "readonly": True, "value": "1"}]})
    becomes(asks, "accepted")
    assert {"key": "A", "readonly": True, "value": "1"} in asks.answer["configurationKey"]
    assert secret not in dump()
    assert secret not in "".join(process.log() for process in system.processes)


def test_an_unreadable_answer_is_logged_without_the_password_it_may_hold(system, link, station):
    """T5."""
    secret = "0d15ea5e0d15ea5e0d15ea5e"
    command = ask(station, Kind.GET_CONFIGURATION)
    message_id, _action, _payload = link.next_call()
    entry = json.dumps({"key": "AuthorizationKey", "value": secret})
    link.send(f'[3,"{message_id}",{{"configurationKey":[{entry}],}}]')
    assert link.exchange([2, "next", "Heartbeat", {}])[:2] == [3, "next"], "an answer never gets an error back"
    command.refresh_from_db()
    assert (command.state, command.error_code) == ("failed", "FormationViolation")
    assert secret not in dump()


@pytest.mark.parametrize(
    ("answer", "rule"),
    [
        ('{"configurationKey":[{"key":"A","readonly":false,"value":"a\x07b"}]}', "answer.payload: characters"),
        ('{"configurationKey":[{"key":"A","readonly":false,"value":"a\\u0000b"}]}', "answer.payload: characters"),
        ('{"configurationKey":[{"key":"A","readonly":"false","value":5,"own":1}],"more":{}}',
         "answer.configurationKey.readonly: type"),
        ('{"configurationKey":{"key":"A","readonly":false}}', "answer.configurationKey: type"),
        ('{"unknownKey":[1,2],"configurationKey":[]}', "answer.unknownKey: type"),
        ("[]", "answer.payload: type"),
        ("null", "answer.payload: type"),
    ],
)  # fmt: skip
def test_an_answer_that_deviates_is_read_and_never_gets_an_error(link, station, answer, rule):
    """B15: for what stations answer as well."""
    command = ask(station, Kind.GET_CONFIGURATION)
    message_id, _action, _payload = link.next_call()
    link.send(f'[3,"{message_id}",{answer}]')
    assert link.exchange([2, "next", "Heartbeat", {}])[:2] == [3, "next"]
    becomes(command, "accepted")
    assert station.deviations.get(what=rule).action == "GetConfiguration"
    assert Message.objects.get(station=station, action="GetConfiguration").is_deviating


@pytest.mark.parametrize("word", ["accepted", "ACCEPTED", " Accepted "])
def test_a_status_in_another_spelling_is_understood(link, station, word):
    command = ask(station, Kind.CLEAR_CACHE)
    link.answer_next("ClearCache", {"status": word, "extra": 1})
    becomes(command, "accepted")
    assert command.answer["status"] == "Accepted" and command.answer["extra"] == 1


def dump():
    """All texts of the database, as somebody who steals a backup reads them."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename !~ '_[0-9]{8}$'")
        names = [name for (name,) in cursor.fetchall()]
        texts = []
        for name in names:
            cursor.execute(f'SELECT string_agg(t::text, chr(10)) FROM "{name}" t')
            texts.append(cursor.fetchone()[0] or "")
    return "\n".join(texts)


def test_a_command_line_in_another_process_reaches_the_station_at_once(system, link, station):
    """B5: the answer is printed."""
    words = [sys.executable, "manage.py", "send_command", station.identity, "GetConfiguration", '{"key": ["X"]}',
             "--wait", "20", "--json"]  # fmt: skip
    with subprocess.Popen(words, cwd=ROOT, env=system.environment, stdout=subprocess.PIPE) as process:
        assert link.answer_next("GetConfiguration", {"unknownKey": ["X"]}, seconds=30) == {"key": ["X"]}
        told = json.loads(process.communicate(timeout=20)[0])
    assert (told["state"], told["answer"]) == ("accepted", {"unknownKey": ["X"]})


def test_commands_work_without_redis(system, station):
    """F7: the node looks into the database every second; the drain is not woken, and nothing is lost."""
    lonely = system.new_gateway("lonely", REDIS_URL="redis://127.0.0.1:1/0")
    until(lonely.answers, 40)
    with system.link(station, lonely) as link:
        transaction = link.start()
        for _ in range(2):
            before = time.monotonic()
            command = Command.objects.create(  # as another process does whose hint is lost
                station=station, kind=Kind.CLEAR_CACHE, action="ClearCache",
                expires_at=timezone.now() + timedelta(minutes=1),
            )  # fmt: skip
            link.answer_next("ClearCache", {"status": "Accepted"})
            assert time.monotonic() - before < 2
            becomes(command, "accepted")
        link.meter(transaction, {"value": "1500"})
        assert link.stop(transaction) == {}
    assert Message.objects.filter(station=station, action="MeterValues").exists()
    lonely.end()
