"""Reading and writing of OCPP-J frames, for every version (OCPP-J 1.6 section 4).

Almost valid JSON (control characters in a string, NaN, lone surrogates) is read with a second, slower parser: some
stations send it with every text they hold. Characters that the database cannot store are replaced.
"""

from __future__ import annotations

import enum
import json
import math
import re
from dataclasses import dataclass
from typing import Any

import orjson

Payload = dict[str, Any]
CALL, CALLRESULT, CALLERROR = 2, 3, 4
MAX_ID_LENGTH = 36
MAX_DESCRIPTION_LENGTH = 255
MAX_DEPTH = 100  # of nested arrays and objects; the encoder fails at 254, and no valid message needs ten
REPLACEMENT = "\ufffd"
_ID = re.compile(r'^\s*\[\s*2\s*,\s*"([^"\\\x00-\x1f]{1,36})"')
_ANSWER = re.compile(r'^\s*\[\s*[34]\s*,\s*"([^"\\\x00-\x1f]{1,64})"')
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


class FaultKind(enum.Enum):
    """What is wrong with a message. Each version has its own error code for it."""

    FORMATION = enum.auto()  # not readable, or not structured as the PDU
    PROPERTY = enum.auto()  # a field has an invalid value
    OCCURRENCE = enum.auto()  # a field is missing or occurs too often
    TYPE = enum.auto()  # a field has the wrong type
    UNKNOWN_ACTION = enum.auto()
    UNSUPPORTED_ACTION = enum.auto()  # known, but not in this direction
    SECURITY = enum.auto()
    INTERNAL = enum.auto()


class Fault(Exception):
    """A CALL that is answered with a CALLERROR.

    Args:
        description: an explanation for the station's developer; at most 255 characters are sent.
        rule: the violated rule and the field ('status: enum'), without any text that the station could choose:
            deviations are grouped by it.
    """

    def __init__(self, kind: FaultKind, description: str, *, message_id: str = "-1", rule: str = "") -> None:
        super().__init__(description)
        self.kind, self.description, self.message_id = kind, description, message_id
        self.rule = rule or kind.name.lower()


@dataclass(frozen=True, slots=True)
class Call:
    """A station's call. `rules` are the rules that the frame itself violated, although it could be read."""

    message_id: str
    action: str
    payload: Payload
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CallResult:
    message_id: str
    payload: Payload
    rules: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CallError:
    message_id: str
    code: str
    description: str


Frame = Call | CallResult | CallError


def read_frame(text: str) -> Frame | None:
    """Read one frame. Return None for a message type that must be ignored (OCPP-J 1.6 section 4.1.3).

    Raises:
        Fault: the frame is not readable and not an answer to one of our calls. `message_id` is that of the message if
            it could be found, otherwise '-1'.
    """
    rules: tuple[str, ...] = ()
    try:
        frame = orjson.loads(text)
    except orjson.JSONDecodeError:
        try:
            frame, rules = _loads_leniently(text)
        except (ValueError, RecursionError):
            return _unreadable(text)
    else:
        if "\\u0000" in text and _has_unstorable(frame):
            rules = ("payload: characters",)
    if not isinstance(frame, list) or not frame:
        raise Fault(FaultKind.FORMATION, "A message is a JSON array that begins with its type.", rule="frame")
    kind = frame[0]
    if isinstance(kind, bool) or kind not in (CALL, CALLRESULT, CALLERROR):  # 2.0 equals 2: JSON has one number type
        return None
    if kind == CALL:
        return _read_call(frame, text, rules)
    return _read_reply(frame, text, rules)


def _loads_leniently(text: str) -> tuple[Any, tuple[str, ...]]:
    """Read JSON that contains control characters, lone surrogates, NaN or infinity, or a byte order mark.

    Raises:
        ValueError, RecursionError: the text is not JSON even then.
    """
    rules = set()

    def number(token: str) -> Any:
        value = float(token)
        if math.isfinite(value):
            return value
        rules.add("payload: range")
        return token

    def whole(token: str) -> Any:
        return int(token) if len(token) < 19 else number(token)

    frame = json.loads(
        text.removeprefix("\ufeff"), strict=False, parse_float=number, parse_int=whole, parse_constant=number
    )
    return frame, tuple(rules) or ("payload: characters",)


def _unreadable(text: str) -> CallError:
    """Treat an unreadable answer as a failed call: answers are never answered with an error.

    Raises:
        Fault: the text is not an answer.
    """
    answer = _ANSWER.match(text)
    if answer is not None:
        return CallError(answer[1], "FormationViolation", "The station's answer is not valid JSON.")
    raise Fault(FaultKind.FORMATION, "The message is not valid JSON.", message_id=_message_id_in(text), rule="json")


def _read_reply(frame: list[Any], text: str, rules: tuple[str, ...]) -> CallResult | CallError | None:
    """Read the answer to one of our calls. Unstorable characters are replaced, since an answer cannot be refused."""
    if len(frame) < 3 or not isinstance(frame[1], str):
        return None  # no call can be waiting for it
    if _is_too_deep(frame, text):
        return CallError(frame[1], "FormationViolation", "The station's answer is nested too deeply.")
    if rules:
        frame = replace_unstorable(frame)
    if frame[0] == CALLRESULT:
        if isinstance(frame[2], dict):
            return CallResult(frame[1], frame[2], rules)
        return CallResult(frame[1], {}, (*rules, "payload: type"))
    description = frame[3] if len(frame) > 3 and isinstance(frame[3], str) else ""
    return CallError(frame[1], frame[2] if isinstance(frame[2], str) else "GenericError", description)


def _read_call(frame: list[Any], text: str, rules: tuple[str, ...]) -> Call:
    message_id = frame[1] if len(frame) > 1 else None
    if isinstance(message_id, str) and _has_lone_surrogate(message_id):
        message_id = None  # it could not be sent back
    if not isinstance(message_id, str) or not message_id:
        raise Fault(FaultKind.FORMATION, "The message id must be a string of 1 to 36 characters.", rule="message id")
    if len(message_id) > MAX_ID_LENGTH:
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
        payload, rules = {}, (*rules, "payload: type")
    if not isinstance(payload, dict):
        raise Fault(FaultKind.FORMATION, "The payload must be a JSON object.", message_id=message_id, rule="frame")
    if _is_too_deep(frame, text):
        raise Fault(FaultKind.FORMATION, "The message is nested too deeply.", message_id=message_id, rule="depth")
    if rules:
        action, payload = replace_unstorable(action), replace_unstorable(payload)
    return Call(message_id, action, payload, rules)


def _message_id_in(text: str) -> str:
    found = _ID.match(text)
    return found[1] if found else "-1"


def _is_too_deep(value: Any, text: str) -> bool:
    """Return whether a value is nested too deeply. Counting brackets first is quick and rules out most messages."""
    return text.count("[") + text.count("{") > MAX_DEPTH and _is_deeper(value, MAX_DEPTH)


def _is_deeper(value: Any, levels: int) -> bool:
    if isinstance(value, dict):
        value = value.values()
    elif not isinstance(value, list):
        return False
    return levels == 0 or any(_is_deeper(item, levels - 1) for item in value)


def replace_unstorable(value: Any) -> Any:
    """Return the value with characters that PostgreSQL cannot store (NUL, lone surrogates) replaced."""
    if isinstance(value, str):
        return _UNSTORABLE.sub(REPLACEMENT, value)
    if isinstance(value, dict):
        return {replace_unstorable(key): replace_unstorable(item) for key, item in value.items()}
    return [replace_unstorable(item) for item in value] if isinstance(value, list) else value


def _has_unstorable(value: Any) -> bool:
    if isinstance(value, str):
        return _UNSTORABLE.search(value) is not None
    if isinstance(value, dict):
        return any(_has_unstorable(key) or _has_unstorable(item) for key, item in value.items())
    return isinstance(value, list) and any(map(_has_unstorable, value))


def _has_lone_surrogate(text: str) -> bool:
    return any("\ud800" <= character <= "\udfff" for character in text)


def json_text(value: Any) -> str:
    return orjson.dumps(value).decode()


def call(message_id: str, action: str, payload: Payload) -> str:
    return json_text([CALL, message_id, action, payload])


def call_result(message_id: str, payload_text: str) -> str:
    """Return a CALLRESULT. The payload is JSON text already, so that the stored and the sent bytes are the same."""
    return f"[3,{json_text(message_id)},{payload_text}]"


def call_error(message_id: str, code: str, description: str) -> str:
    return json_text([CALLERROR, message_id, code, description[:MAX_DESCRIPTION_LENGTH], {}])
