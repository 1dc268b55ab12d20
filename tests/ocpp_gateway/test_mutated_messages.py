"""Valid messages of a charging session, changed by each kind of deviation at once: all are answered, the ledger is
whole, every deviation is counted (T23, T24, B1, B15)."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from chargers.models import ChargingStation
from maintenance.messages.services.log import LoggedCall, shard_of, store_calls
from maintenance.models import InboxEntry, Message
from ocpp_gateway import codec, frames
from ocpp_gateway.drain import drain
from ocpp_gateway.link import direct
from tests import factories

START, STOP = 1000, 9000
Payload = dict[str, Any]
Change = Callable[[Payload, Any], None]


class Station:
    """A station whose frames go the way of a socket's, without the socket."""

    def __init__(self) -> None:
        self.row = cast(ChargingStation, factories.StationFactory())
        factories.TagFactory(team=self.row.team, value="GOOD", allows_concurrent=True)
        self.codec = codec.by_protocol("1.6")
        self.now = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=30)

    def at(self, minutes: float) -> str:
        return (self.now + timedelta(minutes=minutes)).isoformat().replace("+00:00", "Z")

    def say(self, action: str, payload: Payload) -> Payload:
        """The answer, which must be a result."""
        text = json.dumps([2, "m", action, payload])
        call = frames.read_frame(text)
        assert isinstance(call, frames.Call)
        reading = self.codec.read(call.action, call.payload)
        if not self.codec.is_deferred(action):
            done = direct.answer_call(station_id=self.row.pk, epoch=self.row.epoch, codec=self.codec, call=call,
                                      reading=reading)  # fmt: skip
            assert done.fault is None
            return json.loads(done.answer)
        rules = (*call.rules, *(reading.rules if reading else ()))
        text, now = frames.json_text(call.payload), datetime.now(UTC)
        row = LoggedCall(self.row.pk, self.row.epoch, "1.6", now, action, "m", text, "{}", deviations=rules)
        assert store_calls([row])
        return {}

    def drain(self) -> None:
        drain(shard_of(self.row.pk))
        assert not InboxEntry.objects.exists(), InboxEntry.objects.values_list("error", flat=True)


def _extra(payload: Payload, value: Any) -> None:
    payload["vendorField"] = value


def _wrong_word(name: str) -> Change:
    def change(payload: Payload, value: Any) -> None:
        payload[name] = "Vendor" + str(value)[:40]

    return change


def _as_text(name: str) -> Change:
    def change(payload: Payload, value: Any) -> None:
        payload[name] = f" {payload[name]}" if isinstance(payload.get(name), int) else payload.get(name)

    return change


def _deep(payload: Payload, value: Any) -> None:
    for instant in payload.get("meterValue", []):
        instant["vendorField"] = value
        instant["sampledValue"].append({"value": value, "measurand": "Vendor.Own", "vendorField": [value]})


def _sample_word(name: str) -> Change:
    def change(payload: Payload, value: Any) -> None:
        for instant in payload.get("meterValue", []):
            instant["sampledValue"].insert(0, {"value": "77777777", name: "Vendor" + str(value)[:30]} | (
                {} if name in ("unit", "measurand") else {"measurand": "Voltage"}))  # fmt: skip

    return change


def _number_for_value(payload: Payload, value: Any) -> None:
    for instant in payload.get("meterValue", []):
        for sample in instant["sampledValue"]:
            if isinstance(sample.get("value"), str) and sample["value"].isdecimal():
                sample["value"] = int(sample["value"])


ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
COMMON = [_extra]
CHANGES: dict[str, list[Change]] = {
    "StartTransaction": [*COMMON, _as_text("connectorId"), _as_text("meterStart")],
    "StopTransaction": [*COMMON, _wrong_word("reason"), _as_text("meterStop"), _as_text("transactionId")],
    "MeterValues": [*COMMON, _deep, _number_for_value, _sample_word("unit"), _sample_word("measurand"),
                    _sample_word("context"), _sample_word("phase"), _sample_word("location"), _as_text("connectorId"),
                    _as_text("transactionId")],
    "StatusNotification": [*COMMON, _wrong_word("errorCode"), _wrong_word("status"), _as_text("connectorId")],
    "BootNotification": [*COMMON],
    "Heartbeat": [*COMMON],
}  # fmt: skip


def session(station: Station, number: int) -> list[tuple[str, Payload]]:
    def meter(minute: int) -> tuple[str, Payload]:
        sample = {"value": str(START + 400 * minute), "measurand": "Energy.Active.Import.Register", "unit": "Wh"}
        instant = {"timestamp": station.at(minute), "sampledValue": [sample]}
        return "MeterValues", {"connectorId": 1, "transactionId": number, "meterValue": [instant]}

    def status(word: str, minute: int) -> tuple[str, Payload]:
        return "StatusNotification", {"connectorId": 1, "errorCode": "NoError", "status": word,
                                      "timestamp": station.at(minute)}  # fmt: skip

    return [
        ("BootNotification", {"chargePointVendor": "V", "chargePointModel": "M"}),
        ("Heartbeat", {}),
        status("Charging", 0),
        *[meter(minute) for minute in (2, 5, 10, 19)],
        ("StopTransaction", {"transactionId": number, "meterStop": STOP, "timestamp": station.at(20),
                             "reason": "Local"}),
        status("Available", 21),
    ]  # fmt: skip


@pytest.mark.django_db
# Without shrinking: it would run for minutes, and a failing case is short as it is.
@settings(
    max_examples=25, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)
@given(data=st.data())
def test_a_session_of_mutated_messages_is_whole(data: st.DataObject) -> None:
    with transaction.atomic():
        station = Station()
        begin = {"connectorId": 1, "idTag": "GOOD", "meterStart": START, "timestamp": station.at(0)}
        mutate(data, "StartTransaction", begin)
        number = station.say("StartTransaction", begin)["transactionId"]
        said = 0
        for action, payload in session(station, number):
            mutate(data, action, payload)
            station.say(action, payload)
            said += 1
            if data.draw(st.booleans()):
                station.say(action, payload)  # once more, as stations do
                said += 1
            if data.draw(st.booleans()):
                station.drain()
        station.drain()
        check(station, number, said)
        transaction.set_rollback(True)


def mutate(data: st.DataObject, action: str, payload: Payload) -> None:
    for change in data.draw(st.lists(st.sampled_from(CHANGES[action]), max_size=3)):
        change(payload, data.draw(ANY))


def check(station: Station, number: int, said: int) -> None:
    ledger = station.row.charging_sessions.get()
    assert (ledger.pk, ledger.energy_wh, ledger.meter_start_wh, ledger.meter_stop_wh) == (
        number, STOP - START, START, STOP)  # fmt: skip
    assert (ledger.closed_by, ledger.is_billable, ledger.flags) == ("station", True, ["offline"])
    messages = Message.objects.filter(station=station.row)
    assert messages.count() == said + 1
    for row in messages:
        reading = station.codec.read(row.action, json.loads(row.payload))
        assert row.is_deviating or reading is None
        for rule in reading.rules if reading else ():
            assert station.row.deviations.filter(action=row.action, what=rule, count__gte=1).exists(), rule
