"""What real stations send is read if it can be read: every kind of deviation in every action where it can occur (T24,
T36, T38, B1, B2, B15). Said over a real socket, read back through ORM and API."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from maintenance.models import CertificateRequest, Message, ProgressReport, SecurityEvent
from sessions.models import MeterReading
from tests import factories
from tests.ocpp_gateway.deviating import REMOVED, answered, api, changed, instant, one_session, rules, started, stopped
from tests.ocpp_gateway.link import moment, wh

pytestmark = pytest.mark.processes
LONG_TAG = "TAG-OF-A-LATER-VERSION-0123456789"
DEEP: dict[str, Any] = {"a": [{"b": {"c": [1, None, "x"]}}]}

# (what, changes to a StopTransaction that ends at 2,000 Wh, rule, what the session is like)
STOPS = [
    ("a long tag", {"idTag": "T" * 40}, "idTag: maxLength", {"stop_id_tag": "T" * 40}),
    ("a very long tag", {"idTag": "T" * 400}, "idTag: maxLength", {"stop_id_tag": "T" * 255}),
    ("a number as tag", {"idTag": 4711}, "idTag: type", {"stop_id_tag": "4711"}),
    ("null as tag", {"idTag": None}, "idTag: type", {"stop_id_tag": ""}),
    ("an object as tag", {"idTag": DEEP}, "idTag: type", {"stop_id_tag": ""}),
    ("an unknown reason", {"reason": "Sleepy"}, "reason: enum",
     {"stop_reason": "Other", "as_reported": {"stop_reason": "Sleepy"}}),
    ("a long unknown reason", {"reason": "S" * 300}, "reason: enum", {"stop_reason": "Other"}),
    ("a reason in another case", {"reason": "evdisconnected"}, "reason: enum",
     {"stop_reason": "EVDisconnected", "as_reported": {}}),
    ("an empty reason", {"reason": ""}, "reason: enum", {"stop_reason": "Local"}),
    ("a number as reason", {"reason": 3}, "reason: type", {"stop_reason": "Other"}),
    ("a field of its own", {"customData": DEEP}, "customData: additionalProperties", {}),
    ("a field without a name", {"": 1}, "?: additionalProperties", {}),
    ("meter as text", {"meterStop": "2000"}, "meterStop: type", {}),
    ("meter as text with zeros", {"meterStop": " 2000.00 "}, "meterStop: type", {}),
    ("half a Wh", {"meterStop": 1999.5}, "meterStop: fraction", {"as_reported": {"meter_stop": "1999.5"}}),
    ("less than half", {"meterStop": 2000.4999}, "meterStop: fraction", {"as_reported": {"meter_stop": "2000.4999"}}),
    ("a fraction as text", {"meterStop": "1999.51"}, "meterStop: fraction", {"as_reported": {"meter_stop": "1999.51"}}),
    ("meter and time as numbers and words", {"meterStop": "2000", "timestamp": 1767225600}, "timestamp: type",
     {"flags": ["time_missing"]}),
    ("no time", {"timestamp": REMOVED}, "timestamp: required", {"flags": ["time_missing"]}),
    ("null as time", {"timestamp": None}, "timestamp: type", {"flags": ["time_missing"]}),
    ("a time nobody can read", {"timestamp": "yesterday"}, "timestamp: format", {"flags": ["time_missing"]}),
    ("a month that is none", {"timestamp": "2026-13-01T00:00:00Z"}, "timestamp: format", {"flags": ["time_missing"]}),
    ("a year that cannot be", {"timestamp": "222222017-10-27T19:10:11Z"}, "timestamp: format",
     {"flags": ["time_missing"]}),
    ("values that are no list", {"transactionData": instant(wh(1900))}, "transactionData: type", {"sample_count": 1}),
    ("values that are nothing", {"transactionData": 5}, "transactionData: type", {"sample_count": 0}),
    ("one bad value among good ones", {"transactionData": [instant(wh(1900), {"value": None}, 7)]},
     "transactionData.sampledValue.value: type", {"sample_count": 3}),
    ("values of no list", {"transactionData": ["x"]}, "transactionData: type", {}),
    ("many at once", {"reason": "Sleepy", "meterStop": "2000", "extra": DEEP, "idTag": 5},
     "extra: additionalProperties", {"stop_reason": "Other", "stop_id_tag": "5"}),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "rule", "facts"), [case[1:] for case in STOPS], ids=[case[0] for case in STOPS])
def test_an_end_that_deviates_is_booked(system, link, station, changes, rule, facts):
    transaction = started(link)
    stopped(link, transaction, **changes)
    session = one_session(system, station)
    assert (session.pk, session.energy_wh, session.closed_by) == (transaction, 1000, "station")
    assert {name: getattr(session, name) for name in facts if name != "flags"} == {
        name: value for name, value in facts.items() if name != "flags"
    }
    assert set(facts.get("flags", [])) <= set(session.flags)
    assert f"StopTransaction {rule}" in rules(station)
    assert abs(session.stopped_at - datetime.now(UTC)) < timedelta(seconds=30)


@pytest.mark.parametrize(
    "number", [None, 0, -1, -7, 2**63 - 1, 2**63, 1e300, "unknown", "", [], {}, 1.5, REMOVED, "-1"]
)
def test_an_end_whose_id_is_no_id_ends_the_session_it_fits(system, link, station, number):
    """T29 and its relatives: matched by tag, meter and time."""
    transaction = started(link)
    link.start(connectorId=2, idTag="SOMEBODY", timestamp=moment(50))
    stopped(link, transaction, transactionId=number, idTag="goodtag")
    system.drained(station)
    session = station.charging_sessions.get(pk=transaction)
    assert (session.energy_wh, session.closed_by) == (1000, "station")
    assert station.charging_sessions.count() == 2


def test_an_id_as_text_is_the_id(system, link, station):
    transaction = started(link)
    stopped(link, transaction, transactionId=str(transaction))
    assert one_session(system, station).pk == transaction


@pytest.mark.parametrize("meter", [REMOVED, None, "full", {}, True, 1e300, "NaN"])
def test_an_end_without_a_meter_value_ends_with_the_last_reading(system, link, station, meter):
    transaction = started(link)
    link.meter(transaction, wh(1700), at=moment(20))
    stopped(link, transaction, meterStop=meter)
    session = one_session(system, station)
    assert (session.energy_wh, session.meter_stop_wh, "meter_missing" in session.flags) == (700, 1700, True)


def test_an_end_without_a_meter_value_gets_it_from_the_values_it_carries(system, link, station):
    transaction = started(link)
    stopped(link, transaction, meterStop=REMOVED, transactionData=[instant(wh(2500), timestamp=moment(1))])
    assert one_session(system, station).energy_wh == 1500


def test_an_end_that_deviates_is_booked_once(system, link, station):
    """B1: without its time it is known by the rest."""
    transaction = started(link)
    for _ in range(3):
        stopped(link, transaction, meterStop="2000", timestamp=REMOVED, reason="Sleepy")
    session = one_session(system, station)
    assert session.energy_wh == 1000 and "conflicting_stop" not in session.flags


# (what, changes to a StartTransaction at 1,000 Wh, rule, what the session is like)
STARTS = [
    ("a fraction of a Wh", {"meterStart": 999.5}, "meterStart: fraction", {"as_reported": {"meter_start": "999.5"}}),
    ("meter as text", {"meterStart": "1000"}, "meterStart: type", {}),
    ("connector as text", {"connectorId": "1"}, "connectorId: type", {"connector_number": 1}),
    ("connector -1", {"connectorId": -1}, "connectorId: range", {"connector_number": 0}),
    ("a huge connector", {"connectorId": 2**40}, "connectorId: range", {"connector_number": 0}),
    ("a huge reservation", {"reservationId": 10**30}, "reservationId: range", {}),
    ("null as reservation", {"reservationId": None}, "reservationId: type", {}),
    ("a field of its own", {"vendor": DEEP}, "vendor: additionalProperties", {}),
    ("no time", {"timestamp": REMOVED}, "timestamp: required", {"flags": ["time_missing"]}),
    ("a day without a time", {"timestamp": "2026-01-01"}, "timestamp: format", {"flags": ["time_missing"]}),
    ("a number as time", {"timestamp": 1767225600000}, "timestamp: type", {"flags": ["time_missing"]}),
]  # fmt: skip


@pytest.mark.parametrize(("changes", "rule", "facts"), [case[1:] for case in STARTS], ids=[case[0] for case in STARTS])
def test_a_start_that_deviates_is_booked_once(system, link, station, changes, rule, facts):
    """T25 holds for it as well."""
    transaction = started(link, **changes)
    if changes.get("timestamp") is not REMOVED and "timestamp" not in changes:
        same = link.exchange([2, "again", "StartTransaction", changed(last_start(station), {})])
        assert same[2]["transactionId"] == transaction
    stopped(link, transaction)
    session = one_session(system, station)
    assert (session.energy_wh, session.meter_start_wh, session.is_billable) == (1000, 1000, True)
    assert {name: getattr(session, name) for name in facts if name != "flags"} == {
        name: value for name, value in facts.items() if name != "flags"
    }
    assert set(facts.get("flags", [])) <= set(session.flags)
    assert f"StartTransaction {rule}" in rules(station)


def last_start(station):
    return json.loads(Message.objects.filter(station=station, action="StartTransaction").latest("pk").payload)


@pytest.mark.parametrize("meter", [REMOVED, None, "empty", [], 10**30])
def test_a_start_without_a_meter_value_begins_with_the_first_reading(system, link, station, meter):
    transaction = started(link, meterStart=meter)
    link.meter(transaction, wh(1200), at=moment(40))
    link.meter(transaction, wh(1600), at=moment(20))
    stopped(link, transaction)
    session = one_session(system, station)
    assert (session.energy_wh, session.meter_start_wh, "meter_missing" in session.flags) == (800, 1200, True)


@pytest.mark.parametrize("tag", ["T" * 21, LONG_TAG, "GOODTAG" * 60, "GOODTAG\x00", "GOOD\ud800TAG", 4711])
def test_a_session_under_a_tag_that_cannot_be_is_kept_and_not_billed(system, link, station, tag):
    """B2: also where the team has a tag that long, for stations of a later version."""
    if tag == LONG_TAG:
        factories.TagFactory(team=system.team, value=LONG_TAG)
    text = json.dumps([2, "odd-tag", "StartTransaction",
                       {"connectorId": 1, "idTag": tag, "meterStart": 1000, "timestamp": moment(9)}])  # fmt: skip
    answer = link.exchange(text)[2]
    assert answer["idTagInfo"]["status"] == "Invalid"
    stopped(link, answer["transactionId"])
    session = one_session(system, station)
    assert (session.energy_wh, session.is_billable, session.authorization) == (1000, False, "Invalid")
    assert session.id_tag == str(tag).replace("\x00", "\ufffd").replace("\ud800", "\ufffd")[:255]


@pytest.mark.parametrize("tag", ["T" * 21, "GOODTAG" + " " * 20, "A\x00B", 4711])
def test_a_tag_that_cannot_be_is_invalid(system, link, station, tag):
    assert answered(link, "Authorize", {"idTag": tag, "extra": 1})["idTagInfo"]["status"] == "Invalid"
    assert "Authorize extra: additionalProperties" in rules(station)


# --- meter values --------------------------------------------------------------------------------------------------

# (what, one instant of a MeterValues beside which the register is 1,500 Wh, rule)
INSTANTS = [
    ("a number as value", instant(wh(0) | {"value": 1500}), "meterValue.sampledValue.value: type"),
    ("a fraction as value", instant(wh(0) | {"value": 1499.5}), "meterValue.sampledValue.value: type"),
    ("a fraction as text", instant(wh("1499.5")), None),
    ("an unknown context", instant(wh(1500, context="Sample.Often")), "meterValue.sampledValue.context: enum"),
    ("an unknown format", instant(wh(1500, format="Cooked")), "meterValue.sampledValue.format: enum"),
    ("an unknown location", instant(wh(1500, location="Roof")), "meterValue.sampledValue.location: enum"),
    ("a unit in another case", instant(wh(1.5, unit="KWH")), "meterValue.sampledValue.unit: enum"),
    ("a measurand in another case", instant(wh(1500, measurand="energy.active.import.register")),
     "meterValue.sampledValue.measurand: enum"),
    ("an unknown unit beside it", instant(wh(9, unit="furlong"), wh(1500)), "meterValue.sampledValue.unit: enum"),
    ("an unknown measurand beside it", instant(wh(9000, measurand="Energy.Magic"), wh(1500)),
     "meterValue.sampledValue.measurand: enum"),
    ("an unknown phase beside it", instant(wh(9000, phase="L9"), wh(1500)), "meterValue.sampledValue.phase: enum"),
    ("a value that is none beside it", instant(wh("much"), wh(1500, context="Sample.Clock")), None),
    ("a value that is missing beside it", instant({"unit": "Wh"}, wh(1500)), "meterValue.sampledValue.value: required"),
    ("a word for a sample beside it", instant("1500000", wh(1500)), "meterValue.sampledValue: type"),
    ("a field of its own", instant(wh(1500) | {"colour": DEEP}),
     "meterValue.sampledValue.colour: additionalProperties"),
    ("null for what is absent", instant(wh(1500) | {"phase": None, "location": None}),
     "meterValue.sampledValue.phase: type"),
    ("empty words", instant(wh(1500) | {"phase": "", "context": ""}), "meterValue.sampledValue.phase: enum"),
    ("no time", instant(wh(1500), timestamp=REMOVED), "meterValue.timestamp: required"),
    ("a time that is none", instant(wh(1500), timestamp="noon"), "meterValue.timestamp: format"),
    ("a sample that is no list", instant(sampledValue=wh(1500)), "meterValue.sampledValue: type"),
    ("an extra beside the time", instant(wh(1500), note=DEEP), "meterValue.note: additionalProperties"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "rule"), [case[1:] for case in INSTANTS], ids=[case[0] for case in INSTANTS])
def test_a_reading_that_deviates_counts_as_far_as_it_can_be_read(system, link, station, said, rule):
    transaction = started(link)
    payload = {"connectorId": 1, "transactionId": transaction, "meterValue": [said]}
    assert answered(link, "MeterValues", payload) == {}
    session = one_session(system, station)
    assert (session.energy_wh, session.sample_count) == (500, len(as_list(said["sampledValue"])))
    if rule is not None:
        assert f"MeterValues {rule}" in rules(station)
    kept = session.readings.get().values
    assert len(kept) == session.sample_count, "the bad one is kept beside the good ones"


def as_list(value):
    return value if isinstance(value, list) else [value]


@pytest.mark.parametrize("unit", ["furlong", "J", "kWh/h", "W"])
def test_a_register_in_an_unknown_unit_is_shown_and_never_counted(system, link, station, unit):
    """B3."""
    transaction = started(link)
    answered(link, "MeterValues", {"connectorId": 1, "transactionId": transaction, "meterValue": [
        instant(wh(999_999, unit=unit))]})  # fmt: skip
    session = one_session(system, station)
    assert (session.energy_wh, session.sample_count) == (0, 1)
    shown = api(system).get(f"/api/v1/samples/?session={session.pk}").json()["results"]
    assert shown[0]["values"][0]["unit"] == unit and shown[0]["energy_wh"] is None


@pytest.mark.parametrize("number", [None, 0, -1, -5, 2**63 - 1, "what", 1e300])
def test_readings_whose_id_is_no_id_find_the_session_by_connector_and_time(system, link, station, number):
    transaction = started(link)
    payload = {"connectorId": 1, "transactionId": number, "meterValue": [instant(wh(1500))]}
    answered(link, "MeterValues", payload)
    session = one_session(system, station)
    assert (session.pk, session.energy_wh) == (transaction, 500)


def test_readings_without_a_connector_are_those_of_the_session_they_name(system, link, station):
    transaction = started(link)
    answered(link, "MeterValues", {"transactionId": transaction, "meterValue": instant(wh(1500))})
    assert one_session(system, station).energy_wh == 500
    assert {"MeterValues connectorId: required", "MeterValues meterValue: type"} <= rules(station)


def test_one_rounding_rule_for_start_samples_and_end(system, link, station):
    """Half up, in Wh; the exact values are kept."""
    transaction = started(link, meterStart=1000.5)
    answered(link, "MeterValues", {"connectorId": 1, "transactionId": transaction, "meterValue": [
        instant(wh(0) | {"value": 1500.5})]})  # fmt: skip
    system.drained(station)
    assert station.charging_sessions.get().energy_wh == 500
    stopped(link, transaction, meterStop="2000.5")
    session = one_session(system, station)
    assert (session.meter_start_wh, session.meter_stop_wh, session.energy_wh) == (1001, 2001, 1000)
    assert session.as_reported == {"meter_start": "1000.5", "meter_stop": "2000.5"}
    assert session.readings.get().values[0]["value"] == "1500.5"


# --- statuses and the rest -----------------------------------------------------------------------------------------

# (what, changes to a status, rule, what the connector is like)
STATUSES = [
    ("an unknown status", {"status": "Dancing"}, "status: enum",
     {"status": "", "as_reported": {"status": "Dancing"}}),
    ("a status in another case", {"status": "AVAILABLE"}, "status: enum", {"status": "Available"}),
    ("a status with blanks", {"status": " Suspended EV "}, "status: enum", {"status": "SuspendedEV"}),
    ("a status of OCPP 1.5", {"status": "Occupied"}, "status: enum",
     {"status": "Preparing", "as_reported": {"status": "Occupied"}}),
    ("a number as status", {"status": 3}, "status: type", {"status": "", "as_reported": {"status": "3"}}),
    ("an unknown error", {"errorCode": "Gremlins", "status": "Faulted"}, "errorCode: enum",
     {"error_code": "OtherError", "as_reported": {"error_code": "Gremlins"}}),
    ("a long unknown error", {"errorCode": "G" * 500, "status": "Faulted"}, "errorCode: enum",
     {"error_code": "OtherError"}),
    ("no error code", {"errorCode": REMOVED}, "errorCode: required", {"error_code": ""}),
    ("an error in another case", {"errorCode": "noerror"}, "errorCode: enum", {"error_code": ""}),
    ("a long info", {"info": "i" * 200}, "info: maxLength", {"info": "i" * 200}),
    ("a longer info", {"info": "i" * 999}, "info: maxLength", {"info": "i" * 255}),
    ("an info of numbers", {"info": 17.25}, "info: type", {"info": "17.25"}),
    ("a long vendor code", {"vendorErrorCode": "7" * 80, "vendorId": "v" * 999}, "vendorErrorCode: maxLength",
     {"vendor_error_code": "7" * 80}),
    ("connector as text", {"connectorId": "1"}, "connectorId: type", {"status": "Charging"}),
    ("a time that is none", {"timestamp": "now"}, "timestamp: format", {"status": "Charging"}),
    ("a field of its own", {"vendorInfo": DEEP}, "vendorInfo: additionalProperties", {"status": "Charging"}),
]  # fmt: skip


@pytest.mark.parametrize(
    ("changes", "rule", "facts"), [case[1:] for case in STATUSES], ids=[case[0] for case in STATUSES]
)
def test_a_status_that_deviates_is_taken_as_far_as_it_can_be_read(system, link, station, changes, rule, facts):
    payload = {"connectorId": 1, "errorCode": "NoError", "status": "Charging", "timestamp": moment()}
    assert answered(link, "StatusNotification", changed(payload, changes)) == {}
    system.drained(station)
    connector = station.connectors.get(number=1)
    assert {name: getattr(connector, name) for name in facts} == facts
    assert f"StatusNotification {rule}" in rules(station)
    row = next(each for each in api(system).get("/api/v1/connectors/").json()["results"]
               if each["station"] == station.identity)  # fmt: skip
    assert (row["status"], row["as_reported"]) == (connector.status, connector.as_reported)


BOOTS = [
    ({"chargePointVendor": "v" * 40, "chargePointModel": "m" * 300}, "chargePointModel: maxLength"),
    ({"chargePointVendor": 5, "chargePointModel": None}, "chargePointVendor: type"),
    ({}, "chargePointVendor: required"),
    ({"chargePointVendor": "v", "chargePointModel": "m", "iccid": "8" * 99, "nested": DEEP}, "iccid: maxLength"),
    ({"chargePointVendor": "v\x00", "chargePointModel": "m"}, "payload: characters"),
]


@pytest.mark.parametrize(("payload", "rule"), BOOTS)
def test_a_boot_that_deviates_is_accepted(system, link, station, payload, rule):
    assert answered(link, "BootNotification", payload)["status"] == "Accepted"
    station.refresh_from_db()
    assert station.vendor == str(payload.get("chargePointVendor", "")).replace("\x00", "\ufffd")
    assert station.model == (payload.get("chargePointModel") or "")[:255]
    assert f"BootNotification {rule}" in rules(station)


OTHERS = [
    ("Heartbeat", {"now": DEEP}, "now: additionalProperties"),
    ("DataTransfer", {"vendorId": "v" * 999, "data": DEEP}, "data: type"),
    ("DataTransfer", {}, "vendorId: required"),
    ("FirmwareStatusNotification", {"status": "Half way"}, "status: enum"),
    ("FirmwareStatusNotification", {"status": 50}, "status: type"),
    ("DiagnosticsStatusNotification", {"status": "uploading", "percent": 5}, "percent: additionalProperties"),
    ("LogStatusNotification", {"status": "Packing", "requestId": "7"}, "requestId: type"),
    ("SignedFirmwareStatusNotification", {"status": "Installed", "requestId": "none"}, "requestId: type"),
    ("SecurityEventNotification", {"type": "T" * 80, "timestamp": "?"}, "timestamp: format"),
    ("SecurityEventNotification", {"type": "T", "timestamp": moment(), "techInfo": "x" * 2000}, "techInfo: maxLength"),
    ("SignCertificate", {"csr": "c" * 9000, "certificateType": "Own"}, "csr: maxLength"),
]


@pytest.mark.parametrize(("action", "payload", "rule"), OTHERS)
def test_any_other_message_that_deviates_is_answered_and_kept(system, link, station, action, payload, rule):
    answered(link, action, payload)
    system.drained(station)
    assert f"{action} {rule}" in rules(station)
    row = Message.objects.get(station=station, action=action)
    assert json.loads(row.payload) == payload and row.is_deviating and not row.error_code
    counted = api(system).get(f"/api/v1/deviations/?station={station.identity}").json()["results"]
    assert rule in {each["what"] if "what" in each else each["rule"] for each in counted}


def test_words_of_jobs_and_events_are_kept(system, link, station):
    answered(link, "FirmwareStatusNotification", {"status": "Half way"})
    answered(link, "DiagnosticsStatusNotification", {"status": "UPLOADING"})
    answered(link, "SecurityEventNotification", {"type": "T" * 80, "timestamp": "?", "techInfo": "x" * 2000})
    answered(link, "SignCertificate", {"csr": "c" * 9000})
    system.drained(station)
    reports = ProgressReport.objects.filter(station=station).order_by("pk")
    assert list(reports.values_list("status", flat=True)) == ["Half way", "Uploading"]
    event = SecurityEvent.objects.get(station=station)
    assert (event.type, event.tech_info) == ("T" * 80, "x" * 1000)
    assert CertificateRequest.objects.get(station=station).csr == "c" * 9000


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ('{"status":"Available","connectorId":1,"errorCode":"NoError","info":"a\\u0000b"}', "payload: characters"),
        ('{"status":"Available","connectorId":1,"errorCode":"NoError","info":"a\x07b\tc"}', "payload: characters"),
        ('{"status":"Available","connectorId":1,"errorCode":"NoError","info":"a\\ud800b"}', "payload: characters"),
        ('{"status":"Available","connectorId":1,"errorCode":"NoError","info":NaN}', "payload: range"),
        ('{"status":"Available","connectorId":1,"errorCode":"NoError","x\\u0000":-Infinity}', "payload: range"),
        ('{"status":"Available","connectorId":1,"errorCode":"NoError","x":1e999}', "payload: range"),
        ('{"status":"Available","connectorId":1,"errorCode":"NoError","x":' + "9" * 400 + "}", "payload: range"),
    ],
)
def test_what_the_database_cannot_store_is_replaced_and_never_refused(system, link, station, text, rule):
    assert link.exchange(f'[2,"odd","StatusNotification",{text}]') == [3, "odd", {}]
    system.drained(station)
    assert station.connectors.get().status == "Available"
    assert f"StatusNotification {rule}" in rules(station)
    assert "\x00" not in Message.objects.get(station=station).payload


def test_a_null_payload_is_an_empty_one_and_counted(system, link, station):
    assert "currentTime" in answered(link, "Heartbeat", None)
    system.drained(station)
    assert rules(station) == {"Heartbeat payload: type"}


def test_a_message_that_fits_its_schema_counts_nothing(system, link, station):
    transaction = link.start()
    link.meter(transaction, wh(1500))
    link.call("StatusNotification", connectorId=1, errorCode="NoError", status="Charging", timestamp=moment())
    link.stop(transaction, transactionData=[instant(wh(1800))])
    system.drained(station)
    assert not station.deviations.exists()
    assert not Message.objects.filter(station=station, is_deviating=True).exists()


def test_each_rule_of_a_message_is_counted_each_time(system, link, station):
    """B15."""
    for _ in range(3):
        answered(link, "StatusNotification", {"connectorId": "1", "status": "Dancing", "errorCode": 5, "extra": 1})
    system.drained(station)
    assert {(row.what, row.count) for row in station.deviations.all()} == {
        ("connectorId: type", 3), ("status: enum", 3), ("errorCode: type", 3), ("errorCode: enum", 3),
        ("extra: additionalProperties", 3)}  # fmt: skip


def test_readings_without_times_stay_apart(system, link, station):
    transaction = started(link)
    answered(link, "MeterValues", {"connectorId": 1, "transactionId": transaction, "meterValue": [
        {"sampledValue": [wh(1100)]}, {"sampledValue": [wh(1200)]}]})  # fmt: skip
    assert one_session(system, station).energy_wh == 200
    assert MeterReading.objects.filter(session=transaction).count() == 2
