"""Commands in the words of OCPP 1.6 (sections 5.2 to 5.18)."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from cpms.common.errors import DomainError
from ocpp_gateway.frames import Fault, Payload
from ocpp_gateway.v16 import schemas
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
KINDS = {action: kind for kind, (action, _fields) in FIELDS.items()}


class CommandsV16:
    protocol = "1.6"

    def encode(self, kind: str, parameters: Payload) -> tuple[str, Payload]:
        if kind == Kind.RAW:
            action, payload = str(parameters.get("action", "")), parameters.get("payload", {})
            self._check(action, payload, {})
            return action, payload
        if kind not in FIELDS:
            raise DomainError(_("OCPP 1.6 has no such command."), fields={"kind": _("Not known.")})
        action, fields = FIELDS[kind]
        for name in parameters:
            if name not in fields:
                raise DomainError(_("The command has no parameter %(name)s.") % {"name": name}, fields={name: "?"})
        payload = {theirs: parameters[ours] for ours, theirs in fields.items() if parameters.get(ours) is not None}
        self._check(action, payload, {theirs: ours for ours, theirs in fields.items()})
        return action, payload

    def parameters_schema(self, kind: str) -> Payload:
        action, fields = FIELDS[kind]
        theirs = schemas.schema(action)
        described = theirs.get("properties", {})
        needed = [ours for ours, name in fields.items() if name in theirs.get("required", [])]
        properties = {ours: _described(described[name]) for ours, name in fields.items()}
        found: Payload = {"type": "object", "properties": properties, "additionalProperties": False}
        return found | ({"required": needed} if needed else {})

    def read(self, action: str, payload: Payload) -> tuple[str, Payload]:
        self._check(action, payload, {})
        kind = KINDS.get(action)
        if kind is None:
            return Kind.RAW, {"action": action, "payload": payload}
        back = {theirs: ours for ours, theirs in FIELDS[kind][1].items()}
        return kind, {back[name]: value for name, value in payload.items()}

    def _check(self, action: str, payload: Any, names: dict[str, str]) -> None:
        """Strict about what goes out: a station must be able to read it."""
        if action in FROM_STATIONS or action.endswith("Response") or schemas.validator(action) is None:
            raise DomainError(
                _("OCPP 1.6 has no request %(action)s to a station.") % {"action": action},
                fields={"action": _("Not known.")},
            )
        if not isinstance(payload, dict):
            raise DomainError(_("The payload must be a JSON object."), fields={"payload": _("Not an object.")})
        try:
            schemas.check(action, payload)
        except Fault as fault:
            place, _colon, what = fault.description.partition(":")
            name = names.get(place, place) if place != "payload" else "payload"
            raise DomainError(fault.description, fields={name: what.strip() or fault.description}) from None


def _described(schema: Payload) -> Payload:
    """A part of a JSON schema without what OpenAPI does not take."""
    return {name: value for name, value in schema.items() if name not in ("id", "$schema")}


COMMANDS_V16 = CommandsV16()
