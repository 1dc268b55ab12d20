"""Commands by API and by script: checked on request, with an optional wait for the result."""

import json
import threading
import time

import pytest
from django.db import connection

from chargers.models import ChargingStation
from ocpp_gateway.v16.commands import COMMANDS_V16
from operations.commands.services import settling
from operations.models import Command
from tests import factories


@pytest.fixture
def ask(api, station):
    def post(user, body, **query):
        path = f"/api/v1/stations/{station.identity}/commands/"
        return api(user).post(f"{path}?{'&'.join(f'{k}={v}' for k, v in query.items())}", body, format="json")

    return post


needs_a_file_or_server = pytest.mark.skipif(
    connection.vendor == "sqlite", reason="SQLite in memory locks whole tables between threads, unlike its files"
)


class Gateway(threading.Thread):
    """A stand-in for the gateway that takes a command and settles it, on a database connection of its own."""

    def __init__(self, station, settle) -> None:
        super().__init__(daemon=True)
        self.station, self.settle = station, settle

    def run(self):
        try:
            end = time.monotonic() + 10
            while time.monotonic() < end:
                command = settling.take_next_command(station_id=self.station.pk, epoch=self.station.epoch)
                if command is not None:
                    self.settle(station_id=self.station.pk, message_id=command.message_id)
                    return
                time.sleep(0.02)
        finally:
            connection.close()


def answers(payload):
    outcome = COMMANDS_V16.outcome(payload)
    return lambda **names: settling.settle_answer(answer=payload, outcome=outcome, **names)


def errors(code, description):
    return lambda **names: settling.settle_error(code=code, description=description, **names)


def test_an_operator_sends_a_raw_action(ask, operator):
    answer = ask(operator, {"action": "Reset", "payload": {"type": "Soft"}})
    assert answer.status_code == 201
    command = Command.objects.get()
    assert (command.kind, command.parameters, command.requested_by) == ("reset", {"type": "Soft"}, operator)
    assert answer["Location"].endswith(f"/api/v1/commands/{command.pk}/")
    assert answer.json()["state"] == "requested"
    assert not answer.json()["is_settled"]


def test_an_operator_sends_a_kind_of_command(ask, operator):
    answer = ask(operator, {"kind": "unlock", "parameters": {"connector": 1}, "expires_in": 3600})
    assert answer.status_code == 201
    assert answer.json()["action"] == "UnlockConnector"
    command = Command.objects.get()
    assert (command.expires_at - command.requested_at).total_seconds() == pytest.approx(3600, abs=1)


def test_a_viewer_may_list_but_not_send_commands(ask, api, viewer, station):
    answer = ask(viewer, {"kind": "clear_cache"})
    assert answer.status_code == 403
    assert answer.json()["detail"]
    assert not Command.objects.exists()
    assert api(viewer).get(f"/api/v1/stations/{station.identity}/commands/").status_code == 200


def test_a_stranger_gets_404_for_the_station(ask, api, stranger, station):
    assert ask(stranger, {"kind": "clear_cache"}).status_code == 404
    assert api(stranger).get(f"/api/v1/stations/{station.identity}/commands/").status_code == 404
    assert not Command.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "action"),
        ({"action": "Reset", "kind": "reset"}, "action"),
        ({"action": "Nonsense"}, "action"),
        ({"action": "BootNotification"}, "action"),
        ({"action": "Reset", "payload": {"type": "Medium"}}, "type"),
        ({"action": "Reset", "payload": "Soft"}, "payload"),
        ({"kind": "nonsense"}, "kind"),
        ({"kind": "unlock", "parameters": {"connector": "one"}}, "connector"),
        ({"kind": "unlock", "parameters": []}, "parameters"),
        ({"kind": "clear_cache", "expires_in": 0}, "expires_in"),
        ({"kind": "clear_cache", "expires_in": 1e12}, "expires_in"),
        ({"kind": "clear_cache", "expires_in": "soon"}, "expires_in"),
    ],
)
def test_a_wrong_command_is_refused_at_its_field(ask, operator, body, field):
    answer = ask(operator, body)
    assert answer.status_code == 400
    assert field in [error["field"] for error in answer.json()["errors"]]
    assert not Command.objects.exists()


@pytest.mark.parametrize("wait", ["-1", "61", "x", "nan", "inf"])
def test_a_wait_out_of_range_is_refused(ask, operator, wait):
    answer = ask(operator, {"kind": "clear_cache"}, wait=wait)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["wait"]
    assert not Command.objects.exists()


def test_a_rejected_station_is_not_asked_to_charge(ask, operator, station):
    ChargingStation.objects.update(registration="rejected")
    answer = ask(operator, {"kind": "remote_start", "parameters": {"id_tag": "T"}})
    assert answer.status_code == 400
    assert "accepted" in answer.json()["detail"]


def test_a_tag_that_may_not_charge_there_is_refused_beside_its_field(ask, operator, manage, station):
    factories.TagFactory(team=station.team, value="LOST", status="blocked")
    for body in (
        {"kind": "remote_start", "parameters": {"id_tag": "LOST", "connector": 1}},
        {"action": "RemoteStartTransaction", "payload": {"idTag": "lost"}},
    ):
        answer = ask(operator, body)
        assert answer.status_code == 400
        assert [(error["field"].rpartition(".")[2], error["message"]) for error in answer.json()["errors"]] == [
            ("id_tag", "This tag is blocked.")
        ]
    outcome = manage("send_command", station.identity, "RemoteStartTransaction", '{"idTag": "LOST"}', "--json")
    assert (outcome.code, outcome.error) == (1, "This tag is blocked.")
    assert not Command.objects.exists()


def test_a_secret_of_a_configuration_is_not_shown(ask, api, administrator, operator, viewer):
    values = {"kind": "change_configuration", "parameters": {"key": "AuthorizationKey", "value": "s3cr3t"}}
    assert ask(operator, values).status_code == 403
    answer = ask(administrator, values)
    assert answer.status_code == 201
    assert b"s3cr3t" not in answer.content
    assert b"s3cr3t" not in api(viewer).get("/api/v1/commands/").content


def test_waiting_ends_after_the_requested_time(ask, operator):
    begin = time.monotonic()
    assert ask(operator, {"kind": "clear_cache"}, wait="0.3").json()["state"] == "requested"
    assert 0.3 <= time.monotonic() - begin < 3


@needs_a_file_or_server
@pytest.mark.django_db(transaction=True)
def test_waiting_returns_the_stations_answer(ask, operator, station):
    gateway = Gateway(station, answers({"status": "Accepted"}))
    gateway.start()
    answer = ask(operator, {"kind": "clear_cache"}, wait=10).json()
    gateway.join(10)
    assert (answer["state"], answer["answer"], answer["is_settled"]) == ("accepted", {"status": "Accepted"}, True)


@needs_a_file_or_server
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("settle", "code", "state"),
    [
        (answers({"status": "Accepted"}), 0, "accepted"),
        (answers({"status": "Rejected"}), 0, "refused"),
        (errors("NotSupported", "no such thing"), 1, "failed"),
    ],
)
def test_a_script_waits_for_the_answer(manage, station, settle, code, state):
    gateway = Gateway(station, settle)
    gateway.start()
    outcome = manage("send_command", station.identity, "Reset", '{"type": "Soft"}', "--wait", "10", "--json")
    gateway.join(10)
    assert (outcome.code, outcome.json["state"]) == (code, state)
    if state == "failed":
        assert (outcome.json["error_code"], outcome.json["error_description"]) == ("NotSupported", "no such thing")


def test_a_script_that_waits_in_vain_fails(manage, station):
    outcome = manage("send_command", station.identity, "ClearCache", "--wait", "0.1")
    assert outcome.code == 1
    assert "no answer" in outcome.out
    without = manage("send_command", station.identity, "ClearCache", "--json")
    assert (without.code, without.json["state"], without.json["answer"]) == (0, "requested", None)


@pytest.mark.parametrize(
    "words",
    [
        ["none", "Reset", "{}"],
        ["{station}", "Nonsense", "{}"],
        ["{station}", "Reset", "{"],
        ["{station}", "Reset", "[1]"],
        ["{station}", "Reset", "[" * 100_000],
        ["{station}", "Reset", '{"type": "Medium"}'],
        ["{station}", "DataTransfer", json.dumps({"vendorId": "a\0b"})],
        ["{station}", "DataTransfer", '{"vendorId": "\\ud800"}'],
        ["{station}", "ClearCache", "--expires", "0"],
        ["{station}", "ClearCache", "--expires", "1e300"],
        ["{station}", "ClearCache", "--expires", "nan"],
    ],
)
def test_a_script_gets_a_sentence_for_what_is_wrong(manage, station, words):
    outcome = manage("send_command", *(word.replace("{station}", station.identity) for word in words), "--json")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.error
    assert not Command.objects.exists()


def test_the_list_of_one_station_has_its_commands_only(api, operator, station):
    command = factories.CommandFactory(station=station)
    factories.CommandFactory(station=factories.StationFactory(team=station.team))
    listed = api(operator).get(f"/api/v1/stations/{station.identity}/commands/").json()["results"]
    assert [row["id"] for row in listed] == [command.pk]
