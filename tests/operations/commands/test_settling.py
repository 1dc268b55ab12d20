"""The life cycle of commands: one in flight, outcomes, and confirmation by a station's reports (B5, T18, T19, T42)."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.db.models import F
from django.utils import timezone

from chargers.models import NODE_ALIVE, ChargingStation, GatewayNode, Tag
from chargers.stations.services.links import register_node
from ocpp_gateway.v16.commands import COMMANDS_V16
from operations.commands.services.asking import request_command
from operations.commands.services.settling import (
    confirm_availability,
    confirm_reset,
    link_started_session,
    link_stopped_session,
    settle_answer,
    settle_commands_of_link,
    settle_commands_of_node,
    settle_error,
    settle_overdue_commands,
    take_next_command,
)
from operations.models import Command
from tests import factories

Kind = Command.Kind


def take_next(station, epoch=None):
    return take_next_command(station_id=station.pk, epoch=station.epoch if epoch is None else epoch)


def send(station, kind=Kind.CLEAR_CACHE, **parameters):
    if "id_tag" in parameters and not Tag.objects.filter(value__iexact=parameters["id_tag"]).exists():
        factories.TagFactory(team=station.team, value=parameters["id_tag"])
    request_command(station=station, kind=kind, parameters=parameters)
    command = take_next(station)
    assert command is not None
    return command


def start_session(station, **fields):
    """Create a session that has just started."""
    fields = {"station": station, "id_tag": "CARD", "started_at": timezone.now()} | fields
    return factories.SessionFactory(**fields)


def settle_command(command, **answer):
    return settle(command.station, command.message_id, **answer)


def settle(station, message_id, **answer):
    """Settle a command with an answer of OCPP 1.6."""
    outcome = COMMANDS_V16.outcome(answer)
    return settle_answer(station_id=station.pk, message_id=message_id, answer=answer, outcome=outcome)


def state(command):
    return Command.objects.get(pk=command.pk).state


def test_commands_go_in_order_one_at_a_time(station):
    first, second = (request_command(station=station, kind=Kind.CLEAR_CACHE) for _ in range(2))
    taken = take_next(station)
    assert taken.pk == first.pk and take_next(station) is None
    settle_command(taken, status="Accepted")
    assert take_next(station).pk == second.pk


def test_the_database_allows_one_open_call_only(station):
    factories.CommandFactory(station=station, state="sent")
    with pytest.raises(IntegrityError), transaction.atomic():
        factories.CommandFactory(station=station, state="sent")


def test_an_older_link_gets_no_commands(station):
    request_command(station=station, kind=Kind.CLEAR_CACHE)
    assert take_next(station, station.epoch - 1) is None and take_next(station, station.epoch + 1) is None


def test_commands_sent_by_an_older_link_are_unknown(station):
    command = send(station)
    station.epoch += 1
    station.save()
    assert take_next(station) is None
    assert state(command) == "unknown"


def test_an_expired_command_is_not_sent(station):
    factories.CommandFactory(station=station, expires_at=timezone.now() - timedelta(seconds=1))
    assert take_next(station) is None
    assert Command.objects.get().state == "expired"


def test_foreign_and_late_answers_change_nothing(station):
    """T19."""
    command, stranger = send(station), factories.StationFactory()
    assert settle(stranger, command.message_id, status="Accepted") is None
    assert settle(station, "other", status="Accepted") is None
    assert settle_error(station_id=stranger.pk, message_id=command.message_id, code="X", description="") is None
    assert state(command) == "sent"
    assert settle_command(command, status="Rejected") is not None
    assert settle_command(command, status="Accepted") is None
    assert state(command) == "refused"


@pytest.mark.parametrize(
    ("kind", "parameters", "answer", "expected"),
    [
        (Kind.RESET, {"type": "Soft"}, {"status": "Accepted"}, "accepted"),
        (Kind.RESET, {"type": "Soft"}, {"status": "Rejected"}, "refused"),
        (Kind.RESET, {"type": "Soft"}, {}, "failed"),
        (Kind.RESET, {"type": "Soft"}, {"status": "accepted"}, "failed"),
        (Kind.RESET, {"type": "Soft"}, {"status": ["Accepted"]}, "failed"),
        (Kind.RESET, {"type": "Soft"}, {"status": {"a": 1}}, "failed"),
        (Kind.UNLOCK, {"connector": 1}, {"status": "UnlockFailed"}, "refused"),
        (Kind.CHANGE_CONFIGURATION, {"key": "a", "value": "b"}, {"status": "NotSupported"}, "refused"),
        (Kind.GET_CONFIGURATION, {}, {}, "accepted"),
        (Kind.RAW, {"action": "GetLocalListVersion", "payload": {}}, {"listVersion": 3}, "accepted"),
        (Kind.RAW, {"action": "ClearChargingProfile", "payload": {}}, {"status": "Unknown"}, "accepted"),
    ],
)
def test_only_known_answers_count_as_accepted(station, kind, parameters, answer, expected):
    command = send(station, kind, **parameters)
    settle_command(command, **answer)
    assert state(command) == expected


@pytest.fixture
def node(station):
    """The running gateway process that holds the station's link."""
    node = register_node("here")
    ChargingStation.objects.filter(pk=station.pk).update(node=node)
    return node


def test_overdue_and_expired_commands_are_settled(station, node, settings):
    command = send(station)
    waiting = factories.CommandFactory(station=station, expires_at=timezone.now() - timedelta(seconds=1))
    assert settle_overdue_commands() == 1
    Command.objects.filter(pk=command.pk).update(
        sent_at=timezone.now() - timedelta(seconds=settings.OCPP_CALL_SECONDS + 1)
    )
    assert settle_overdue_commands() == 1
    assert (state(command), state(waiting)) == ("timed_out", "expired")


def test_sent_commands_are_unknown_when_their_link_ends(station, node):
    """T42: also commands that an older link left; those of a newer link are not affected."""
    command = send(station)
    assert settle_commands_of_link(station_id=station.pk, epoch=station.epoch - 1) == 0
    assert settle_commands_of_link(station_id=station.pk, epoch=station.epoch) == 1
    command.refresh_from_db()
    assert (command.state, command.settled_at is not None) == ("unknown", True)
    older = factories.CommandFactory(station=station, state="sent", sent_epoch=None)
    assert settle_commands_of_link(station_id=station.pk, epoch=station.epoch) == 1 and state(older) == "unknown"
    assert settle_commands_of_link(station_id=station.pk, epoch=station.epoch) == 0


def test_a_reported_effect_confirms_a_command_without_an_answer(station, node):
    command = send(station, Kind.RESET, type="Soft")
    confirm_reset(station_id=station.pk)
    settle_commands_of_link(station_id=station.pk, epoch=station.epoch)
    assert state(command) == "confirmed"


def test_a_node_that_ends_in_order_leaves_no_command_as_sent(station, node):
    command, elsewhere = send(station), send(factories.StationFactory(node=register_node("there")))
    assert settle_commands_of_node(node_id=node.pk) == 1
    assert (state(command), state(elsewhere)) == ("unknown", "sent")


@pytest.mark.parametrize("what", ["dead node", "no link", "newer link"])
def test_the_sweep_sets_commands_of_lost_links_to_unknown(station, node, what):
    """If a process died, the sweep does not wait for the timeout of the call."""
    command = send(station)
    assert settle_overdue_commands() == 0
    if what == "dead node":
        GatewayNode.objects.update(alive_at=timezone.now() - NODE_ALIVE - timedelta(seconds=1))
    elif what == "no link":
        ChargingStation.objects.update(node=None)
    else:
        ChargingStation.objects.update(epoch=F("epoch") + 1)
    assert settle_overdue_commands() == 1
    assert state(command) == "unknown"


@pytest.mark.parametrize("how", ["sent", "accepted", "timed_out", "unknown"])
def test_a_matching_session_confirms_its_remote_start(station, how):
    """T42: also if the answer was lost; the state changes only once the answer is in or overdue."""
    command = send(station, Kind.REMOTE_START, id_tag="card", connector=1)
    Command.objects.filter(pk=command.pk).update(state=how)
    session = start_session(station)
    link_started_session(session)
    command.refresh_from_db()
    assert command.session == session and command.confirmed_at
    assert command.state == ("sent" if how == "sent" else "confirmed")
    if how == "sent":
        settle_command(command, status="Accepted")
        assert state(command) == "confirmed"


@pytest.mark.parametrize("how", ["refused", "failed", "expired", "requested"])
def test_a_command_that_was_not_carried_out_is_not_confirmed(station, how):
    command = send(station, Kind.REMOTE_START, id_tag="CARD")
    Command.objects.filter(pk=command.pk).update(state=how)
    link_started_session(start_session(station))
    assert state(command) == how


def test_one_session_confirms_one_remote_start(station):
    first = send(station, Kind.REMOTE_START, id_tag="CARD")
    settle_command(first, status="Accepted")
    second = send(station, Kind.REMOTE_START, id_tag="CARD")
    settle_command(second, status="Accepted")
    for command in (first, second):
        session = start_session(station, finished=True)
        link_started_session(session)
        command.refresh_from_db()
        assert command.session == session


@pytest.mark.parametrize("other", [{"id_tag": "OTHER"}, {"connector_number": 2}])
def test_another_tag_or_connector_confirms_nothing(station, other):
    command = send(station, Kind.REMOTE_START, id_tag="CARD", connector=1)
    settle_command(command, status="Accepted")
    link_started_session(start_session(station, **other))
    assert state(command) == "accepted"


def test_an_end_confirms_its_remote_stop_only(station):
    mine, other = (factories.SessionFactory(station=station, finished=True) for _ in range(2))
    command = send(station, Kind.REMOTE_STOP, session=mine.pk)
    settle_command(command, status="Accepted")
    link_stopped_session(other)
    assert state(command) == "accepted"
    link_stopped_session(mine)
    assert state(command) == "confirmed"


def accepted_start(station, *, ago=0.0):
    """Create a remote start that the station accepted `ago` seconds ago."""
    command = send(station, Kind.REMOTE_START, id_tag="CARD", connector=1)
    settle_command(command, status="Accepted")
    at = timezone.now() - timedelta(seconds=ago)
    Command.objects.filter(pk=command.pk).update(sent_at=at - timedelta(seconds=20), settled_at=at)
    return command


@pytest.mark.parametrize(
    ("timeout", "ago", "expected"),
    [
        (None, 295, "confirmed"),
        (None, 305, "accepted"),
        (0, 295, "confirmed"),  # no connection timeout: it waits indefinitely
        (60, 55, "confirmed"),
        (60, 65, "accepted"),
        (1800, 1790, "confirmed"),
        (1800, 1810, "accepted"),
        (2**31 - 1, 20_000, "confirmed"),
    ],
)
def test_a_start_after_the_connection_timeout_confirms_nothing(station, timeout, ago, expected):
    """Counted from its acceptance, by its ConnectionTimeOut if known."""
    station.connection_timeout_seconds = timeout
    command = accepted_start(station, ago=ago)
    link_started_session(start_session(station))
    assert state(command) == expected


def test_a_start_over_another_link_confirms_nothing(station):
    command = accepted_start(station)
    station.epoch += 1
    link_started_session(start_session(station))
    assert state(command) == "accepted"


@pytest.mark.parametrize(
    ("offset_seconds", "ago", "flags", "expected"),
    [
        (None, 30, [], "confirmed"),
        (None, 3600, ["offline"], "accepted"),  # charged while the link was down, reported after the command
        (-3600, 3600, ["offline"], "confirmed"),  # a clock that is known to be behind
        (-3600, 7200, ["offline"], "accepted"),
        (3600, 30, [], "accepted"),  # a clock that is ahead: the session started an hour ago
        (None, 10**9, ["offline", "clock"], "confirmed"),  # 1994: the time of arrival is used
    ],
)
def test_a_start_from_before_the_command_confirms_nothing(station, offset_seconds, ago, flags, expected):
    station.clock_offset_ms = None if offset_seconds is None else offset_seconds * 1000
    command = accepted_start(station)
    link_started_session(start_session(station, started_at=timezone.now() - timedelta(seconds=ago), flags=flags))
    assert state(command) == expected


@pytest.mark.parametrize("status", ["Accepted", "RebootRequired", "Rejected", "NotSupported", "Banana"])
def test_an_accepted_connection_timeout_is_stored(station, status):
    command = send(station, Kind.CHANGE_CONFIGURATION, key="connectionTimeOut", value="90")
    settle_command(command, status=status)
    station.refresh_from_db()
    assert station.connection_timeout_seconds == (90 if status in ("Accepted", "RebootRequired") else None)


def entries(**values):
    return [{"key": key, "readonly": False, "value": value} for key, value in values.items()]


def test_a_reported_configuration_is_stored_even_if_late(station):
    """B23."""
    command = send(station, Kind.GET_CONFIGURATION)
    Command.objects.update(state="timed_out")
    rows = [*entries(ConnectionTimeOut=" 120 ", SecurityProfile="1", Other="7"), "no entry", {"key": None}]
    assert settle_command(command, configurationKey=rows) is None
    station.refresh_from_db()
    assert (station.connection_timeout_seconds, station.security_profile) == (120, 1)


@pytest.mark.parametrize("value", ["", "abc", "-1", "1.5", "9" * 11, "\u0663", "99999999999999999999"])
def test_a_configuration_value_that_is_not_a_number_is_ignored(station, value):
    command = send(station, Kind.GET_CONFIGURATION)
    settle_command(command, configurationKey=entries(ConnectionTimeOut=value, SecurityProfile=value))
    station.refresh_from_db()
    assert (station.connection_timeout_seconds, station.security_profile) == (None, None)


def test_a_security_profile_is_raised_but_never_lowered_by_the_station(station):
    """T7."""
    for key, value, expected in [("SecurityProfile", "2", 2), ("securityprofile", "1", 2), ("SecurityProfile", "3", 3),
                                 ("SecurityProfile", "4", 3), ("SecurityProfile", "0", 3)]:  # fmt: skip
        settle_command(send(station, Kind.CHANGE_CONFIGURATION, key=key, value=value), status="Accepted")
        station.refresh_from_db()
        assert station.security_profile == expected
    settle_command(send(station, Kind.GET_CONFIGURATION), configurationKey=entries(SecurityProfile="1"))
    station.refresh_from_db()
    assert station.security_profile == 3


def test_a_station_cannot_answer_for_another_one(station):
    command = send(station, Kind.CHANGE_CONFIGURATION, key="SecurityProfile", value="2")
    stranger = factories.StationFactory()
    settle(stranger, command.message_id, status="Accepted")
    assert not ChargingStation.objects.exclude(security_profile=None).exists()


def test_a_boot_confirms_only_recent_resets(station):
    old = send(station, Kind.RESET, type="Soft")
    settle_command(old, status="Accepted")
    Command.objects.filter(pk=old.pk).update(sent_at=timezone.now() - timedelta(hours=1))
    new = send(station, Kind.RESET, type="Hard")
    settle_command(new, status="Accepted")
    confirm_reset(station_id=station.pk)
    assert (state(old), state(new)) == ("accepted", "confirmed")


@pytest.mark.parametrize(
    ("connector", "wanted", "number", "status", "expected"),
    [
        (1, "Inoperative", 1, "Unavailable", "confirmed"),
        (1, "Inoperative", 2, "Unavailable", "accepted"),
        (1, "Inoperative", 1, "Charging", "accepted"),
        (0, "Inoperative", 0, "Unavailable", "confirmed"),
        (1, "Operative", 1, "Available", "confirmed"),
        (1, "Operative", 1, "Unavailable", "accepted"),
    ],
)
def test_a_status_confirms_a_change_of_availability(station, connector, wanted, number, status, expected):
    command = send(station, Kind.CHANGE_AVAILABILITY, connector=connector, type=wanted)
    settle_command(command, status="Accepted")
    confirm_availability({(station.pk, number): status})
    confirm_availability({(factories.StationFactory().pk, connector): status})
    assert state(command) == expected
