"""Protocol violations are counted per station and rule, without the content of messages (B15)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from maintenance.connections.labels import rule_phrase
from maintenance.connections.services.deviations import MAX_RULES, ObservedDeviation, count_deviations
from maintenance.messages.services.log import store_calls
from maintenance.models import Deviation, Message
from maintenance.retention.services import purge_expired_rows
from ocpp_gateway.codec import by_protocol
from ocpp_gateway.frames import Fault, read_frame
from tests import factories
from tests.maintenance.messages.test_inbox import row

CODEC = by_protocol("1.6")
BROKEN = "PropertyConstraintViolation"


def deviating_call(station, what="status: enum", action="StatusNotification", code=BROKEN, **more):
    return row(station, action, {}, error_code=code, deviations=(what,) if what else (), **more)


def counted(station):
    return {(d.action, d.code, d.what): d.count for d in station.deviations.all()}


def rule(action, payload):
    """Return the single rule that a message breaks, whether it is processed or refused."""
    try:
        (found,) = CODEC.read(action, payload).rules
    except Fault as fault:
        return fault.rule
    return found


def test_a_batch_counts_each_rule_of_each_station_once(station):
    other = factories.StationFactory()
    store_calls(
        [
            deviating_call(station),
            deviating_call(station),
            deviating_call(station, "info: maxLength"),
            deviating_call(other),
        ]
    )
    store_calls([deviating_call(station)])
    assert counted(station) == {
        ("StatusNotification", BROKEN, "status: enum"): 3,
        ("StatusNotification", BROKEN, "info: maxLength"): 1,
    }
    assert counted(other) == {("StatusNotification", BROKEN, "status: enum"): 1}
    assert Message.objects.count() == 5


def test_it_knows_when_a_rule_was_broken_first_and_last(station):
    now = timezone.now()
    for minutes in (5, 9, 1):
        store_calls([deviating_call(station, received_at=now - timedelta(minutes=minutes))])
    deviation = station.deviations.get()
    assert (deviation.first_at, deviation.last_at) == (now - timedelta(minutes=5), now - timedelta(minutes=1))


def test_an_older_link_counts_nothing(station):
    store_calls([replace(deviating_call(station), epoch=station.epoch + 1), row(station, "Heartbeat", {})])
    assert not Deviation.objects.exists()


def test_what_was_tolerated_is_counted_and_applied_all_the_same(station):
    store_calls([row(station, "Heartbeat", {}, deviations=("reason: enum",))])
    assert counted(station) == {("Heartbeat", "", "reason: enum"): 1}
    assert Message.objects.get().error_code == ""


@pytest.mark.skipif(connection.vendor != "postgresql", reason="there the batch itself goes past Django")
def test_a_batch_without_deviations_asks_nothing_more(station, django_assert_num_queries):
    with django_assert_num_queries(0):
        store_calls([row(station, "Heartbeat", {}) for _n in range(20)])


@pytest.mark.skipif(connection.vendor != "postgresql", reason="elsewhere rows go one by one")
def test_many_deviations_cost_as_much_as_one(team, django_assert_max_num_queries):
    stations = factories.StationFactory.create_batch(10, team=team)
    with django_assert_max_num_queries(6):
        store_calls([deviating_call(station, f"field{n}: enum") for station in stations for n in range(10)])
    assert Deviation.objects.count() == 100


def test_a_hostile_station_cannot_fill_the_table(station):
    """Even if it invents many actions."""
    for start in range(3):
        store_calls([deviating_call(station, "unknown_action", f"Action{'abcd'[start] * n}") for n in range(1, 41)])
    assert station.deviations.count() == MAX_RULES + 1
    assert sum(counted(station).values()) == 120
    assert counted(station)["", "", ""] > 0


def test_only_words_of_a_stations_text_are_stored(station):
    now = timezone.now()
    count_deviations([ObservedDeviation(station.pk, "04A2C7B1", "NotImplemented", "unknown_action", now)])
    assert counted(station) == {("", "NotImplemented", "unknown_action"): 1}
    start = {"connectorId": 1, "idTag": "04A2C7B1", "meterStart": 0, "timestamp": "2026-01-01T00:00:00Z"}
    assert rule("StartTransaction", start | {"04A2C7B1": 1}) == "?: additionalProperties"
    both = {"?: additionalProperties", "customData: additionalProperties"}
    assert set(CODEC.read("StartTransaction", start | {"04A2C7B1": 1, "customData": 1}).rules) == both
    assert rule("StartTransaction", start | {"idTag": "04A2C7B1" * 9}) == "idTag: maxLength"
    assert rule("04A2C7B1", {}) == "unknown_action"


@pytest.mark.parametrize(
    ("action", "payload", "expected"),
    [
        ("StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": "Great"}, "status: enum"),
        ("StatusNotification", {"connectorId": 1, "status": "Available"}, "errorCode: required"),
        ("MeterValues", {"connectorId": -1, "meterValue": [{"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [
            {"value": "1"}]}]}, "connectorId: range"),
        ("MeterValues", {"connectorId": 1, "meterValue": [{"sampledValue": [{"value": "1"}]}]},
         "meterValue.timestamp: required"),
        ("MeterValues", {"connectorId": 1, "meterValue": [
            {"timestamp": "2026-01-01T00:00:00Z", "sampledValue": [{"value": "1"}, {"value": 7}]}]},
         "meterValue.sampledValue.value: type"),
        ("Reset", {"type": "Soft"}, "unsupported_action"),
    ],
)  # fmt: skip
def test_a_rule_names_the_field_without_its_place_in_a_list(action, payload, expected):
    assert rule(action, payload) == expected


def test_an_empty_optional_field_is_tolerated_and_named():
    payload = {"transactionId": 1, "meterStop": 1, "timestamp": "2026-01-01T00:00:00Z"}
    assert CODEC.read("StopTransaction", payload) is None
    assert CODEC.read("StopTransaction", payload | {"reason": ""}).rules == ("reason: enum",)


@pytest.mark.parametrize("text", ["hello", "[2]", '[2,"","X",{}]', '[2,"a",5,{}]', '[2,"a","X","04A2"]'])
def test_every_unreadable_message_has_a_rule_in_words(text):
    with pytest.raises(Fault) as caught:
        read_frame(text)
    assert rule_phrase(caught.value.rule, "OCPP 1.6") != caught.value.rule


def test_old_deviations_are_deleted(station):
    old = timezone.now() - timedelta(days=91)
    factories.DeviationFactory(station=station, last_at=old)
    kept = factories.DeviationFactory(station=station)
    purge_expired_rows()
    assert station.deviations.get() == kept
