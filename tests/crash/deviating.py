"""Turn messages into deviating ones, as some stations send them: they violate the schema, but can still be understood.

Everything that the crash tests compare (times, meter values, ids, statuses) keeps its meaning.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

Payload = dict[str, Any]
Deviation = Callable[[Payload, random.Random], None]
LONG_TEXT = "a text that is longer than the specification allows, as some manufacturers write it " * 2


def numbers_as_text(payload: Payload, rng: random.Random) -> None:
    """Send numbers as text: `"meterStop": "450"`."""
    for name in ("connectorId", "meterStart", "meterStop", "transactionId"):
        if isinstance(payload.get(name), int) and rng.random() < 0.7:
            payload[name] = str(payload[name])


def vendor_fields(payload: Payload, rng: random.Random) -> None:
    """Add fields that the schema does not know, at any depth."""
    payload["vendorSequence"] = rng.randrange(10**6)
    for instant in _instants(payload):
        instant["quality"] = {"gps": None}
        for sampled in instant["sampledValue"]:
            sampled["id"] = rng.randrange(10**6)


def text_as_numbers(payload: Payload, rng: random.Random) -> None:
    """Send text as numbers: `"value": 604`."""
    for instant in _instants(payload):
        for sampled in instant["sampledValue"]:
            sampled["value"] = int(sampled["value"])
    if "chargePointModel" in payload:
        payload["chargePointModel"] = 22


def unknown_values(payload: Payload, rng: random.Random) -> None:
    """Use values that are not in the enumerations, but have a safe interpretation."""
    if "reason" in payload:
        payload["reason"] = "SleepyVehicle"
    if "errorCode" in payload:
        payload["errorCode"] = "NoErrorAtAll"
    for instant in _instants(payload):
        for sampled in instant["sampledValue"]:
            sampled["location"] = "Trunk"


def long_texts(payload: Payload, rng: random.Random) -> None:
    """Exceed the maximum length of texts."""
    if "status" in payload:
        payload["info"] = payload["vendorErrorCode"] = payload["vendorId"] = LONG_TEXT
    if "chargePointModel" in payload:
        payload["chargePointModel"] = payload["firmwareVersion"] = LONG_TEXT


def numbers_as_decimals(payload: Payload, rng: random.Random) -> None:
    """Send whole numbers as decimal text: `"meterStop": "450.0"`."""
    for name in ("meterStart", "meterStop"):
        if isinstance(payload.get(name), int):
            payload[name] = f"{payload[name]}.0"


DEVIATIONS: list[Deviation] = [
    numbers_as_text,
    vendor_fields,
    text_as_numbers,
    unknown_values,
    long_texts,
    numbers_as_decimals,
]


def apply_deviations(payload: Payload, seed: int) -> Payload:
    """Return the payload with one to three deviations. The same seed gives the same ones, so that repeats are equal."""
    rng = random.Random(seed)
    changed = copy.deepcopy(payload)
    for deviate in rng.sample(DEVIATIONS, rng.randrange(1, 4)):
        deviate(changed, rng)
    return changed


def _instants(payload: Payload) -> list[Payload]:
    return [*payload.get("meterValue", []), *payload.get("transactionData", [])]
