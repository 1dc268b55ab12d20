"""OCPP 1.6J: core, firmware management, diagnostics and the notifications of the security whitepaper."""

from __future__ import annotations

from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from django.utils.functional import Promise

from chargers.protocols import LoggedMessage, StatusStep, TagStep, describe_plainly
from cpms.common.text.json_texts import read_object
from ocpp_gateway.codec import Codec, Reading
from ocpp_gateway.frames import Fault, FaultKind, Payload, json_text
from ocpp_gateway.v16 import schemas
from ocpp_gateway.v16.calls import DIRECT
from ocpp_gateway.v16.commands import COMMANDS_V16
from ocpp_gateway.v16.deviations import treatment_of
from ocpp_gateway.v16.moments import write_moment
from ocpp_gateway.v16.reading import MAX_CONNECTOR, read_answer_leniently, read_leniently
from ocpp_gateway.v16.reports import REPORTS
from ocpp_gateway.v16.summaries import STEPS, SUMMARIES
from ocpp_gateway.v16.technical import technical_answer, technical_parameters, technical_request
from ocpp_gateway.v16.terms import PASSWORD_KEY

ACTIONS = tuple(sorted(name for name in schemas.NAMES if not name.endswith("Response")))


class CodecV16(Codec):
    protocol = "1.6"
    label = "OCPP 1.6"
    subprotocol = "ocpp1.6"
    boot_action = "BootNotification"
    max_tag_length = 20  # CiString20, the type of an idTag
    actions = ACTIONS
    usual_actions = ("Heartbeat", "MeterValues", "StatusNotification")
    session_actions = ("StatusNotification", "Authorize")
    error_codes = (
        "FormationViolation",
        "PropertyConstraintViolation",
        "OccurenceConstraintViolation",
        "TypeConstraintViolation",
        "NotImplemented",
        "NotSupported",
        "SecurityError",
        "ProtocolError",
        "GenericError",
    )
    commands = COMMANDS_V16
    direct = DIRECT
    reports = REPORTS
    fault_codes = MappingProxyType(
        {  # OCPP-J 1.6 section 4.2.3, table 7, with its misspelling
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
            if not 0 <= payload.get("connectorId", 0) <= MAX_CONNECTOR:
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

    def instant_answer(self, action: str) -> str:
        if action == "Heartbeat":
            return json_text({"currentTime": write_moment(datetime.now(UTC))})
        return "{}"

    # --- display -----------------------------------------------------------------------------------------------------

    def describe(self, action: str, request: Payload, response: Payload) -> list[str]:
        describe = SUMMARIES.get(action, describe_plainly)
        return describe(request, response)

    def session_step(self, message: LoggedMessage) -> StatusStep | TagStep | None:
        return STEPS[message.action](read_object(message.payload), read_object(message.answer))

    def treatment(self, action: str, field: str, keyword: str) -> str | Promise | None:
        return treatment_of(action, field, keyword)

    def technical_request(self, action: str, payload: Payload) -> Payload:
        return technical_request(action, payload)

    def technical_answer(self, action: str, payload: Payload) -> Payload:
        return technical_answer(action, payload)

    def technical_parameters(self, kind: str, parameters: Payload) -> Payload:
        return technical_parameters(kind, parameters)

    def redact_answer_to_password(self, answer: Payload) -> Payload:
        return {"status": answer["status"]} if "status" in answer else {}

    def may_hold_secret(self, text: str) -> bool:
        return PASSWORD_KEY in text.lower()

    def redact(self, action: str, payload: Payload) -> Payload:
        """Return the payload without the station's password, which is never logged."""
        if str(payload.get("key", "")).strip().lower() == PASSWORD_KEY and "value" in payload:
            payload = {**payload, "value": "***"}
        listed = payload.get("configurationKey")
        if isinstance(listed, list):
            return {**payload, "configurationKey": [self._redact_entry(entry) for entry in listed]}
        return payload if listed is None else {**payload, "configurationKey": "***"}

    def _redact_entry(self, entry: Any) -> Any:
        return self.redact("", entry) if isinstance(entry, dict) else "***"
