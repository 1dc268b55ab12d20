"""Messages as stations write them that do not keep to the schema: the core can be read, so they count as any other.

What the books are compared by (times, meter values, ids, words of the ledger) keeps its meaning.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from typing import Any

Payload = dict[str, Any]
Deviation = Callable[[Payload, random.Random], None]
LONG = "a text that is longer than the specification allows, since the maker's engineers like to say a lot " * 2


def words_for_numbers(payload: Payload, chance: random.Random) -> None:
    """`"meterStop": "450"`."""
    for name in ("connectorId", "meterStart", "meterStop", "transactionId"):
        if isinstance(payload.get(name), int) and chance.random() < 0.7:
            payload[name] = str(payload[name])


def fields_of_its_own(payload: Payload, chance: random.Random) -> None:
    """At any depth."""
    payload["vendorSequence"] = chance.randrange(10**6)
    for instant in _instants(payload):
        instant["quality"] = {"gps": None}
        for sampled in instant["sampledValue"]:
            sampled["id"] = chance.randrange(10**6)


def numbers_for_words(payload: Payload, chance: random.Random) -> None:
    """`"value": 604`."""
    for instant in _instants(payload):
        for sampled in instant["sampledValue"]:
            sampled["value"] = int(sampled["value"])
    if "chargePointModel" in payload:
        payload["chargePointModel"] = 22


def unknown_words(payload: Payload, chance: random.Random) -> None:
    """Whose nearest safe meaning is known."""
    if "reason" in payload:
        payload["reason"] = "SleepyVehicle"
    if "errorCode" in payload:
        payload["errorCode"] = "NoErrorAtAll"
    for instant in _instants(payload):
        for sampled in instant["sampledValue"]:
            sampled["location"] = "Trunk"


def long_texts(payload: Payload, chance: random.Random) -> None:
    if "status" in payload:
        payload["info"] = payload["vendorErrorCode"] = payload["vendorId"] = LONG
    if "chargePointModel" in payload:
        payload["chargePointModel"] = payload["firmwareVersion"] = LONG


def fractions_of_nothing(payload: Payload, chance: random.Random) -> None:
    """`"meterStop": 450.0` as text."""
    for name in ("meterStart", "meterStop"):
        if isinstance(payload.get(name), int):
            payload[name] = f"{payload[name]}.0"


DEVIATIONS: list[Deviation] = [
    words_for_numbers,
    fields_of_its_own,
    numbers_for_words,
    unknown_words,
    long_texts,
    fractions_of_nothing,
]


def deviating(payload: Payload, seed: int) -> Payload:
    """The payload with one to three deviations; the same ones for the same seed, since a message is sent again as it
    was."""
    chance = random.Random(seed)
    changed = copy.deepcopy(payload)
    for deviate in chance.sample(DEVIATIONS, chance.randrange(1, 4)):
        deviate(changed, chance)
    return changed


def _instants(payload: Payload) -> list[Payload]:
    return [*payload.get("meterValue", []), *payload.get("transactionData", [])]
