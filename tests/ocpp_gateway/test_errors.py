"""Every parseable CALL gets exactly one answer with its id and the right code, and the link survives (T13-T17)."""

import json
import random
import time
from typing import Any

import pytest
from websockets.protocol import State

from maintenance.models import Message
from tests.ocpp_gateway.link import Link, moment, start_payload, wh
from tests.ocpp_gateway.running_system import PASSWORD, until

pytestmark = pytest.mark.processes


def status(**more):
    return {"connectorId": 1, "errorCode": "NoError", "status": "Available"} | more


def start(**more):
    return start_payload(meterStart=1) | more


def without(name):
    return {field: value for field, value in start().items() if field != name}


def meter(**value):
    return {"connectorId": 1, "meterValue": [{"timestamp": moment(), "sampledValue": [{"value": "1"} | value]}]}


# (what, frame, id in the answer, code); spelling as in OCPP-J 1.6, table 7 (T15)
UNREADABLE = [
    ("no JSON", "hello", "-1", "FormationViolation"),
    ("empty text", "", "-1", "FormationViolation"),
    ("a blank", " ", "-1", "FormationViolation"),
    ("cut off", '[2,"cut","Heartbeat",{', "cut", "FormationViolation"),
    ("too much", '[2,"more","Heartbeat",{}]]', "more", "FormationViolation"),
    ("single quotes", "[2,'q','Heartbeat',{}]", "-1", "FormationViolation"),
    ("trailing comma", '[2,"comma","Heartbeat",{},]', "comma", "FormationViolation"),
    ("an object", '{"a":1}', "-1", "FormationViolation"),
    ("a number", "5", "-1", "FormationViolation"),
    ("null", "null", "-1", "FormationViolation"),
    ("an empty array", "[]", "-1", "FormationViolation"),
    ("deep arrays", "[" * 3000, "-1", "FormationViolation"),
    ("deep arrays, closed", "[" * 3000 + "]" * 3000, "-1", "FormationViolation"),
    ("deep payload", '[2,"deep","Heartbeat",' + '{"a":' * 3000 + "1" + "}" * 3000 + "]", "deep", "FormationViolation"),
    ("deepish payload", '[2,"deepish","Heartbeat",' + '{"a":' * 500 + "1" + "}" * 500 + "]", "deepish",
     "FormationViolation"),
]  # fmt: skip
NO_CALL = [
    ("no id", [2], "-1", "FormationViolation"),
    ("id is a number", [2, 7, "Heartbeat", {}], "-1", "FormationViolation"),
    ("id is null", [2, None, "Heartbeat", {}], "-1", "FormationViolation"),
    ("id is empty", [2, "", "Heartbeat", {}], "-1", "FormationViolation"),
    ("id of 37 characters", [2, "i" * 37, "Heartbeat", {}], "i" * 37, "FormationViolation"),
    ("no action", [2, "a"], "a", "FormationViolation"),
    ("no payload", [2, "b", "Heartbeat"], "b", "FormationViolation"),
    ("too many elements", [2, "c", "Heartbeat", {}, {}], "c", "FormationViolation"),
    ("action is a number", [2, "d", 5, {}], "d", "FormationViolation"),
    ("action is empty", [2, "e", "", {}], "e", "FormationViolation"),
    ("payload is an array", [2, "f", "Heartbeat", []], "f", "FormationViolation"),
    ("payload is a string", [2, "g", "Heartbeat", "{}"], "g", "FormationViolation"),
]
UNKNOWN = [
    ("unknown action", [2, "1", "Nonsense", {}], "1", "NotImplemented"),
    ("action in other case", [2, "1", "heartbeat", {}], "1", "NotImplemented"),
    ("an answer as action", [2, "1", "HeartbeatResponse", {}], "1", "NotImplemented"),
    ("a path as action", [2, "1", "../../Reset", {}], "1", "NotImplemented"),
    ("a very long action", [2, "1", "A" * 5000, {}], "1", "NotImplemented"),
    ("an action of 2.0.1", [2, "1", "TransactionEvent", {}], "1", "NotImplemented"),
    ("one of ours", [2, "1", "Reset", {"type": "Soft"}], "1", "NotSupported"),
    ("one of ours, not core", [2, "1", "ReserveNow", {}], "1", "NotSupported"),
    ("NUL as action", '[2,"nul3","\\u0000",{}]', "nul3", "NotImplemented"),
    ("half a surrogate pair as action", '[2,"sur2","\\udfff",{}]', "sur2", "NotImplemented"),
    ("half a surrogate pair in the id", '[2,"\\udfff","Heartbeat",{}]', "-1", "FormationViolation"),
]
NO_CORE = [
    ("no tag", "Authorize", {}, "OccurenceConstraintViolation"),
    ("null for a tag", "Authorize", {"idTag": None}, "OccurenceConstraintViolation"),
    ("an object for a tag", "Authorize", {"idTag": {}}, "TypeConstraintViolation"),
    ("start without a connector", "StartTransaction", without("connectorId"), "OccurenceConstraintViolation"),
    ("start without a tag", "StartTransaction", without("idTag"), "OccurenceConstraintViolation"),
    ("start with a word as connector", "StartTransaction", start(connectorId="left"), "TypeConstraintViolation"),
    ("start with a list as tag", "StartTransaction", start(idTag=["A"]), "TypeConstraintViolation"),
    ("status without a connector", "StatusNotification", {"status": "Available", "errorCode": "NoError"},
     "OccurenceConstraintViolation"),
    ("status without a status", "StatusNotification", {"connectorId": 1, "errorCode": "NoError"},
     "OccurenceConstraintViolation"),
    ("an empty status", "StatusNotification", status(status=""), "PropertyConstraintViolation"),
    ("true for a connector", "StatusNotification", status(connectorId=True), "TypeConstraintViolation"),
    ("status of a connector that cannot be", "StatusNotification", status(connectorId=2**31),
     "PropertyConstraintViolation"),
    ("status of connector -1", "StatusNotification", status(connectorId=-1), "PropertyConstraintViolation"),
    ("no meter values", "MeterValues", {"connectorId": 1}, "OccurenceConstraintViolation"),
    ("a word for meter values", "MeterValues", {"connectorId": 1, "meterValue": "450"}, "TypeConstraintViolation"),
    ("nothing says what ended", "StopTransaction", {"reason": "Local"}, "OccurenceConstraintViolation"),
    ("nothing readable says what ended", "StopTransaction", {"transactionId": "first", "meterStop": {}},
     "OccurenceConstraintViolation"),
    ("no firmware status", "FirmwareStatusNotification", {}, "OccurenceConstraintViolation"),
    ("no diagnostics status", "DiagnosticsStatusNotification", {"status": None}, "OccurenceConstraintViolation"),
    ("no log status", "LogStatusNotification", {"requestId": 1}, "OccurenceConstraintViolation"),
    ("no type of event", "SecurityEventNotification", {"timestamp": moment()}, "OccurenceConstraintViolation"),
    ("no request to sign", "SignCertificate", {"csr": None}, "OccurenceConstraintViolation"),
]  # fmt: skip


@pytest.fixture(scope="module")
def _one_link(inside):
    return {}


@pytest.fixture
def survivor(system, _one_link):
    """One link that all wrong frames of this module go through; a new one where a test has killed it."""
    link = _one_link.get("link")
    if link is None or link.socket.protocol.state is not State.OPEN:
        link = _one_link["link"] = system.link()
    return link


@pytest.mark.parametrize("case", [*UNREADABLE, *NO_CALL, *UNKNOWN], ids=lambda case: case[0])
def test_a_frame_that_is_no_good_call_gets_its_callerror(survivor, case):
    """T13, T15, T17, S9: and the link survives."""
    _what, frame, message_id, code = case
    assert survivor.error(frame) == (message_id, code)
    assert survivor.call("Heartbeat")


@pytest.mark.parametrize("case", NO_CORE, ids=lambda case: case[0])
def test_a_message_without_a_usable_core_gets_its_callerror(survivor, case):
    """T13, T15."""
    _what, action, payload, code = case
    assert survivor.error([2, "field", action, payload]) == ("field", code)
    assert survivor.call("Heartbeat")


def test_a_nul_in_the_message_id_is_answered_with_that_id(link):
    """T13."""
    assert link.exchange('[2,"a\\u0000b","Heartbeat",{}]')[:2] == [3, "a\x00b"]
    assert link.exchange('[2,"c\\u0000d","Authorize",{"idTag":"A"}]')[:2] == [3, "c\x00d"]
    assert link.error('[2,"e\\u0000f","Nonsense",{}]') == ("e\x00f", "NotImplemented")


@pytest.mark.parametrize(
    "frame",
    ['["2","x","Heartbeat",{}]', "[5,1]", '[9,"x","Heartbeat",{}]', "[null]", "[true,1]", '[3,"nobody",{}]', "[3]",
     '[4,"nobody","GenericError","",{}]', "[4]", "[3,5,{}]", '[3,"deep",' + "[" * 900 + "]" * 900 + "]",
     '[4,"x",{"a":1},[]]', '[3,"nul",{"status":"\\u0000"}]', '[4,"\\u0000","\\u0000","\\u0000",{}]'],
)  # fmt: skip
def test_other_message_types_and_stray_answers_are_ignored(survivor, frame):
    """T16, T19: the next answer is that of the next call."""
    survivor.send(frame)
    assert survivor.exchange([2, "next", "Heartbeat", {}])[:2] == [3, "next"]


def test_an_integer_may_be_written_as_a_float(link):
    """JSON knows one kind of number."""
    assert link.exchange('[2.0,"float","Heartbeat",{}]')[:2] == [3, "float"]
    assert link.exchange(json.dumps([2, "f2", "StatusNotification", status(connectorId=1.0)])) == [3, "f2", {}]


def test_a_message_id_has_up_to_36_characters(link):
    """T17."""
    for message_id in ("i", "i" * 36, "ü" * 36, 'quo"te', "back\\slash", " ", "\t"):
        assert link.exchange([2, message_id, "Heartbeat", {}])[:2] == [3, message_id]


def test_the_same_message_id_may_come_from_two_stations_and_twice(system):
    """Ids are a station's own."""
    with system.link() as one, system.link() as two:
        for link in (one, two, one, one):
            assert link.exchange([2, "same", "Heartbeat", {}])[:2] == [3, "same"]


def test_a_callerror_is_logged_with_its_code(system, link, station):
    """B15: every deviation can be looked up."""
    link.error([2, "w", "Authorize", {"idTag": [5]}])
    row = Message.objects.get(station=station, message_id="w")
    assert (row.action, row.error_code, json.loads(row.payload)) == (
        "Authorize",
        "TypeConstraintViolation",
        {"idTag": [5]},
    )
    assert "idTag" in row.answer


def test_a_binary_frame_closes_only_its_own_link(system):
    with system.link() as one, system.link() as two:
        one.socket.send(b'[2,"b","Heartbeat",{}]')
        assert one.close_code() == 1003
        assert two.call("Heartbeat")


# --- sizes (T12, T37, S10) -----------------------------------------------------------------------------------------


MEBIBYTE = 1024 * 1024


def test_a_frame_above_eight_mebibytes_closes_only_its_own_link(system):
    """T37, S10."""
    with system.link() as one, system.link() as two:
        one.send("[" + " " * (8 * MEBIBYTE + 10) + "]")
        assert one.close_code() == 1009
        assert two.call("Heartbeat")


def test_the_limit_counts_after_inflation(system):
    """T12, S10: a bomb of a few kB."""
    with system.link(deflate=True) as one, system.link() as two:
        one.send(" " * (30 * MEBIBYTE))
        assert one.close_code() == 1009
        assert two.call("Heartbeat")


def test_permessage_deflate_is_spoken(system):
    """T12."""
    with system.link(deflate=True) as link:
        assert "permessage-deflate" in link.socket.response.headers["Sec-WebSocket-Extensions"]
        assert link.call("Heartbeat")
        assert link.call("DataTransfer", vendorId="v", data="x" * 100_000)["status"] == "UnknownVendorId"


def test_a_big_frame_below_the_limit_is_answered(link):
    """T37."""
    for size in (900_000, 7 * MEBIBYTE):
        assert link.call("DataTransfer", vendorId="v", data="x" * size)["status"] == "UnknownVendorId"


# --- 5,000 mutated frames (T13, F19) -------------------------------------------------------------------------------

GOOD = [
    ["Heartbeat", {}],
    ["Authorize", {"idTag": "GOODTAG"}],
    ["BootNotification", {"chargePointVendor": "V", "chargePointModel": "M", "firmwareVersion": "1"}],
    ["StatusNotification", status(timestamp=moment(), info="x", vendorId="v", vendorErrorCode="1")],
    ["MeterValues", meter(unit="kWh", phase="L1", context="Sample.Periodic", format="Raw", location="Outlet")],
    ["StartTransaction", start()],
    ["StopTransaction", {"transactionId": 5, "meterStop": 7, "timestamp": moment(), "reason": "Local", "idTag": "A"}],
    ["DataTransfer", {"vendorId": "v", "messageId": "m", "data": "d"}],
    ["FirmwareStatusNotification", {"status": "Idle"}],
    ["DiagnosticsStatusNotification", {"status": "Idle"}],
    ["SecurityEventNotification", {"type": "T", "timestamp": moment(), "techInfo": "i"}],
    ["LogStatusNotification", {"status": "Idle", "requestId": 3}],
    ["SignedFirmwareStatusNotification", {"status": "Installed", "requestId": 3}],
    ["SignCertificate", {"csr": "c"}],
]
ODD: list[Any] = [None, True, -1, 0, 2**31, 2**53, 2**63, -(2**63), 1e308, 1.5, "", "x" * 300, [], {}, [[]], [{}],
       {"a": {"b": []}}, "\ud83d\ude00", "1e400", "2026-99-99T00:00:00Z", "0001-01-01T00:00:00Z", "\u202e", "<script>",
       "';--", "%s%n"]  # fmt: skip
SCRAPS = ["", "\\", '"', "}", "[", ",", "\\u0000", "\\ud800", "NaN", "\x01"]


def mutate(dice, value):
    """Change one place of a JSON value."""
    if isinstance(value, dict) and value and dice.random() < 0.85:
        key = dice.choice(list(value))
        changed = dict(value)
        what = dice.random()
        if what < 0.15:
            del changed[key]
        elif what < 0.25:
            changed[key + dice.choice(["", "x", "\u00df"])] = changed.pop(key)
        elif what < 0.3:
            changed[dice.choice(["extra", "__proto__", "$ref", ""])] = dice.choice(ODD)
        else:
            changed[key] = mutate(dice, value[key])
        return changed
    if isinstance(value, list) and value and dice.random() < 0.7:
        place = dice.randrange(len(value))
        return [*value[:place], mutate(dice, value[place]), *value[place + 1 :]] * dice.choice([1, 1, 1, 3])
    return dice.choice(ODD)


def mutated_frame(dice, message_id):
    action, payload = dice.choice(GOOD)
    for _ in range(dice.choice([1, 1, 2, 3])):
        payload = mutate(dice, payload)
    text = json.dumps([2, message_id, action, payload], ensure_ascii=dice.random() < 0.5)
    if dice.random() < 0.15:  # characters: may be no JSON any more
        place = dice.randrange(len(message_id) + 6, len(text))
        text = (
            text[:place]
            + dice.choice(["", "\\", '"', "}", "[", ",", "\\u0000", "\\ud800", "NaN", "\x01"])
            + text[place + 1 :]
        )
    return text.encode("utf-8", "replace").decode()


CODES = {"FormationViolation", "PropertyConstraintViolation", "OccurenceConstraintViolation", "TypeConstraintViolation",
         "NotImplemented", "NotSupported"}  # fmt: skip


def test_five_thousand_mutated_frames_are_all_answered_and_a_neighbour_does_not_notice(system, link):
    """T13, T15, F19: 0 silent, 0 wrong ids, 0 closes, no InternalError; a neighbour's p99 stays low."""
    dice = random.Random(1609)
    neighbour = system.link()
    waits = []
    for _round in range(100):
        ids = [f"m{_round}-{number}" for number in range(50)]
        for message_id in ids:
            link.send(mutated_frame(dice, message_id))
        before = time.perf_counter()
        assert neighbour.call("Heartbeat")
        waits.append(time.perf_counter() - before)
        for message_id in ids:
            answer = link.reply()
            assert answer[1] == message_id, (answer, message_id)
            assert answer[0] == 3 or answer[2] in CODES, answer
    assert link.exchange([2, "alive", "Heartbeat", {}])[:2] == [3, "alive"]
    neighbour.close()
    assert sorted(waits)[98] < 0.5


# --- what real stations get wrong is tolerated (T36, B15) ----------------------------------------------------------


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("Heartbeat", None),
        ("StatusNotification", status(timestamp=None, info=None)),
        ("StatusNotification", status(info="", vendorId="", vendorErrorCode="")),
        ("StatusNotification", status(timestamp="")),
        ("BootNotification", {"chargePointVendor": "v" * 25, "chargePointModel": "m" * 25}),
        ("BootNotification", {"chargePointVendor": "", "chargePointModel": "", "iccid": "", "meterType": None}),
        ("MeterValues", meter(measurand="Temperature", unit="Celsius")),
        ("MeterValues", meter(measurand="Temperature", unit="Celcius")),
        ("MeterValues", meter(unit=None, phase=None)),
        ("MeterValues", meter(measurand="", unit="", context="", location="")),
        ("MeterValues", {"connectorId": 1, "transactionId": None, "meterValue": [
            {"timestamp": moment(), "sampledValue": [wh("")]}]}),
        ("MeterValues", {"connectorId": 1, "meterValue": []}),
        ("MeterValues", {"connectorId": 1, "meterValue": [{"timestamp": moment(), "sampledValue": []}]}),
        ("StopTransaction", {"transactionId": 3, "meterStop": 1, "timestamp": moment(), "reason": ""}),
        ("StopTransaction", {"transactionId": 3, "meterStop": 1, "timestamp": moment(), "transactionData": None}),
        *(
            ("StatusNotification", status(timestamp=text))
            for text in ("2026-01-01T00:00:00.123456Z", "2026-01-01T00:00:00.123456789Z", "2026-01-01T00:00:00",
                         "2026-01-01T00:00:00.1+02:00", "2026-01-01 00:00:00Z", "2026-01-01T00:00:00+0530",
                         "2016-12-31T23:59:60Z", "2026-01-01T00:00Z", "0002-01-01T00:00:00Z", "1969-12-31T23:59:59Z")
        ),
    ],
)  # fmt: skip
def test_what_can_be_read_is_taken(survivor, action, payload):
    """T36, errata 2.1, 2.5, 3.10; clocks that were never set (rule 13: nothing refused but years outside 2..9998)."""
    answer = survivor.exchange([2, "t", action, payload])
    assert answer[:2] == [3, "t"], answer


def test_our_times_have_three_digits_of_fraction_and_a_zone(link):
    """T21: some stations cannot read more."""
    for text in (link.call("Heartbeat")["currentTime"], link.boot()["currentTime"]):
        assert len(text) == 24 and text.endswith("Z") and text[19] == "."
        assert abs(time.mktime(time.strptime(text[:19], "%Y-%m-%dT%H:%M:%S")) - time.mktime(time.gmtime())) < 2


def test_a_slow_handler_of_one_station_does_not_hold_up_others(system):
    """Frames of one socket go one after another, those of two do not wait for each other."""
    with system.link() as busy, system.link() as other:
        for number in range(100):
            busy.send([2, f"b{number}", "Authorize", {"idTag": "GOODTAG"}])
        before = time.perf_counter()
        assert other.call("Heartbeat")
        assert time.perf_counter() - before < 0.5
        assert [busy.reply()[1] for _ in range(100)] == [f"b{number}" for number in range(100)]


def test_a_link_that_opens_and_says_nothing_is_no_harm(system):
    links = [Link(system.gateway.url, system.station().identity, password=PASSWORD).opened() for _ in range(30)]
    assert links[0].call("Heartbeat")
    for link in links:
        link.vanish()
    until(system.gateway.answers)
