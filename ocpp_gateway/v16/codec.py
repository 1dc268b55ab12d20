"""OCPP 1.6J: core, firmware management, diagnostics and the notifications of the security whitepaper."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from ocpp_gateway.codec import DirectHandler, Reading, Reports, Stored
from ocpp_gateway.frames import Fault, FaultKind, Payload, json_text
from ocpp_gateway.v16 import schemas
from ocpp_gateway.v16.calls import DIRECT
from ocpp_gateway.v16.commands import COMMANDS_V16
from ocpp_gateway.v16.moments import write_moment
from ocpp_gateway.v16.reading import MOST_CONNECTOR, read_answer_leniently, read_leniently
from ocpp_gateway.v16.reports import REPORTS

SECRET_KEYS = {"authorizationkey"}


class CodecV16:
    protocol = "1.6"
    subprotocol = "ocpp1.6"
    boot_action = "BootNotification"
    commands = COMMANDS_V16
    direct: dict[str, DirectHandler] = DIRECT
    fault_codes = MappingProxyType(
        {  # OCPP-J 1.6 section 4.2.3, table 7, with its own spelling
            FaultKind.FORMATION: "FormationViolation",
            FaultKind.PROPERTY: "PropertyConstraintViolation",
            FaultKind.OCCURRENCE: "OccurenceConstraintViolation",
            FaultKind.TYPE: "TypeConstraintViolation",
            FaultKind.UNKNOWN_ACTION: "NotImplemented",
            FaultKind.UNSUPPORTED_ACTION: "NotSupported",
            FaultKind.SECURITY: "SecurityError",
            FaultKind.INTERNAL: "InternalError",
        }
    )

    def read(self, action: str, payload: Payload) -> Reading | None:
        if action not in DIRECT and action not in REPORTS:
            if schemas.validator(action) is None or action.endswith("Response"):
                raise Fault(FaultKind.UNKNOWN_ACTION, f"The action {action[:60]} is not known.")
            raise Fault(FaultKind.UNSUPPORTED_ACTION, f"{action} goes from the central system to the station.")
        try:
            schemas.check(action, payload)
            if not 0 <= payload.get("connectorId", 0) <= MOST_CONNECTOR:
                raise Fault(FaultKind.PROPERTY, "connectorId: out of range.", rule="connectorId: range")
        except Fault as fault:
            return read_leniently(action, payload, fault)
        return None

    def read_answer(self, action: str, payload: Payload) -> Reading | None:
        if schemas.validator(f"{action}Response") is None:
            return None
        try:
            schemas.check(f"{action}Response", payload)
        except Fault:
            return read_answer_leniently(action, payload)
        return None

    def is_deferred(self, action: str) -> bool:
        return action in REPORTS and action not in DIRECT

    def instant_answer(self, action: str) -> str:
        if action == "Heartbeat":
            return json_text({"currentTime": write_moment(datetime.now(UTC))})
        return "{}"

    def also_drained(self, action: str) -> bool:
        return action in REPORTS

    def report(self, message: Stored, into: Reports) -> None:
        reading = self.read(message.action, message.payload) if message.is_deviating else None
        if reading is None:
            REPORTS[message.action](message, message.payload, {}, into)
        else:
            REPORTS[message.action](message, reading.payload, reading.as_reported, into)

    def redact(self, action: str, payload: Payload) -> Payload:
        """The station's password is never logged."""
        if str(payload.get("key", "")).strip().lower() in SECRET_KEYS and "value" in payload:
            payload = {**payload, "value": "***"}
        listed = payload.get("configurationKey")
        if isinstance(listed, list):
            return {**payload, "configurationKey": [self._redact_entry(entry) for entry in listed]}
        return payload if listed is None else {**payload, "configurationKey": "***"}

    def _redact_entry(self, entry: Any) -> Any:
        return self.redact("", entry) if isinstance(entry, dict) else "***"
