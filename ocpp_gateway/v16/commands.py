"""Translation of commands into OCPP 1.6 (sections 5.2 to 5.18)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from chargers.protocols import CommandOutcome, Setting
from cpms.common.errors import DomainError
from ocpp_gateway.commands import TableCommandCodec
from ocpp_gateway.frames import Fault, Payload
from ocpp_gateway.translations import Translations
from ocpp_gateway.v16 import schemas
from ocpp_gateway.v16.terms import (
    AVAILABILITIES,
    CONFIGURATION_KEYS,
    PASSWORD_KEY,
    RESET_KINDS,
    RESULTS,
    STATION_MESSAGES,
)
from operations.models import Command

Kind = Command.Kind
FROM_STATIONS = {
    "Authorize", "BootNotification", "DiagnosticsStatusNotification", "FirmwareStatusNotification", "Heartbeat",
    "LogStatusNotification", "MeterValues", "SecurityEventNotification", "SignCertificate",
    "SignedFirmwareStatusNotification", "StartTransaction", "StatusNotification", "StopTransaction",
}  # fmt: skip
# kind: (action, {our parameter: OCPP field})
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
# OCPP's values of our parameters; values of other parameters are passed on unchanged
VALUES: dict[tuple[str, str], Translations] = {
    (Kind.RESET, "type"): RESET_KINDS,
    (Kind.CHANGE_AVAILABILITY, "type"): AVAILABILITIES,
    (Kind.TRIGGER_MESSAGE, "message"): STATION_MESSAGES,
    (Kind.CHANGE_CONFIGURATION, "key"): CONFIGURATION_KEYS,
}


class CommandsV16(TableCommandCodec):
    protocol, label = "1.6", "OCPP 1.6"
    fields = FIELDS
    values = VALUES

    def parameters_schema(self, kind: str) -> Payload:
        action, fields = FIELDS[kind]
        ocpp_schema = schemas.schema(action)
        ocpp_properties = ocpp_schema.get("properties", {})
        required = [ours for ours, name in fields.items() if name in ocpp_schema.get("required", [])]
        properties = {ours: _for_openapi(ocpp_properties[name]) for ours, name in fields.items()}
        schema: Payload = {"type": "object", "properties": properties, "additionalProperties": False}
        return schema | ({"required": required} if required else {})

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
            field, _colon, problem = fault.description.partition(":")
            name = names.get(field, field) if field != "payload" else "payload"
            raise DomainError(fault.description, fields={name: problem.strip() or fault.description}) from None


def _setting(entry: Payload) -> Setting:
    value = entry.get("value")
    return Setting(str(entry.get("key")), None if value is None else str(value), bool(entry.get("readonly")))


def _for_openapi(schema: Payload) -> Payload:
    """Return a part of a JSON schema without the keywords that OpenAPI does not allow."""
    return {name: value for name, value in schema.items() if name not in ("id", "$schema")}


COMMANDS_V16 = CommandsV16()
