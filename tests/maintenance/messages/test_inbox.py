"""The inbox: calls that cannot be applied, order, retries, and epochs within a batch (F23, rules 3 and 7)."""

import json
from dataclasses import replace
from types import SimpleNamespace

import pytest
from django.db import OperationalError
from django.utils import timezone

from chargers.models import ChargingStation, Connector, Oddity
from maintenance.messages.services.inbox import retry_failed
from maintenance.messages.services.log import LoggedCall, shard_of, store_calls
from maintenance.models import InboxEntry, Message, ProgressReport
from ocpp_gateway.codec import by_protocol
from ocpp_gateway.drain import drain, drain_all
from ocpp_gateway.frames import Call
from ocpp_gateway.link import direct
from tests import factories
from tests.ocpp_gateway.link import moment, start_payload

CODEC = by_protocol("1.6")


def answer(station, action, payload, codec=CODEC, **options):
    call = Call("id", action, payload)
    return direct.answer_call(station_id=station.pk, epoch=options.get("epoch", station.epoch), codec=codec, call=call)


def row(station, action, payload, **more):
    return LoggedCall(**{
        "station_id": station.pk, "epoch": station.epoch, "protocol": "1.6", "received_at": timezone.now(),
        "action": action, "message_id": "m", "payload": json.dumps(payload), "answer": "{}"} | more)  # fmt: skip


def status(value, connector=1):
    return {"connectorId": connector, "errorCode": "NoError", "status": value, "timestamp": moment()}


def failing_codec(error):
    """Return the codec of OCPP 1.6 with a handler that raises the error."""

    def handler(context, payload):
        Connector.objects.create(station=context.station, number=99)  # must be rolled back
        raise error

    names = ("fault_codes", "redact", "also_drained", "protocol")
    return SimpleNamespace(direct={"Authorize": handler}, **{name: getattr(CODEC, name) for name in names})


def test_a_failing_call_is_stored_and_answered_and_does_not_block(station):
    """F23, rule 7: the call is stored as an anomaly and answered with InternalError, and the next call is handled."""
    done = answer(station, "Authorize", {"idTag": "X"}, failing_codec(ValueError("no such thing")))
    assert done.fault is not None and CODEC.fault_codes[done.fault.kind] == "InternalError"
    oddity = Oddity.objects.get(station=station)
    assert (oddity.kind, oddity.action, json.loads(oddity.payload)) == ("poison", "Authorize", {"idTag": "X"})
    assert "no such thing" in oddity.note and not station.connectors.exists()
    assert Message.objects.get(station=station).error_code == "InternalError"
    assert answer(station, "Authorize", {"idTag": "X"}).fault is None


def test_a_failing_database_is_not_a_failing_call(station):
    """Rule 7: the call is not answered, so that the station sends it again."""
    with pytest.raises(OperationalError):
        answer(station, "Authorize", {"idTag": "X"}, failing_codec(OperationalError("server closed the connection")))
    assert not Oddity.objects.exists() and not Message.objects.exists()


def test_an_older_link_cannot_store_calls(station):
    """Rule 3."""
    station.epoch = 5
    station.save()
    for epoch in (4, 6):
        with pytest.raises(direct.Superseded):
            answer(station, "StartTransaction", start_payload(), epoch=epoch)
    assert not station.charging_sessions.exists() and not Message.objects.exists()


def test_a_batch_stores_only_what_comes_over_the_newest_links(station):
    """Rule 3, within one statement: order is preserved, and calls with errors are logged but not drained."""
    old = replace(row(station, "Heartbeat", {}), epoch=station.epoch - 1)
    good = [row(station, "Heartbeat", {}, message_id=str(number)) for number in range(50)]
    faulty = row(station, "", "x", error_code="FormationViolation", message_id="bad")
    stored = store_calls([old, *good, faulty])
    assert stored == {(station.pk, station.epoch)}
    ids = list(Message.objects.order_by("pk").values_list("message_id", flat=True))
    assert ids == [*map(str, range(50)), "bad"]
    assert InboxEntry.objects.count() == 50


def test_a_message_that_cannot_be_applied_is_set_aside_and_blocks_nobody(station):
    """It stays visible with its error, is retried on request, and later messages are applied in order."""
    neighbour = factories.StationFactory()
    store_calls([
        row(station, "StatusNotification", status("Charging")),
        row(station, "StatusNotification", {"connectorId": "no number"}, message_id="poison"),
        row(station, "StatusNotification", status("Finishing")),
        row(neighbour, "StatusNotification", status("Faulted")),
    ])  # fmt: skip
    drain_all()
    assert station.connectors.get().status == "Finishing" and neighbour.connectors.get().status == "Faulted"
    entry = InboxEntry.objects.get()
    assert entry.failed_at and "Error" in entry.error
    drain_all()  # the failed entry is not applied again
    Message.objects.filter(pk=entry.message_id).update(payload=json.dumps(status("Available", 3)))
    assert retry_failed(InboxEntry.objects.all()) == 1
    drain_all()
    assert not InboxEntry.objects.exists() and station.connectors.get(number=3).status == "Available"


def test_applying_twice_changes_nothing(station):
    """The same rows are applied again after a worker died."""
    transaction = json.loads(answer(station, "StartTransaction", start_payload()).answer)["transactionId"]
    reading = {"timestamp": moment(), "sampledValue": [{"value": "1500"}]}
    rows = [
        row(station, "MeterValues", {"connectorId": 1, "transactionId": transaction, "meterValue": [reading]}),
        row(station, "FirmwareStatusNotification", {"status": "Idle"}),
        row(station, "SecurityEventNotification", {"type": "T", "timestamp": moment()}),
        row(station, "StatusNotification", status("Charging")),
    ]
    store_calls(rows)
    entries = list(InboxEntry.objects.all())
    for _ in range(2):
        InboxEntry.objects.bulk_create(entries, ignore_conflicts=True)
        assert drain(shard_of(station.pk)) == len(rows)
    session = station.charging_sessions.get()
    assert (session.sample_count, session.readings.count(), session.energy_wh) == (1, 1, 500)
    assert ProgressReport.objects.count() == station.security_events.count() == 1


def test_statuses_of_one_batch_keep_their_order(station):
    store_calls([row(station, "StatusNotification", status(value)) for value in ("Preparing", "Charging", "Finishing")])
    drain_all()
    assert station.connectors.get().status == "Finishing"


@pytest.mark.django_db(transaction=True)  # foreign keys are checked at commit
def test_a_deleted_stations_messages_do_no_harm(station):
    gone = ChargingStation.objects.create(identity="gone")
    store_calls([row(gone, "StatusNotification", status("Charging")), row(station, "Heartbeat", {})])
    ChargingStation.objects.filter(pk=gone.pk).delete()
    drain_all()
    assert not InboxEntry.objects.filter(failed_at=None).exists()
    station.refresh_from_db()
    assert station.last_heard_at


def test_readings_that_came_before_an_end_nobody_knew_the_start_of_are_found(station):
    """B1, end to end: readings are drained before the stop arrives."""
    reading = {"timestamp": moment(600), "sampledValue": [{"value": "2000"}]}
    store_calls([row(station, "MeterValues", {"connectorId": 1, "transactionId": 4711, "meterValue": [reading]})])
    drain_all()
    assert not station.charging_sessions.exists()
    answer(station, "StopTransaction", {"transactionId": 4711, "meterStop": 5000, "timestamp": moment()})
    drain_all()
    session = station.charging_sessions.get()
    assert (session.meter_start_wh, session.energy_wh, session.sample_count) == (2000, 3000, 1)
    assert session.connector_number == 1


def test_a_station_cannot_make_endless_connectors(station):
    """The answer is the same, the message is in the log, and one anomaly records it."""
    store_calls([row(station, "StatusNotification", status("Charging", number)) for number in (1, 100, 101, 2**31 - 1)])
    drain_all()
    started = json.loads(answer(station, "StartTransaction", start_payload(connectorId=5000)).answer)
    assert station.connectors.count() == 2 and not InboxEntry.objects.exists()
    oddity = Oddity.objects.get()
    assert oddity.kind == "unknown_connector" and "numbers above 100" in oddity.note
    assert station.charging_sessions.get(pk=started["transactionId"]).connector_number == 5000


def test_a_batch_of_two_protocols_keeps_each_of_its_own(station):
    """A batch may mix OCPP versions: each row is applied by its own codec."""
    other = factories.StationFactory()
    store_calls([
        row(station, "Heartbeat", {}, protocol="1.6"),
        row(other, "Heartbeat", {}, protocol="2.0.1", deviations=("now: additionalProperties",)),
        row(station, "StatusNotification", status("Available"), protocol="1.6"),
        row(other, "NotifyEvent", {}, protocol="2.1"),
    ])  # fmt: skip
    entries = list(InboxEntry.objects.order_by("message_id").values_list("protocol", "station_id", "is_deviating"))
    assert entries == [("1.6", station.pk, False), ("2.0.1", other.pk, True), ("1.6", station.pk, False),
                    ("2.1", other.pk, False)]  # fmt: skip
    assert list(Message.objects.order_by("id").values_list("protocol", "is_deviating")) == [
        ("1.6", False), ("2.0.1", True), ("1.6", False), ("2.1", False)]  # fmt: skip
