"""The deviating messages of the crash tests violate the schema and keep their meaning."""

from __future__ import annotations

import json

import pytest
from ocpp.messages import MessageType, get_validator

from tests.crash.deviating import apply_deviations

INSTANT = {"timestamp": "2026-01-01T00:00:00.000Z", "sampledValue": [{"value": "1500", "unit": "Wh"}]}
MESSAGES = {
    "BootNotification": {"chargePointVendor": "Crash", "chargePointModel": "Dummy"},
    "Authorize": {"idTag": "T"},
    "StatusNotification": {"connectorId": 1, "status": "Charging", "errorCode": "NoError",
                           "timestamp": "2026-01-01T00:00:00.000Z"},
    "StartTransaction": {"connectorId": 1, "idTag": "T", "meterStart": 5, "timestamp": "2026-01-01T00:00:00.000Z"},
    "MeterValues": {"connectorId": 1, "transactionId": 7, "meterValue": [INSTANT]},
    "StopTransaction": {"transactionId": 7, "meterStop": 9, "timestamp": "2026-01-01T00:00:00.000Z",
                        "reason": "Local", "transactionData": [INSTANT]},
}  # fmt: skip


@pytest.mark.parametrize("action", MESSAGES)
def test_most_messages_break_the_schema_and_none_loses_its_core(action):
    validator, broken = get_validator(MessageType.Call, action, "1.6"), 0
    for seed in range(200):
        payload = apply_deviations(MESSAGES[action], seed)
        assert payload == apply_deviations(MESSAGES[action], seed)
        broken += not validator.is_valid(payload)
        for name in ("idTag", "status", "timestamp"):
            assert payload.get(name) == MESSAGES[action].get(name)
        for name in ("connectorId", "meterStart", "meterStop", "transactionId"):
            assert name not in MESSAGES[action] or float(payload[name]) == MESSAGES[action][name]
    assert broken > (50 if action == "Authorize" else 120)
    json.dumps(payload)


def test_the_original_message_is_not_modified():
    plain = json.dumps(MESSAGES)
    for seed in range(20):
        for payload in MESSAGES.values():
            apply_deviations(payload, seed)
    assert json.dumps(MESSAGES) == plain
