"""What somebody may read who sees how stations work, but not who charged there and how much.

Messages and commands are shown by allow-list: of each action only the fields that are declared technical. The gateway
registers a table for each OCPP version, since nobody may import it.
"""

from __future__ import annotations

import json
from functools import cached_property
from typing import Any, Protocol

from accounts.models import User
from accounts.rights import Can, Scope
from chargers.models import ChargingStation

Payload = dict[str, Any]


class TechnicalFields(Protocol):
    """Which fields of one OCPP version are technical."""

    protocol: str

    def request(self, action: str, payload: Payload) -> Payload:
        """Return the technical fields of a call; none of an action that is not declared."""

    def answer(self, action: str, payload: Payload) -> Payload:
        """Return the technical fields of the answer to a call."""

    def parameters(self, kind: str, parameters: Payload) -> Payload:
        """Return those parameters of a command, in our words, that stand for technical fields."""


_tables: dict[str, TechnicalFields] = {}


def register(table: TechnicalFields) -> None:
    _tables[table.protocol] = table


def technical_request(protocol: str, action: str, text: str) -> str:
    """Return the technical part of a call's JSON text; nothing of what cannot be read."""
    table = _tables.get(protocol)
    return "" if table is None else _written(table.request(action, _read(text)))


def technical_answer(protocol: str, action: str, text: str) -> str:
    table = _tables.get(protocol)
    return "" if table is None or not text else _written(table.answer(action, _read(text)))


def technical_parameters(protocol: str, kind: str, parameters: Payload) -> Payload:
    table = _tables.get(protocol)
    return {} if table is None else table.parameters(kind, parameters)


def technical_fields_of_answer(protocol: str, action: str, answer: Payload) -> Payload:
    table = _tables.get(protocol)
    return {} if table is None else table.answer(action, answer)


def _read(text: str) -> Payload:
    try:
        value = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _written(payload: Payload) -> str:
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False)


class Reader:
    """Somebody who reads messages and commands of many stations."""

    def __init__(self, user: User) -> None:
        self._user = user

    @cached_property
    def _scope(self) -> Scope:
        return self._user.scope(Can.SEE_SESSIONS)

    def sees_sessions(self, station: ChargingStation) -> bool:
        """Whether they may read who charged at a station, and how much."""
        return self._scope.includes(
            team_id=station.team_id, installation_id=station.installation_id, station_id=station.pk
        )
