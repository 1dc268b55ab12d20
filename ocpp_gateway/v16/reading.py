"""The second level of reading for OCPP 1.6: take what a message says, where its form is not that of the schema.

A station repeats a refused message a few times and then drops it, and a dropped StopTransaction is a session that is
never billed. So a message is refused only when it has no usable core (`CORE`). Everything else is read field by field
along the schema: exact conversions are made, known words are recognised in any spelling, unknown words get the nearest
safe meaning, fields that nobody knows are ignored, and what cannot be read is left out, as if it had not been sent.
Each deviation is named by the rule it broke, so that it can be counted.

Only messages that fail the strict schema come here.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation
from typing import Any

from ocpp_gateway.codec import Reading
from ocpp_gateway.frames import Fault, FaultKind, Payload, json_text
from ocpp_gateway.v16 import schemas
from ocpp_gateway.v16.moments import is_moment

UNKNOWN_ID = -1  # errata 3.18: a transaction id of a station that never learnt its own
MAX_CONNECTOR = 2**31 - 1
MAX_RULES = 20  # of one message
MAX_KEPT_LENGTH = 1000  # of a text that could not be read, beside the session or sample it belongs to

# What must be there and readable, or the message says nothing that could be used.
CORE: dict[str, tuple[str, ...]] = {
    "Authorize": ("idTag",),
    "DiagnosticsStatusNotification": ("status",),
    "FirmwareStatusNotification": ("status",),
    "LogStatusNotification": ("status",),
    "MeterValues": ("meterValue",),
    "SecurityEventNotification": ("type",),
    "SignCertificate": ("csr",),
    "SignedFirmwareStatusNotification": ("status",),
    "StartTransaction": ("connectorId", "idTag"),
    "StatusNotification": ("connectorId", "status"),
}
MATCHES_AN_END = ("transactionId", "idTag", "meterStop", "timestamp", "connectorId")
# An unknown word of these fields means this; an empty text: nothing is known.
NEAREST = {"errorCode": "OtherError", "reason": "Other", "status": ""}
# Status words of older versions and of vendors, without case and punctuation.
STATUS_WORDS = {
    "occupied": "Preparing",
    "connected": "Preparing",
    "pluggedin": "Preparing",
    "suspended": "SuspendedEVSE",
    "outofservice": "Unavailable",
    "inoperative": "Unavailable",
    "notavailable": "Unavailable",
    "fault": "Faulted",
    "error": "Faulted",
}
OUR_NAMES = {  # what the station said is kept beside the session or the status under these names
    "StartTransaction": {"idTag": "id_tag", "meterStart": "meter_start", "timestamp": "started_at"},
    "StopTransaction": {
        "idTag": "stop_id_tag",
        "meterStop": "meter_stop",
        "reason": "stop_reason",
        "timestamp": "stopped_at",
        "transactionId": "transaction_id",
    },
    "StatusNotification": {"errorCode": "error_code", "status": "status"},
}
_FIELD_NAME = re.compile(r"[A-Za-z_]{2,40}[0-9]?")
_PUNCTUATION = re.compile(r"[^a-z0-9]")
_ABSENT = object()


@dataclass(slots=True)
class _Reader:
    """Reads one message and notes what deviates."""

    action: str
    rules: dict[str, None] = field(default_factory=dict)
    as_reported: dict[str, str] = field(default_factory=dict)

    def note(self, path: tuple[str, ...], rule: str) -> None:
        if len(self.rules) < MAX_RULES:
            self.rules[f"{'.'.join(path) or 'payload'}: {rule}"] = None

    def keep(self, path: tuple[str, ...], value: Any) -> None:
        """Keep what the station said, of a field whose meaning is another one than the text."""
        ours = OUR_NAMES.get(self.action, {}).get(path[-1]) if len(path) == 1 else None
        if ours is not None:
            self.as_reported[ours] = _as_text(value)[:MAX_KEPT_LENGTH]

    # --- along the schema ----------------------------------------------------------------------------------------

    def record(self, schema: dict[str, Any], value: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        known: dict[str, Any] = schema.get("properties", {})
        found: dict[str, Any] = {}
        for name, each in value.items():
            if name not in known:
                self.note((*path, name if _FIELD_NAME.fullmatch(name) else "?"), "additionalProperties")
                continue
            if each is None:
                self.note((*path, name), "type")
                continue
            read = self.value(known[name], each, (*path, name))
            if read is not _ABSENT:
                found[name] = read
        for name in schema.get("required", ()):
            if name not in value:
                self.note((*path, name), "required")
        return found

    def value(self, schema: dict[str, Any], value: Any, path: tuple[str, ...]) -> Any:
        special = _SPECIAL.get(path[-1])
        if special is not None:
            return special(self, value, path)
        kind = schema.get("type")
        if kind == "array":
            return self.items(schema, value, path)
        if kind == "object":
            return self.record(schema, value, path) if isinstance(value, dict) else self.unreadable(value, path)
        if kind in ("integer", "number"):
            return self.whole(value, path)
        if kind == "boolean":
            return value if isinstance(value, bool) else self.unreadable(value, path)
        return self.text(schema, value, path)

    def items(self, schema: dict[str, Any], value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, dict):  # one that was not put into a list
            self.note(path, "type")
            value = [value]
        if not isinstance(value, list):
            return self.unreadable(value, path)
        if len(value) < schema.get("minItems", 0):
            self.note(path, "minItems")
        schema = schema["items"]
        found: list[Any] = []
        for each in value:
            if isinstance(each, dict) and schema.get("type") == "object":
                found.append(self.record(schema, each, path))
            elif path[-1] == "sampledValue":
                self.note(path, "type")
                found.append({"raw": _as_text(each)[:MAX_KEPT_LENGTH]})
            elif path[-1] in ("meterValue", "transactionData"):
                self.note(path, "type")
                found.append({"sampledValue": [{"raw": _as_text(each)[:MAX_KEPT_LENGTH]}]})
            elif schema.get("type") == "string" and (text := self.text(schema, each, path)) is not _ABSENT:
                found.append(text)
            elif schema.get("type") != "string":
                self.unreadable(each, path)
        return found

    def text(self, schema: dict[str, Any], value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return self.unreadable(value, path)
        if not isinstance(value, str):
            self.note(path, "type")
            value = _as_text(value)
        if "enum" in schema:
            return self.word(schema["enum"], value, path)
        if schema.get("format") == "date-time":
            return self.moment(value, path)
        if len(value) > schema.get("maxLength", len(value)):
            self.note(path, "maxLength")
        return value

    def word(self, words: list[str], value: str, path: tuple[str, ...]) -> Any:
        if value in words:
            return value
        self.note(path, "enum")
        plain = _plain(value)
        if not plain:
            return _ABSENT if not value.strip() else self.unknown_word(value, path)
        known = {_plain(word): word for word in words}
        if plain in known:
            return known[plain]
        if path == ("status",) and self.action == "StatusNotification" and plain in STATUS_WORDS:
            self.keep(path, value)
            return STATUS_WORDS[plain]
        return self.unknown_word(value, path)

    def unknown_word(self, value: str, path: tuple[str, ...]) -> str:
        self.keep(path, value)
        if self.action in ("StatusNotification", "StopTransaction") and len(path) == 1:
            return NEAREST.get(path[0], value)
        return value  # of a sample or a job: kept as it is, and nobody counts with it

    def moment(self, value: str, path: tuple[str, ...]) -> Any:
        if is_moment(value):
            return value
        self.note(path, "format")
        self.keep(path, value)
        return _ABSENT

    def whole(self, value: Any, path: tuple[str, ...]) -> Any:
        number = _number(value)
        if number is None:
            return self.unreadable(value, path)
        if not -schemas.MOST <= number <= schemas.MOST:
            self.note(path, "range")
            self.keep(path, value)
            return _ABSENT
        if isinstance(value, str):
            self.note(path, "type")
        if number != number.to_integral_value():
            self.note(path, "fraction")
            self.keep(path, value)
            return _ABSENT
        return int(number)

    def unreadable(self, value: Any, path: tuple[str, ...]) -> Any:
        self.note(path, "type")
        self.keep(path, value)
        return _ABSENT

    # --- fields with rules of their own --------------------------------------------------------------------------

    def meter(self, value: Any, path: tuple[str, ...]) -> Any:
        """A register in Wh. A fraction is rounded half up, as samples are, and the exact value is kept."""
        number = _number(value)
        if number is None or abs(number) > schemas.MOST or number == number.to_integral_value():
            return self.whole(value, path)
        self.note(path, "fraction")
        self.keep(path, value)
        return int(number.to_integral_value(ROUND_HALF_UP))

    def transaction(self, value: Any, path: tuple[str, ...]) -> int:
        """A transaction id; one that cannot be an id is the unknown one."""
        number = self.whole(value, path)
        return UNKNOWN_ID if number is _ABSENT else int(number)

    def connector(self, value: Any, path: tuple[str, ...]) -> Any:
        """A connector number. One that no connector can have is 0, not known, where the message says more than that."""
        number = self.whole(value, path)
        if number is _ABSENT and _number(value) is None:
            return _ABSENT
        if number is not _ABSENT and 0 <= number <= MAX_CONNECTOR:
            return number
        self.note(path, "range")
        return _ABSENT if self.action == "StatusNotification" else 0

    def sampled(self, value: Any, path: tuple[str, ...]) -> Any:
        """The value of a sample is a text, in which numbers are written; what is no number is kept as well."""
        if isinstance(value, str):
            return value
        self.note(path, "type")
        return _as_text(value)[:MAX_KEPT_LENGTH]


_SPECIAL: dict[str, Callable[[_Reader, Any, tuple[str, ...]], Any]] = {
    "connectorId": _Reader.connector,
    "meterStart": _Reader.meter,
    "meterStop": _Reader.meter,
    "transactionId": _Reader.transaction,
    "value": _Reader.sampled,
}


def read_leniently(action: str, payload: Payload, strict: Fault) -> Reading:
    """Read a message of a station that does not fit its schema.

    Args:
        strict: what the strict check said.

    Raises:
        Fault: it has no usable core.
    """
    reader = _Reader(action)
    found = reader.record(schemas.schema(action), payload, ())
    if action == "StopTransaction" and "connectorId" in payload:  # not in the schema, but it helps to find the session
        connector = _number(payload["connectorId"])
        if connector is not None and 0 < connector <= MAX_CONNECTOR and connector == int(connector):
            found["connectorId"] = int(connector)
    _demand_core(action, payload, found, strict)
    for name in OUR_NAMES.get(action, {}):
        longest = {"idTag": 255}.get(name)
        if longest and len(found.get(name, "")) > longest:
            reader.keep((name,), found[name])
    return Reading(found, tuple(reader.rules) or (strict.rule,), reader.as_reported)


def read_answer_leniently(action: str, payload: Payload) -> Reading:
    """Read a station's answer to a command that does not fit its schema; nothing of it is refused.

    The answer stays as it is, since a person may want to see all of it; only a status is put into OCPP's spelling.
    """
    reader = _Reader(f"{action}Response")
    found = reader.record(schemas.schema(f"{action}Response"), payload, ())
    status = {"status": found["status"]} if "status" in found else {}
    return Reading(payload | status, tuple(f"answer.{rule}" for rule in reader.rules), {})


def transaction_in(payload: Payload, without: Any) -> Any:
    """The transaction id of a message; ids that cannot be one are the unknown id.

    Args:
        without: what a message means that has none.
    """
    number = payload.get("transactionId")
    if number is None:
        return without
    return int(number) if number > 0 else UNKNOWN_ID


def _demand_core(action: str, payload: Payload, found: Payload, strict: Fault) -> None:
    if action == "StopTransaction":
        usable = [name for name in MATCHES_AN_END if name in found]
        if "transactionId" in usable and _number(payload.get("transactionId")) is None:
            usable.remove("transactionId")
        if not usable:
            text = "Nothing says which transaction ended: transactionId, idTag, meterStop and timestamp are missing."
            raise Fault(FaultKind.OCCURRENCE, text, rule="transactionId: required")
        return
    for name in CORE.get(action, ()):
        if name in found:
            continue
        if payload.get(name) is None:
            raise Fault(FaultKind.OCCURRENCE, f"{name}: is missing.", rule=f"{name}: required")
        if strict.description.startswith(name):
            raise strict
        raise Fault(FaultKind.TYPE, f"{name}: cannot be read.", rule=f"{name}: type")


def _number(value: Any) -> Decimal | None:
    """A number, or a text that is one."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(value.strip()) if isinstance(value, str) else Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json_text(value)


def _plain(word: str) -> str:
    return _PUNCTUATION.sub("", word.casefold())
