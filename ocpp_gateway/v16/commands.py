"""Commands in the words of OCPP 1.6 (sections 5.2 to 5.18)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from chargers.protocols import CommandOutcome, Setting
from cpms.common.errors import DomainError
from ocpp_gateway.commands import TableOfCommands
from ocpp_gateway.frames import Fault, Payload
from ocpp_gateway.v16 import schemas
from ocpp_gateway.v16.words import (
    AVAILABILITIES,
    CONFIGURATION_KEYS,
    PASSWORD_KEY,
    RESET_KINDS,
    RESULTS,
    STATION_MESSAGES,
)
from ocpp_gateway.words import Words
from operations.models import Command

Kind = Command.Kind
FROM_STATIONS = {
    "Authorize", "BootNotification", "DiagnosticsStatusNotification", "FirmwareStatusNotification", "Heartbeat",
    "LogStatusNotification", "MeterValues", "SecurityEventNotification", "SignCertificate",
    "SignedFirmwareStatusNotification", "StartTransaction", "StatusNotification", "StopTransaction",
}  # fmt: skip
# kind: (action, {our parameter: its field})
FIELDS: dict[str, tuple[str, dict[str, str]]] = {
    Kind.REMOTE_START: ("RemoteStartTransaction", {"connector": "connectorId", "id_tag": "idTag",
                                                   "charging_profile": "chargingProfile"}),
    Kind.REMOTE_STOP: ("RemoteStopTransaction", {"session": "transactionId"}),
    Kind.RESET: ("Reset", {"type": "type"}),
    Kind.CHANGE_AVAILABILITY: ("ChangeAvailability", {"connector": "connectorId", "type": "type"}),
    Kind.UNLOCK: ("UnlockConnector", {"connector": "connectorId"}),
    Kind.TRIGGER_MESSAGE: ("TriggerMessage", {"message": "requestedMessage", "connector": "connectorId"}),
    Kind.GET_CONFIGURATION: ("GetConfiguration", {"keys": "key"}),
    Kind.CHANGE_CONFIGURATION: ("ChangeConfiguration", {"key": "key", "value": "value"}),
    Kind.CLEAR_CACHE: ("ClearCache", {}),
    Kind.DATA_TRANSFER: ("DataTransfer", {"vendor": "vendorId", "message": "messageId", "data": "data"}),
}  # fmt: skip
# what a parameter of ours is in their words, where it is not passed on as it is
VALUES: dict[tuple[str, str], Words] = {
    (Kind.RESET, "type"): RESET_KINDS,
    (Kind.CHANGE_AVAILABILITY, "type"): AVAILABILITIES,
    (Kind.TRIGGER_MESSAGE, "message"): STATION_MESSAGES,
    (Kind.CHANGE_CONFIGURATION, "key"): CONFIGURATION_KEYS,
}


class CommandsV16(TableOfCommands):
    protocol, label = "1.6", "OCPP 1.6"
    fields = FIELDS
    values = VALUES

    def parameters_schema(self, kind: str) -> Payload:
        action, fields = FIELDS[kind]
        theirs = schemas.schema(action)
        described = theirs.get("properties", {})
        needed = [ours for ours, name in fields.items() if name in theirs.get("required", [])]
        properties = {ours: _described(described[name]) for ours, name in fields.items()}
        found: Payload = {"type": "object", "properties": properties, "additionalProperties": False}
        return found | ({"required": needed} if needed else {})

    def outcome(self, answer: Payload) -> CommandOutcome:
        status, entries, unknown = (answer.get(name) for name in ("status", "configurationKey", "unknownKey"))
        configuration = None
        if isinstance(entries, list):
            configuration = [_setting(entry) for entry in entries if isinstance(entry, dict)]
        return CommandOutcome(
            result=RESULTS.get(status) if isinstance(status, str) else None,
            text=str(status or answer.get("data") or ""),
            configuration=configuration,
            unknown_keys=[str(key) for key in unknown] if isinstance(unknown, list) else [],
        )

    def connector_in(self, action: str, payload: Payload) -> Any:
        return payload.get("connectorId")

    def password_in(self, action: str, payload: Payload) -> str | None:
        is_password = str(payload.get("key", "")).strip().lower() == PASSWORD_KEY
        is_change = action == FIELDS[Kind.CHANGE_CONFIGURATION][0]
        return str(payload.get("value", "")) if is_change and is_password else None

    def with_password(self, action: str, payload: Payload, password: str) -> Payload:
        return {**payload, "value": password}

    def check(self, action: str, payload: Any, names: Mapping[str, str]) -> None:
        if action in FROM_STATIONS or action.endswith("Response") or schemas.validator(action) is None:
            named = {"version": self.label, "action": action}
            sentence = _("%(version)s has no request %(action)s to a station.") % named
            raise DomainError(sentence, fields={"action": _("Not known.")})
        super().check(action, payload, names)
        try:
            schemas.check(action, payload)
        except Fault as fault:
            place, _colon, what = fault.description.partition(":")
            name = names.get(place, place) if place != "payload" else "payload"
            raise DomainError(fault.description, fields={name: what.strip() or fault.description}) from None


def _setting(entry: Payload) -> Setting:
    value = entry.get("value")
    return Setting(str(entry.get("key")), None if value is None else str(value), bool(entry.get("readonly")))


def _described(schema: Payload) -> Payload:
    """A part of a JSON schema without what OpenAPI does not take."""
    return {name: value for name, value in schema.items() if name not in ("id", "$schema")}


COMMANDS_V16 = CommandsV16()
