"""Handlers of OCPP 1.6 calls whose answer depends on our data: they translate between OCPP and domain services."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings

from chargers.tags.services.authorization import Verdict
from maintenance.certificates import services as maintenance
from ocpp_gateway import domain_calls
from ocpp_gateway.codec import CallContext, DirectHandler
from ocpp_gateway.frames import Payload
from ocpp_gateway.v16.moments import moment_in, write_moment
from ocpp_gateway.v16.reading import UNKNOWN_ID, transaction_in
from ocpp_gateway.v16.terms import REGISTRATIONS, STOP_REASONS, VERDICTS

BOOT_FIELDS = {  # our name: OCPP field (section 6.1)
    "vendor": "chargePointVendor",
    "model": "chargePointModel",
    "serial_number": "chargePointSerialNumber",
    "charge_box_serial_number": "chargeBoxSerialNumber",
    "firmware_version": "firmwareVersion",
    "iccid": "iccid",
    "imsi": "imsi",
    "meter_type": "meterType",
    "meter_serial_number": "meterSerialNumber",
}


def boot_notification(context: CallContext, payload: Payload) -> Payload:
    registration = domain_calls.boot(context, **{ours: payload.get(theirs, "") for ours, theirs in BOOT_FIELDS.items()})
    return {
        "status": REGISTRATIONS[registration],
        "currentTime": write_moment(datetime.now(UTC)),
        "interval": settings.OCPP_HEARTBEAT_SECONDS,
    }


def authorize(context: CallContext, payload: Payload) -> Payload:
    return {"idTagInfo": id_tag_info(domain_calls.authorize(context, payload["idTag"]))}


def start_transaction(context: CallContext, payload: Payload) -> Payload:
    result = domain_calls.start(
        context,
        connector=int(payload["connectorId"]),
        id_tag=payload["idTag"],
        meter_wh=_whole(payload.get("meterStart")),
        at=moment_in(payload),
        clock_rule="timestamp: clock",
    )
    return {"transactionId": result.session.transaction_id, "idTagInfo": id_tag_info(result.verdict)}


def stop_transaction(context: CallContext, payload: Payload) -> Payload:
    verdict = domain_calls.stop(
        context,
        transaction=transaction_in(payload, UNKNOWN_ID),
        connector=payload.get("connectorId"),
        meter_wh=_whole(payload.get("meterStop")),
        at=moment_in(payload),
        reason=STOP_REASONS[payload.get("reason", "Local")],  # section 6.51: absent means Local
        id_tag=payload.get("idTag", ""),
        unknown_rule="transactionId: unknown",
    )
    return {} if verdict is None else {"idTagInfo": id_tag_info(verdict)}


def data_transfer(context: CallContext, payload: Payload) -> Payload:
    """Answer that the vendor is unknown (section 4.3): vendor extensions are not supported, only logged."""
    return {"status": "UnknownVendorId"}


def sign_certificate(context: CallContext, payload: Payload) -> Payload:
    """Store the request and reject it, since there is no certificate authority to sign it yet."""
    maintenance.record_certificate_request(station=context.station, csr=payload["csr"], received_at=context.received_at)
    return {"status": "Rejected"}


def id_tag_info(verdict: Verdict) -> Payload:
    """Return the IdTagInfo of a verdict (section 7.8)."""
    info: Payload = {"status": VERDICTS[verdict.status]}
    if verdict.tag is not None:
        if verdict.tag.expires_at is not None:
            info["expiryDate"] = write_moment(verdict.tag.expires_at)
        if verdict.tag.parent:
            info["parentIdTag"] = verdict.tag.parent[:20]
    return info


def _whole(number: float | None) -> int | None:
    return None if number is None else int(number)


DIRECT: dict[str, DirectHandler] = {
    "BootNotification": boot_notification,
    "Authorize": authorize,
    "StartTransaction": start_transaction,
    "StopTransaction": stop_transaction,
    "DataTransfer": data_transfer,
    "SignCertificate": sign_certificate,
}
