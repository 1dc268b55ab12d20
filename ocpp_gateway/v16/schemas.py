"""The JSON schemas of OCPP 1.6 from the `ocpp` package, compiled once (its own check is hundreds of times slower).

Changes to them: both spellings of Celsius are accepted (errata 2.1), 1.0 is an integer as in every later draft of JSON
schema, and times are validated. All further tolerance is in `reading`.
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
MAX_NUMBER = 2**53 - 1
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


def _relax(schema: Any) -> Any:
    if isinstance(schema, dict):
        values = schema.get("enum")
        if isinstance(values, list) and {"Celcius", "Celsius"} & set(values):
            schema["enum"] = sorted({*values, "Celcius", "Celsius"})
        for value in schema.values():
            _relax(value)
    elif isinstance(schema, list):
        for value in schema:
            _relax(value)
    return schema


NAMES = frozenset(path.stem for path in FOLDER.glob("*.json"))


def validator(name: str) -> Any | None:
    """Return the compiled schema of an action ('Reset') or its answer ('ResetResponse'), or None."""
    return _compiled(name) if name in NAMES else None  # stations may send any name, and the cache must stay small


@cache
def schema(name: str) -> dict[str, Any]:
    """Return the schema of an action or its answer, which must be one of NAMES."""
    found: dict[str, Any] = _relax(json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8-sig")))
    found["$schema"] = "http://json-schema.org/draft-07/schema#"
    return found


@cache
def _compiled(name: str) -> Any:
    return jsonschema_rs.validator_for(schema(name), validate_formats=True, formats={"date-time": is_moment})


def check(name: str, payload: Payload) -> None:
    """Validate a payload.

    Raises:
        Fault: it is invalid. The description names the field but does not repeat the value.
    """
    compiled = validator(name)
    if compiled is None:
        raise Fault(FaultKind.UNKNOWN_ACTION, f"The action {name[:60]} is not known.")
    if not compiled.is_valid(payload):
        raise _fault(compiled, payload)
    _check_numbers(payload, "")


def _fault(compiled: Any, payload: Payload) -> Fault:
    error = min(compiled.iter_errors(payload), key=lambda found: (len(found.instance_path), str(found.instance_path)))
    keyword = error.kind.name
    path = ".".join(str(part) for part in error.instance_path)
    kind, rule = KIND_OF_KEYWORD.get(keyword, FaultKind.PROPERTY), _rule(error)
    if keyword in ("required", "additionalProperties"):
        return Fault(kind, f"{path or 'payload'}: {error.message}", rule=rule)
    return Fault(kind, f"{path or 'payload'}: {keyword} does not fit the schema.", rule=rule)


def _rule(error: Any) -> str:
    """Return 'field: keyword'. Of unknown field names only plain words are repeated, so never a card number."""
    names = [part for part in error.instance_path if isinstance(part, str)]
    if error.kind.name == "required":
        names.append(error.kind.property)
    elif error.kind.name == "additionalProperties":
        names.append(min(filter(_WORD.fullmatch, error.kind.unexpected), default="?"))
    return f"{'.'.join(names) or 'payload'}: {error.kind.name}"


def _check_numbers(value: Any, path: str) -> None:
    """Refuse numbers that the database cannot store: JSON has no limit for them."""
    if isinstance(value, dict):
        for key, item in value.items():
            _check_numbers(item, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, dict):
                _check_numbers(item, path)
    elif isinstance(value, int | float) and not -MAX_NUMBER <= value <= MAX_NUMBER:
        raise Fault(FaultKind.PROPERTY, f"{path}: the number is too large.", rule=f"{path}: range")
