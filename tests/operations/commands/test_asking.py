"""Requesting commands: rights, checks of parameters, and refusals (B5, T5, T20, S40)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from accounts.access.rights import Role
from chargers.models import ChargingStation, Tag
from cpms.common.errors import DomainError, NotAllowed
from operations.commands.services.asking import request_boot, request_command, request_raw_command
from operations.commands.services.settling import take_next_command
from operations.models import Command
from tests import factories

Kind = Command.Kind


def ask(station, kind=Kind.CLEAR_CACHE, **options):
    return request_command(station=station, kind=kind, **options)


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN])
def test_operators_can_send_commands(station, user_with, role):
    user = user_with(role)
    assert ask(station, actor=user).requested_by == user


def test_viewers_and_strangers_cannot_send_commands(station, viewer, stranger):
    for actor in (viewer, stranger):
        with pytest.raises(NotAllowed):
            ask(station, actor=actor)
    assert not Command.objects.exists()


@pytest.mark.parametrize(
    ("kind", "parameters", "field"),
    [
        (Kind.RESET, {}, "payload"),
        (Kind.RESET, {"type": "Warm"}, "type"),
        (Kind.RESET, {"type": "Soft", "colour": "red"}, "colour"),
        (Kind.UNLOCK, {"connector": "1"}, "connector"),
        (Kind.REMOTE_START, {"id_tag": "T" * 21}, "id_tag"),
        (Kind.REMOTE_START, {"connector": 1}, "payload"),
        (Kind.REMOTE_STOP, {"session": None}, "payload"),
        (Kind.CHANGE_AVAILABILITY, {"connector": 1, "type": "Off"}, "type"),
        ("dance", {}, "kind"),
    ],
)
def test_a_wrong_parameter_is_reported_at_its_field(station, kind, parameters, field):
    with pytest.raises(DomainError) as error:
        ask(station, kind, parameters=parameters)
    assert field in error.value.fields
    assert not Command.objects.exists()


@pytest.mark.parametrize(
    ("action", "payload"),
    [("Heartbeat", {}), ("Nonsense", {}), ("ResetResponse", {}), ("Reset", {}), ("Reset", []), ("", {}),
     ("../Reset", {}), ("A" * 5000, {})],
)  # fmt: skip
def test_actions_that_we_cannot_send_are_refused(station, action, payload):
    for ask_raw in (
        lambda: request_raw_command(station=station, action=action, payload=payload),
        lambda: ask(station, Kind.RAW, parameters={"action": action, "payload": payload}),
    ):
        with pytest.raises(DomainError):
            ask_raw()


def test_raw_actions_become_the_matching_kind(station):
    for ask_raw in (
        lambda payload: request_raw_command(station=station, action="Reset", payload=payload),
        lambda payload: ask(station, Kind.RAW, parameters={"action": "Reset", "payload": payload}),
    ):
        command = ask_raw({"type": "Soft"})
        assert (command.kind, command.parameters, command.action) == (Kind.RESET, {"type": "Soft"}, "Reset")
    assert request_raw_command(station=station, action="GetLocalListVersion", payload={}).kind == Kind.RAW


@pytest.mark.parametrize("where", ["pool", "rejected"])
def test_a_station_that_is_not_accepted_can_only_be_set_up(station, where):
    """T20: also for raw OCPP actions."""
    if where == "pool":
        station.team, station.registration = None, "pending"
    else:
        station.registration = "rejected"
    assert ask(station, Kind.RESET, parameters={"type": "Soft"})
    with pytest.raises(DomainError):
        ask(station, Kind.REMOTE_START, parameters={"id_tag": "A"})
    with pytest.raises(DomainError):
        request_raw_command(station=station, action="RemoteStartTransaction", payload={"idTag": "A"})
    with pytest.raises(DomainError):
        ask(station, Kind.RAW, parameters={"action": "RemoteStartTransaction", "payload": {"idTag": "A"}})


@pytest.mark.parametrize("registration", ["new", "pending"])
def test_a_station_that_never_booted_accepts_commands(station, registration):
    station.registration = registration
    assert ask(station, Kind.UNLOCK, parameters={"connector": 1})
    factories.TagFactory(team=station.team, value="A")
    assert ask(station, Kind.REMOTE_START, parameters={"id_tag": "A"})


@pytest.mark.parametrize("registration", ["new", "pending"])
def test_a_boot_is_requested_once_until_answered(station, registration):
    ChargingStation.objects.filter(pk=station.pk).update(registration=registration)
    assert request_boot(station_id=station.pk) and not request_boot(station_id=station.pk)
    command = Command.objects.get()
    assert (command.kind, command.parameters) == (Kind.TRIGGER_MESSAGE, {"message": "BootNotification"})
    assert command.expires_at - command.requested_at <= timedelta(minutes=1, seconds=1)


@pytest.mark.parametrize("change", [{"registration": "accepted"}, {"registration": "rejected"}, {"team": None}])
def test_no_boot_is_requested_from_a_booted_or_unserved_station(station, change):
    ChargingStation.objects.filter(pk=station.pk).update(**({"registration": "new"} | change))
    assert not request_boot(station_id=station.pk) and not Command.objects.exists()


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (None, "No tag matches “card”."),
        ({"status": "blocked"}, "This tag is blocked."),
        ({"expires_at": timezone.now() - timedelta(minutes=1)}, "This tag has expired."),
        ({"at": "elsewhere"}, "This tag is not valid at this station."),
        ({"team": "other"}, "No tag matches “card”."),
    ],
)
def test_a_remote_start_with_an_invalid_tag_is_refused(station, fields, sentence):
    fields = dict(fields or {})
    place = fields.pop("at", "")
    if fields or place:
        team = factories.TeamFactory() if fields.pop("team", "") else station.team
        tag = factories.TagFactory(team=team, value="CARD", **fields)
        if place:
            Tag.objects.filter(pk=tag.pk).update(scope="selected")
            tag.stations.add(factories.StationFactory(team=team))
    for ask_start in (
        lambda: ask(station, Kind.REMOTE_START, parameters={"id_tag": "card"}),
        lambda: request_raw_command(station=station, action="RemoteStartTransaction", payload={"idTag": "card"}),
    ):
        with pytest.raises(DomainError) as refused:
            ask_start()
        assert (str(refused.value), refused.value.fields) == (sentence, {"id_tag": sentence})
    assert not Command.objects.exists()


@pytest.mark.parametrize("expires_in", [timedelta(0), timedelta(seconds=-1), timedelta(days=31)])
def test_an_invalid_waiting_time_is_refused(station, expires_in):
    with pytest.raises(DomainError):
        ask(station, expires_in=expires_in)


def test_a_password_is_sealed_until_it_is_sent_and_then_removed(station):
    """T5."""
    secret = "0123456789abcdef0123"
    ask(station, Kind.CHANGE_CONFIGURATION, parameters={"key": "AuthorizationKey", "value": secret})
    stored = Command.objects.get().parameters
    assert stored["value"] == "***" and secret not in str(stored)
    taken = take_next_command(station_id=station.pk, epoch=station.epoch)
    assert taken is not None and taken.parameters == {"key": "AuthorizationKey", "value": secret}
    assert Command.objects.get().parameters == {"key": "AuthorizationKey", "value": "***"}


@pytest.mark.parametrize(
    ("kind", "parameters", "field"),
    [
        ("remote_start", {"connector": 7, "id_tag": "{tag}"}, "connector"),
        ("remote_start", {"connector": 0, "id_tag": "{tag}"}, "connector"),
        ("unlock", {"connector": 7}, "connector"),
        ("change_availability", {"connector": 7, "type": "Operative"}, "connector"),
        ("trigger_message", {"message": "StatusNotification", "connector": 7}, "connector"),
        ("raw", {"action": "ReserveNow", "payload": {"connectorId": 7, "expiryDate": "2027-01-01T00:00:00Z",
                 "idTag": "A", "reservationId": 1}}, "payload"),
        ("raw", {"action": "UnlockConnector", "payload": {"connectorId": 7}}, "connector"),
    ],
)  # fmt: skip
def test_an_unknown_connector_is_refused(station, connector, tag, kind, parameters, field):
    if "id_tag" in parameters:
        parameters = parameters | {"id_tag": tag.value}
    with pytest.raises(DomainError, match="connector") as caught:
        request_command(station=station, kind=kind, parameters=parameters)
    assert set(caught.value.fields) == {field}


def test_commands_to_a_whole_station_need_no_known_connector(station, connector):
    assert request_command(
        station=station, kind="change_availability", parameters={"connector": 0, "type": "Operative"}
    )
    station.connectors.all().delete()
    assert request_command(station=station, kind="unlock", parameters={"connector": 3})
