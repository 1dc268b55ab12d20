"""The format of a set-up file: a team's sites, stations, tags and people, as JSON Schema (draft 2020-12)."""

from __future__ import annotations

from typing import Any

from accounts.access.rights import GrantRole, Role
from chargers.installations.models import Installation
from chargers.stations.models import ChargingStation
from chargers.tags.models import Tag
from chargers.vocabulary import ConnectorFormat, ConnectorStandard, PhaseRotation, PowerType

Schema = dict[str, Any]
AMPERES: Schema = {"type": "number", "minimum": 1, "maximum": 6000, "multipleOf": 0.1}
NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 120}
IDENTITY: Schema = {"type": "string", "minLength": 1, "maxLength": 48}
EMAIL: Schema = {"type": "string", "minLength": 3, "maxLength": 254}
MOMENT: Schema = {"type": ["string", "null"], "format": "date-time"}


def _text(most: int, description: str = "") -> Schema:
    return {"type": "string", "maxLength": most} | ({"description": description} if description else {})


def _choice(values: list[Any], description: str = "") -> Schema:
    return {"enum": list(values)} | ({"description": description} if description else {})


def _table(properties: Schema, *, required: tuple[str, ...] = ()) -> Schema:
    """Return the schema of an object that has no other properties than these."""
    return {
        "type": "object",
        "properties": properties,
        "required": list(required),
        "additionalProperties": False,
    }


def _rows(item: Schema, description: str = "") -> Schema:
    return {"type": "array", "items": item} | ({"description": description} if description else {})


CIRCUIT = _table(
    {
        "name": NAME,
        "parent": {"type": ["string", "null"], "description": "The circuit that feeds it; null: the main breaker."},
        "max_current_a": AMPERES | {"description": "Fuse in amperes per phase."},
        "phases": _choice([1, 3]),
        "deactivated": {"type": "boolean"},
    },
    required=("name", "max_current_a"),
)
RATINGS: Schema = {
    "standard": _choice(["", *ConnectorStandard.values], "Plug or socket, by its OCPI name."),
    "format": _choice(["", *ConnectorFormat.values]),
    "power_type": _choice(["", *PowerType.values]),
    "max_power_w": {"type": ["integer", "null"], "minimum": 0},
}
CONNECTOR = _table(
    {
        "number": {"type": "integer", "minimum": 1},
        "evse": {"type": "integer", "minimum": 1, "description": "Number of its EVSE; default: its own number."},
        "evse_id": _text(48, "For example DE*ABC*E1234 (eMI3)."),
        **RATINGS,
        "max_current_a": {
            "type": ["number", "null"], "minimum": 1, "maximum": 1000,
            "description": "Rated current in amperes per phase, as connected to the circuit.",
        },
        "phases": _choice([1, 2, 3, None]),
        "phase_rotation": _choice(
            ["", *PhaseRotation.values], "Phases of the circuit at L1, L2 and L3 of the station; empty: unknown."
        ),
    },
    required=("number",),
)  # fmt: skip
STATION = _table(
    {
        "identity": IDENTITY | {"description": "The identity with which it connects."},
        "name": _text(120),
        "circuit": {"type": ["string", "null"], "description": "Name of a circuit of the installation."},
        "password": _text(40, "Without it, a new station gets a random one, which the result contains once."),
        "protocol": _choice([*ChargingStation.Protocol.values, "1.6J", "ocpp1.6"]),
        "model": _text(201, "Vendor and name of a hardware model, for example Alfen Eve Double Pro-line."),
        "deactivated": {"type": "boolean"},
        "connectors": _rows(CONNECTOR),
    },
    required=("identity",),
)
ADDRESS: Schema = {
    "street": _text(200, "Street and number."),
    "postal_code": _text(20),
    "city": _text(120),
    "country": _text(2, "Two letters (ISO 3166-1)."),
}
ADDRESS_PARTS: Schema = {"maxLength": 200, "properties": ADDRESS, "additionalProperties": False}
_degrees: dict[str, int] = {"latitude": 90, "longitude": 180}
INSTALLATION = _table(
    {
        "name": NAME,
        "category": _choice(["", *Installation.Category.values]),
        "parking": _choice(["", *Installation.Parking.values]),
        "address": {"type": ["string", "object"], "description": "Instead of the next four fields."} | ADDRESS_PARTS,
        **ADDRESS,
        **{name: {"type": ["number", "null"], "minimum": -most, "maximum": most} for name, most in _degrees.items()},
        "time_zone": _text(60, "For example Europe/Berlin."),
        "contact_name": _text(160),
        "contact_phone": _text(40),
        "hotline": _text(40),
        "emergency_contact": _text(160),
        "opening_hours": _text(200),
        "access_notes": _text(1000),
        "grid_type": _choice(Installation.GridType.values),
        "phases": _choice([1, 3]),
        "voltage": {
            "type": "integer", "minimum": 100, "maximum": 1000,
            "description": "Volts between line and neutral (TN and TT) or between two lines (IT).",
        },
        "main_breaker_a": {**AMPERES, "type": ["number", "null"]},
        "circuits": _rows(CIRCUIT),
        "stations": _rows(STATION),
    },
    required=("name",),
)  # fmt: skip
HARDWARE_MODEL = _table(
    {
        "vendor": {"type": "string", "minLength": 1, "maxLength": 80},
        "name": NAME,
        "quirks": _text(2000),
        "data_sheet": _text(300),
        "connectors": _rows(
            _table(
                {
                    "number": {"type": "integer", "minimum": 1},
                    "evse_number": {"type": "integer", "minimum": 1},
                    "standard": _choice(ConnectorStandard.values),
                    "format": _choice(ConnectorFormat.values),
                    "power_type": _choice(PowerType.values),
                    "max_voltage_v": {"type": "integer", "minimum": 1, "maximum": 1500},
                    "max_current_a": {"type": "integer", "minimum": 1},
                    "max_power_w": {"type": "integer", "minimum": 1},
                },
                required=(
                    "number", "evse_number", "standard", "format", "power_type", "max_voltage_v", "max_current_a",
                    "max_power_w",
                ),
            )
        ),
    },
    required=("vendor", "name"),
)  # fmt: skip
TIME_WINDOW = _table(
    {
        "days": _rows({"type": "integer", "minimum": 1, "maximum": 7}, "1 is Monday, 7 is Sunday."),
        "from": _text(5, "For example 07:00."),
        "to": _text(5, "A window that ends at or before its start ends on the next day."),
    },
    required=("days", "from", "to"),
)
TAG = _table(
    {
        "value": {"type": "string", "minLength": 1, "maxLength": 36},
        "label": _text(120),
        "type": _choice(Tag.Kind.values),
        "status": _choice(Tag.Status.values),
        "valid_from": MOMENT,
        "expires_at": MOMENT,
        "time_windows": _rows(TIME_WINDOW, "When it is valid, by the clock at the station; none: always."),
        "person": EMAIL | {"type": ["string", "null"], "description": "E-mail address of its holder."},
        "scope": _choice(
            Tag.Scope.values, "Where it is valid. Default: selected if one of the next three lists has rows."
        ),
        "stations": _rows(IDENTITY),
        "installations": _rows(NAME),
        "groups": _rows(_table({"name": NAME, "person": EMAIL}, required=("name", "person"))),
    },
    required=("value",),
)
GROUP = _table(
    {"name": NAME, "person": EMAIL | {"description": "Whose group it is."}, "stations": _rows(IDENTITY)},
    required=("name", "person"),
)
MEMBER = _table({"email": EMAIL, "role": _choice(Role.values)}, required=("email", "role"))
GRANT = _table(
    {
        "installation": NAME,
        "station": IDENTITY,
        "role": _choice(GrantRole.values),
        "person": EMAIL,
        "team": _text(60, "Handle of the team that gets access."),
        "ends_at": MOMENT,
    },
    required=("role",),
) | {
    "allOf": [
        {"oneOf": [{"required": ["installation"]}, {"required": ["station"]}]},
        {"oneOf": [{"required": ["person"]}, {"required": ["team"]}]},
    ]
}
SCHEMA: Schema = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Set-up of a team",
    **_table(
        {
            "$schema": {"type": "string"},
            "hardware_models": _rows(HARDWARE_MODEL, "Only support staff can add models to the catalogue."),
            "members": _rows(MEMBER),
            "installations": _rows(INSTALLATION),
            "stations": _rows(STATION, "Stations that are in no installation."),
            "groups": _rows(GROUP),
            "tags": _rows(TAG),
            "grants": _rows(GRANT),
        }
    ),
}
