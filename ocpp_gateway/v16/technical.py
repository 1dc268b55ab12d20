"""The technical fields of OCPP 1.6, which contain no data about who charges at a station and how much.

Fields that are not listed here are not technical: new actions and fields are hidden until they are added.
"""

from __future__ import annotations

from typing import Any

from ocpp_gateway.frames import Payload
from ocpp_gateway.v16.commands import FIELDS
from operations.models import Command

Fields = dict[str, Any]  # the fields of an object by name: nested fields, or None for a plain value


def _plain(names: str) -> Fields:
    return dict.fromkeys(names.split())


STATUS = _plain("status")
PROFILE = _plain(
    "chargingProfileId stackLevel chargingProfilePurpose chargingProfileKind recurrencyKind validFrom validTo"
) | {
    "chargingSchedule": _plain("duration startSchedule chargingRateUnit minChargingRate")
    | {"chargingSchedulePeriod": _plain("startPeriod limit numberPhases")}
}
TAG_STATUS: Fields = {"idTagInfo": STATUS}
# action: (fields of the call, fields of its answer)
TECHNICAL: dict[str, tuple[Fields, Fields]] = {
    "Authorize": ({}, TAG_STATUS),
    "BootNotification": (
        _plain(
            "chargeBoxSerialNumber chargePointModel chargePointSerialNumber chargePointVendor firmwareVersion iccid "
            "imsi meterSerialNumber meterType"
        ),
        _plain("currentTime interval status"),
    ),
    "CancelReservation": (_plain("reservationId"), STATUS),
    "ChangeAvailability": (_plain("connectorId type"), STATUS),
    "ChangeConfiguration": (_plain("key value"), STATUS),
    "ClearCache": ({}, STATUS),
    "ClearChargingProfile": (_plain("id connectorId chargingProfilePurpose stackLevel"), STATUS),
    "DataTransfer": (_plain("vendorId messageId"), STATUS),
    "DiagnosticsStatusNotification": (STATUS, {}),
    "ExtendedTriggerMessage": (_plain("requestedMessage connectorId"), STATUS),
    "FirmwareStatusNotification": (_plain("status requestId"), {}),
    "GetCompositeSchedule": (_plain("connectorId duration chargingRateUnit"), _plain("status connectorId")),
    "GetConfiguration": (_plain("key"), {"configurationKey": _plain("key readonly value"), "unknownKey": None}),
    "GetDiagnostics": (_plain("startTime stopTime retries retryInterval"), _plain("fileName")),
    "GetLocalListVersion": ({}, _plain("listVersion")),
    "GetLog": (_plain("logType requestId retries retryInterval"), _plain("status filename")),
    "Heartbeat": ({}, _plain("currentTime")),
    "LogStatusNotification": (_plain("status requestId"), {}),
    "MeterValues": (_plain("connectorId"), {}),
    "RemoteStartTransaction": (_plain("connectorId"), STATUS),
    "RemoteStopTransaction": ({}, STATUS),
    "ReserveNow": (_plain("connectorId expiryDate reservationId"), STATUS),
    "Reset": (_plain("type"), STATUS),
    "SecurityEventNotification": (_plain("type timestamp techInfo"), {}),
    "SendLocalList": (_plain("listVersion updateType"), STATUS),
    "SetChargingProfile": (_plain("connectorId") | {"csChargingProfiles": PROFILE}, STATUS),
    "SignCertificate": (_plain("csr"), STATUS),
    "SignedFirmwareStatusNotification": (_plain("status requestId"), {}),
    "StartTransaction": (_plain("connectorId"), TAG_STATUS),
    "StatusNotification": (_plain("connectorId errorCode info status timestamp vendorErrorCode vendorId"), {}),
    "StopTransaction": (_plain("reason"), TAG_STATUS),
    "TriggerMessage": (_plain("requestedMessage connectorId"), STATUS),
    "UnlockConnector": (_plain("connectorId"), STATUS),
    "UpdateFirmware": (_plain("retrieveDate retries retryInterval"), {}),
}


def technical_request(action: str, payload: Payload) -> Payload:
    return _technical_part(payload, TECHNICAL.get(action, ({}, {}))[0])


def technical_answer(action: str, payload: Payload) -> Payload:
    return _technical_part(payload, TECHNICAL.get(action, ({}, {}))[1])


def technical_parameters(kind: str, parameters: Payload) -> Payload:
    if kind == Command.Kind.RAW:
        action, payload = str(parameters.get("action", "")), parameters.get("payload")
        return {"action": action, "payload": technical_request(action, payload if isinstance(payload, dict) else {})}
    if kind not in FIELDS:
        return {}
    action, ours = FIELDS[kind]
    theirs = {ours[name]: value for name, value in parameters.items() if name in ours}
    technical = technical_request(action, theirs)
    return {name: technical[field] for name, field in ours.items() if field in technical}


def _technical_part(payload: Payload, fields: Fields) -> Payload:
    return {
        name: _value(payload[name], inner) for name, inner in fields.items() if _is_as_declared(payload, name, inner)
    }


def _is_as_declared(payload: Payload, name: str, inner: Fields | None) -> bool:
    """Return whether a value has the declared form: a station might send an object instead of a plain value."""
    if name not in payload:
        return False
    values = payload[name] if isinstance(payload[name], list) else [payload[name]]
    return all(not isinstance(value, list) and isinstance(value, dict) is (inner is not None) for value in values)


def _value(value: Any, inner: Fields | None) -> Any:
    if isinstance(value, list):
        return [_value(item, inner) for item in value]
    return value if inner is None else _technical_part(value, inner)
