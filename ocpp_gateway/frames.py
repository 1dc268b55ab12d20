"""OCPP-J frames: reading what a station sent, writing what it gets, for every version (OCPP-J 1.6 section 4)."""

from __future__ import annotations

import enum
import re
from dataclasses import dataclass
from typing import Any

import orjson

Payload = dict[str, Any]
CALL, CALLRESULT, CALLERROR = 2, 3, 4
LONGEST_ID = 36
LONGEST_DESCRIPTION = 255
DEEPEST = 100  # arrays and objects within each other; the encoder gives up at 254, and no message needs ten
_ID = re.compile(r'^\s*\[\s*2\s*,\s*"([^"\\\x00-\x1f]{1,36})"')


class FaultKind(enum.Enum):
    """What is wrong with a message; each version has its own word for it."""

    FORMATION = enum.auto()  # not readable, or not the structure of the PDU
    PROPERTY = enum.auto()  # a field has an impossible value
    OCCURRENCE = enum.auto()  # a field is missing, or there too often
    TYPE = enum.auto()  # a field has the wrong type
    UNKNOWN_ACTION = enum.auto()
    UNSUPPORTED_ACTION = enum.auto()  # known, but not in this direction
    SECURITY = enum.auto()
    INTERNAL = enum.auto()


class Fault(Exception):
    """A CALL that gets a CALLERROR.

    Args:
        description: for the station's engineer, at most 255 characters of it are sent.
        rule: which rule was broken, and by which field of the schema ('status: enum'), without anything the station
            could choose: deviations are counted by it.
    """

    def __init__(self, kind: FaultKind, description: str, *, message_id: str = "-1", rule: str = "") -> None:
        super().__init__(description)
        self.kind, self.description, self.message_id = kind, description, message_id
        self.rule = rule or kind.name.lower()


@dataclass(frozen=True, slots=True)
class Call:
    message_id: str
    action: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class CallResult:
    message_id: str
    payload: Payload


@dataclass(frozen=True, slots=True)
class CallError:
    message_id: str
    code: str
    description: str


Frame = Call | CallResult | CallError


def read_frame(text: str) -> Frame | None:
    """Read one frame. None for a message type that is to be ignored (OCPP-J 1.6 section 4.1.3).

    Raises:
        Fault: it is not readable; `message_id` is the message's where it could be found, otherwise '-1'.
    """
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise Fault(
            FaultKind.FORMATION, "The message is not valid JSON.", message_id=_salvage_id(text), rule="json"
        ) from None
    if not isinstance(frame, list) or not frame:
        raise Fault(FaultKind.FORMATION, "A message is a JSON array that begins with its type.", rule="frame")
    kind = frame[0]
    if isinstance(kind, bool) or kind not in (CALL, CALLRESULT, CALLERROR):  # 2.0 is 2: JSON has one kind of number
        return None
    if kind == CALL:
        return _read_call(frame, text)
    return _read_reply(frame, text)


def _read_reply(frame: list[Any], text: str) -> CallResult | CallError | None:
    """An answer to a call of ours; what cannot be stored of it is made harmless, since nobody answers an answer."""
    if len(frame) < 3 or not isinstance(frame[1], str):
        return None  # nobody can be waiting for it
    if _is_too_deep(frame, text):
        return CallError(frame[1], "FormationViolation", "The station's answer is nested too deeply.")
    if "\\u0000" in text:
        frame = _without_nul(frame)
    if frame[0] == CALLRESULT:
        return CallResult(frame[1], frame[2] if isinstance(frame[2], dict) else {})
    description = frame[3] if len(frame) > 3 and isinstance(frame[3], str) else ""
    return CallError(frame[1], frame[2] if isinstance(frame[2], str) else "GenericError", description)


def _read_call(frame: list[Any], text: str) -> Call:
    message_id = frame[1] if len(frame) > 1 else None
    if not isinstance(message_id, str) or not message_id:
        raise Fault(FaultKind.FORMATION, "The message id must be a string of 1 to 36 characters.", rule="message id")
    if len(message_id) > LONGEST_ID:
        raise Fault(
            FaultKind.FORMATION,
            "The message id is longer than 36 characters.",
            message_id=message_id,
            rule="message id",
        )
    if len(frame) != 4:
        raise Fault(
            FaultKind.FORMATION,
            "A CALL has four elements: 2, id, action, payload.",
            message_id=message_id,
            rule="frame",
        )
    action, payload = frame[2], frame[3]
    if not isinstance(action, str) or not action:
        raise Fault(FaultKind.FORMATION, "The action must be a string.", message_id=message_id, rule="frame")
    if payload is None:  # some stations send null where a payload is empty
        payload = {}
    if not isinstance(payload, dict):
        raise Fault(FaultKind.FORMATION, "The payload must be a JSON object.", message_id=message_id, rule="frame")
    if _is_too_deep(frame, text):
        raise Fault(FaultKind.FORMATION, "The message is nested too deeply.", message_id=message_id, rule="depth")
    if "\\u0000" in text and _has_nul(frame):
        raise Fault(FaultKind.FORMATION, "A text contains the character NUL.", message_id=message_id, rule="nul")
    return Call(message_id, action, payload)


def _salvage_id(text: str) -> str:
    found = _ID.match(text)
    return found[1] if found else "-1"


def _is_too_deep(value: Any, text: str) -> bool:
    """Brackets are counted first: that is quick, and few messages have many."""
    return text.count("[") + text.count("{") > DEEPEST and _is_deeper(value, DEEPEST)


def _is_deeper(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return False
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in value)


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\x00", "\ufffd")
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(item) for key, item in value.items()}
    return [_without_nul(item) for item in value] if isinstance(value, list) else value


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_has_nul, value))


def json_text(value: Any) -> str:
    return orjson.dumps(value).decode()


def call(message_id: str, action: str, payload: Payload) -> str:
    return json_text([CALL, message_id, action, payload])


def call_result(message_id: str, payload_text: str) -> str:
    """The payload is JSON text already: it is stored and sent as the same bytes."""
    return f"[3,{json_text(message_id)},{payload_text}]"


def call_error(message_id: str, code: str, description: str) -> str:
    return json_text([CALLERROR, message_id, code, description[:LONGEST_DESCRIPTION], {}])
