"""Lenient reading of OCPP 1.6 messages that violate their schema.

A station repeats a refused message a few times and then drops it, and a dropped StopTransaction is a session that is
never billed. So a message is refused only if its essential fields (`CORE`) are unusable. Everything else is read field
by field along the schema: lossless conversions are made, known values are recognised in any spelling, unknown values
get a safe fallback, unknown fields are ignored, and unreadable fields are treated as missing. Each deviation is named
by the violated rule, so that deviations can be counted.
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

UNKNOWN_ID = -1  # errata 3.18: sent by a station that never received its transaction id
MAX_CONNECTOR = 2**31 - 1
MAX_RULES = 20  # of one message
MAX_ORIGINAL_LENGTH = 1000  # of an unreadable text, stored with the session or sample it belongs to

# Fields that must be present and readable, or the message is useless.
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
FIELDS_IDENTIFYING_AN_END = ("transactionId", "idTag", "meterStop", "timestamp", "connectorId")
# What an unknown value of these fields is read as; empty: unknown.
FALLBACKS = {"errorCode": "OtherError", "reason": "Other", "status": ""}
# Status values of older versions and of vendors, without case and punctuation.
STATUS_SYNONYMS = {
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
DOMAIN_NAMES = {  # the names under which original values are stored with the session or the status
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
    """Reads one message and collects its deviations.

    Methods return `_ABSENT` for values that cannot be used. `path` is the path of field names to the value.
    """

    action: str
    rules: dict[str, None] = field(default_factory=dict)
    as_reported: dict[str, str] = field(default_factory=dict)

    def add_rule(self, path: tuple[str, ...], rule: str) -> None:
        if len(self.rules) < MAX_RULES:
            self.rules[f"{'.'.join(path) or 'payload'}: {rule}"] = None

    def keep_original(self, path: tuple[str, ...], value: Any) -> None:
        """Store the original value of a field that is read as something else."""
        ours = DOMAIN_NAMES.get(self.action, {}).get(path[-1]) if len(path) == 1 else None
        if ours is not None:
            self.as_reported[ours] = _as_text(value)[:MAX_ORIGINAL_LENGTH]

    # --- along the schema ----------------------------------------------------------------------------------------

    def record(self, schema: dict[str, Any], value: dict[str, Any], path: tuple[str, ...]) -> dict[str, Any]:
        known: dict[str, Any] = schema.get("properties", {})
        found: dict[str, Any] = {}
        for name, item in value.items():
            if name not in known:
                self.add_rule((*path, name if _FIELD_NAME.fullmatch(name) else "?"), "additionalProperties")
                continue
            if item is None:
                self.add_rule((*path, name), "type")
                continue
            read = self.value(known[name], item, (*path, name))
            if read is not _ABSENT:
                found[name] = read
        for name in schema.get("required", ()):
            if name not in value:
                self.add_rule((*path, name), "required")
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
        if isinstance(value, dict):  # a single object instead of a list
            self.add_rule(path, "type")
            value = [value]
        if not isinstance(value, list):
            return self.unreadable(value, path)
        if len(value) < schema.get("minItems", 0):
            self.add_rule(path, "minItems")
        schema = schema["items"]
        found: list[Any] = []
        for item in value:
            if isinstance(item, dict) and schema.get("type") == "object":
                found.append(self.record(schema, item, path))
            elif path[-1] == "sampledValue":
                self.add_rule(path, "type")
                found.append({"raw": _as_text(item)[:MAX_ORIGINAL_LENGTH]})
            elif path[-1] in ("meterValue", "transactionData"):
                self.add_rule(path, "type")
                found.append({"sampledValue": [{"raw": _as_text(item)[:MAX_ORIGINAL_LENGTH]}]})
            elif schema.get("type") == "string" and (text := self.text(schema, item, path)) is not _ABSENT:
                found.append(text)
            elif schema.get("type") != "string":
                self.unreadable(item, path)
        return found

    def text(self, schema: dict[str, Any], value: Any, path: tuple[str, ...]) -> Any:
        if isinstance(value, bool) or not isinstance(value, str | int | float):
            return self.unreadable(value, path)
        if not isinstance(value, str):
            self.add_rule(path, "type")
            value = _as_text(value)
        if "enum" in schema:
            return self.enum_value(schema["enum"], value, path)
        if schema.get("format") == "date-time":
            return self.moment(value, path)
        if len(value) > schema.get("maxLength", len(value)):
            self.add_rule(path, "maxLength")
        return value

    def enum_value(self, choices: list[str], value: str, path: tuple[str, ...]) -> Any:
        if value in choices:
            return value
        self.add_rule(path, "enum")
        plain = _plain(value)
        if not plain:
            return _ABSENT if not value.strip() else self.unknown_enum_value(value, path)
        known = {_plain(choice): choice for choice in choices}
        if plain in known:
            return known[plain]
        if path == ("status",) and self.action == "StatusNotification" and plain in STATUS_SYNONYMS:
            self.keep_original(path, value)
            return STATUS_SYNONYMS[plain]
        return self.unknown_enum_value(value, path)

    def unknown_enum_value(self, value: str, path: tuple[str, ...]) -> str:
        self.keep_original(path, value)
        if self.action in ("StatusNotification", "StopTransaction") and len(path) == 1:
            return FALLBACKS.get(path[0], value)
        return value  # of a sample or a job: stored unchanged, and not used in calculations

    def moment(self, value: str, path: tuple[str, ...]) -> Any:
        if is_moment(value):
            return value
        self.add_rule(path, "format")
        self.keep_original(path, value)
        return _ABSENT

    def whole(self, value: Any, path: tuple[str, ...]) -> Any:
        number = _number(value)
        if number is None:
            return self.unreadable(value, path)
        if not -schemas.MAX_NUMBER <= number <= schemas.MAX_NUMBER:
            self.add_rule(path, "range")
            self.keep_original(path, value)
            return _ABSENT
        if isinstance(value, str):
            self.add_rule(path, "type")
        if number != number.to_integral_value():
            self.add_rule(path, "fraction")
            self.keep_original(path, value)
            return _ABSENT
        return int(number)

    def unreadable(self, value: Any, path: tuple[str, ...]) -> Any:
        self.add_rule(path, "type")
        self.keep_original(path, value)
        return _ABSENT

    # --- fields with special rules -------------------------------------------------------------------------------

    def meter(self, value: Any, path: tuple[str, ...]) -> Any:
        """Read a meter register in Wh. A fraction is rounded half up, as in samples, and the exact value is stored."""
        number = _number(value)
        if number is None or abs(number) > schemas.MAX_NUMBER or number == number.to_integral_value():
            return self.whole(value, path)
        self.add_rule(path, "fraction")
        self.keep_original(path, value)
        return int(number.to_integral_value(ROUND_HALF_UP))

    def transaction(self, value: Any, path: tuple[str, ...]) -> int:
        """Read a transaction id; an impossible one becomes UNKNOWN_ID."""
        number = self.whole(value, path)
        return UNKNOWN_ID if number is _ABSENT else int(number)

    def connector(self, value: Any, path: tuple[str, ...]) -> Any:
        """Read a connector number; an impossible one becomes 0 (unknown), except in a StatusNotification."""
        number = self.whole(value, path)
        if number is _ABSENT and _number(value) is None:
            return _ABSENT
        if number is not _ABSENT and 0 <= number <= MAX_CONNECTOR:
            return number
        self.add_rule(path, "range")
        return _ABSENT if self.action == "StatusNotification" else 0

    def sampled(self, value: Any, path: tuple[str, ...]) -> Any:
        """Read the value of a sample, which is a number as text. Text that is not a number is stored as well."""
        if isinstance(value, str):
            return value
        self.add_rule(path, "type")
        return _as_text(value)[:MAX_ORIGINAL_LENGTH]


_SPECIAL: dict[str, Callable[[_Reader, Any, tuple[str, ...]], Any]] = {
    "connectorId": _Reader.connector,
    "meterStart": _Reader.meter,
    "meterStop": _Reader.meter,
    "transactionId": _Reader.transaction,
    "value": _Reader.sampled,
}


def read_leniently(action: str, payload: Payload, strict: Fault) -> Reading:
    """Read a station's message that violates its schema.

    Args:
        strict: the result of the strict validation.

    Raises:
        Fault: an essential field is missing or unreadable.
    """
    reader = _Reader(action)
    found = reader.record(schemas.schema(action), payload, ())
    if action == "StopTransaction" and "connectorId" in payload:  # not in the schema, but helps to find the session
        connector = _number(payload["connectorId"])
        if connector is not None and 0 < connector <= MAX_CONNECTOR and connector == int(connector):
            found["connectorId"] = int(connector)
    _require_core(action, payload, found, strict)
    for name in DOMAIN_NAMES.get(action, {}):
        max_length = {"idTag": 255}.get(name)
        if max_length and len(found.get(name, "")) > max_length:
            reader.keep_original((name,), found[name])
    return Reading(found, tuple(reader.rules) or (strict.rule,), reader.as_reported)


def read_answer_leniently(action: str, payload: Payload) -> Reading:
    """Read a station's answer that violates its schema; answers are never refused.

    The answer stays complete, since a user may want to see all of it; only its status gets OCPP's spelling.
    """
    reader = _Reader(f"{action}Response")
    found = reader.record(schemas.schema(f"{action}Response"), payload, ())
    status = {"status": found["status"]} if "status" in found else {}
    return Reading(payload | status, tuple(f"answer.{rule}" for rule in reader.rules), {})


def transaction_in(payload: Payload, without: Any) -> Any:
    """Return the transaction id of a message; an impossible one becomes UNKNOWN_ID.

    Args:
        without: returned if the message has none.
    """
    number = payload.get("transactionId")
    if number is None:
        return without
    return int(number) if number > 0 else UNKNOWN_ID


def _require_core(action: str, payload: Payload, found: Payload, strict: Fault) -> None:
    if action == "StopTransaction":
        usable = [name for name in FIELDS_IDENTIFYING_AN_END if name in found]
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
    """Return a finite number, given as number or text; otherwise None."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(value.strip()) if isinstance(value, str) else Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def _as_text(value: Any) -> str:
    return value if isinstance(value, str) else json_text(value)


def _plain(text: str) -> str:
    return _PUNCTUATION.sub("", text.casefold())
