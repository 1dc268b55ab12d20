"""The JSON schemas of OCPP 1.6, from the `ocpp` package, compiled once (its own check costs hundreds of times as much).

Changes to them: both spellings of Celsius are known (errata 2.1), 1.0 is a whole number as in every later draft of JSON
schema, and times are checked. What else real stations need is not a matter of the schema, see `reading`.
"""

from __future__ import annotations

import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema_rs
import ocpp

from ocpp_gateway.frames import Fault, FaultKind, Payload
from ocpp_gateway.v16.moments import is_moment

FOLDER = Path(ocpp.__file__).parent / "v16" / "schemas"
MOST = 2**53 - 1
_WORD = re.compile(r"[A-Za-z_]{2,40}[0-9]?")
# OCPP-J 1.6 section 4.2.3, table 7
KIND_OF_KEYWORD = {
    "additionalProperties": FaultKind.FORMATION,
    "required": FaultKind.OCCURRENCE,
    "minItems": FaultKind.OCCURRENCE,
    "maxItems": FaultKind.OCCURRENCE,
    "type": FaultKind.TYPE,
    "maxLength": FaultKind.TYPE,  # CiString20 is a type of its own
    "format": FaultKind.PROPERTY,
    "enum": FaultKind.PROPERTY,
}


def _tolerate(schema: Any) -> Any:
    if isinstance(schema, dict):
        values = schema.get("enum")
        if isinstance(values, list) and {"Celcius", "Celsius"} & set(values):
            schema["enum"] = sorted({*values, "Celcius", "Celsius"})
        for value in schema.values():
            _tolerate(value)
    elif isinstance(schema, list):
        for value in schema:
            _tolerate(value)
    return schema


NAMES = frozenset(path.stem for path in FOLDER.glob("*.json"))


def validator(name: str) -> Any | None:
    """The compiled schema of an action ('Reset') or its answer ('ResetResponse'); None when there is none."""
    return _compiled(name) if name in NAMES else None  # a station may ask for any name: not all are remembered


@cache
def schema(name: str) -> dict[str, Any]:
    """The schema of an action or its answer, which must be one of NAMES."""
    found: dict[str, Any] = _tolerate(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8-sig")))
    found["$schema"] = "http://json-schema.org/draft-07/schema#"
    return found


@cache
def _compiled(name: str) -> Any:
    return jsonschema_rs.validator_for(schema(name), validate_formats=True, formats={"date-time": is_moment})


def check(name: str, payload: Payload) -> None:
    """Check a payload.

    Raises:
        Fault: with the kind, and the field's name in the description; the value is not repeated.
    """
    compiled = validator(name)
    if compiled is None:
        raise Fault(FaultKind.UNKNOWN_ACTION, f"The action {name[:60]} is not known.")
    if not compiled.is_valid(payload):
        raise _fault(compiled, payload)
    _check_numbers(payload, "")


def _fault(compiled: Any, payload: Payload) -> Fault:
    error = min(compiled.iter_errors(payload), key=lambda each: (len(each.instance_path), str(each.instance_path)))
    keyword = error.kind.name
    place = ".".join(str(part) for part in error.instance_path)
    kind, rule = KIND_OF_KEYWORD.get(keyword, FaultKind.PROPERTY), _rule(error)
    if keyword in ("required", "additionalProperties"):
        return Fault(kind, f"{place or 'payload'}: {error.message}", rule=rule)
    return Fault(kind, f"{place or 'payload'}: {keyword} does not fit the schema.", rule=rule)


def _rule(error: Any) -> str:
    """The field and the keyword. Of names that a station made up, only words are repeated: no number of a card."""
    names = [part for part in error.instance_path if isinstance(part, str)]
    if error.kind.name == "required":
        names.append(error.kind.property)
    elif error.kind.name == "additionalProperties":
        names.append(min(filter(_WORD.fullmatch, error.kind.unexpected), default="?"))
    return f"{'.'.join(names) or 'payload'}: {error.kind.name}"


def _check_numbers(value: Any, place: str) -> None:
    """JSON has no limit for numbers, a database has."""
    if isinstance(value, dict):
        for key, item in value.items():
            _check_numbers(item, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                _check_numbers(item, place)
    elif isinstance(value, int | float) and not -MOST <= value <= MOST:
        raise Fault(FaultKind.PROPERTY, f"{place}: the number is too large.", rule=f"{place}: range")
