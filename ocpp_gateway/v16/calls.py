"""OCPP 1.6 calls whose answer depends on our data: words of the protocol to a call of a domain service and back."""

from __future__ import annotations

from datetime import UTC, datetime

from django.conf import settings

from chargers import services as chargers
from chargers.services import Verdict
from chargers.services.tags import INVALID
from maintenance import services as maintenance
from ocpp_gateway.codec import DirectHandler, Talk
from ocpp_gateway.frames import Payload
from ocpp_gateway.v16.moments import moment_in, write_moment
from ocpp_gateway.v16.reading import UNKNOWN_ID, transaction_in
from operations import services as operations
from sessions import services as sessions
from sessions.models import Flag

REGISTRATION = {"accepted": "Accepted", "pending": "Pending", "rejected": "Rejected"}
BOOT_WORDS = {  # ours: theirs (section 6.1)
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
LONGEST_TEXT = 255  # of the columns that keep what a station calls things


def boot_notification(talk: Talk, payload: Payload) -> Payload:
    facts = {ours: payload.get(theirs, "") for ours, theirs in BOOT_WORDS.items()}
    registration = chargers.record_boot(station=talk.station, facts=facts, at=talk.received_at)
    operations.confirm_reset(station_id=talk.station.pk)
    return {
        "status": REGISTRATION[registration],
        "currentTime": write_moment(datetime.now(UTC)),
        "interval": settings.OCPP_HEARTBEAT_SECONDS,
    }


def authorize(talk: Talk, payload: Payload) -> Payload:
    """Where somebody tries card numbers, every one is invalid for a while. Starts and ends are never judged so."""
    station, at = talk.station, talk.received_at
    if chargers.is_card_search(station=station, at=at):
        return {"idTagInfo": {"status": INVALID}}
    verdict = chargers.authorize_tag(station=station, value=payload["idTag"])
    if verdict.tag is None and chargers.note_unknown_card(station=station, at=at):
        maintenance.record_card_search(station=station, at=at)
    return {"idTagInfo": id_tag_info(verdict)}


def start_transaction(talk: Talk, payload: Payload) -> Payload:
    result = sessions.start_session(
        station=talk.station,
        connector=int(payload["connectorId"]),
        id_tag=payload["idTag"][:LONGEST_TEXT],
        meter_start_wh=_whole(payload.get("meterStart")),
        started_at=moment_in(payload),
        received_at=talk.received_at,
        as_reported=talk.as_reported,
    )
    if result.is_new:
        operations.link_started_session(result.session)
        if Flag.CLOCK in result.session.flags:
            talk.deviations.append("timestamp: clock")
    return {"transactionId": result.session.transaction_id, "idTagInfo": id_tag_info(result.verdict)}


def stop_transaction(talk: Talk, payload: Payload) -> Payload:
    id_tag = payload.get("idTag", "")[:LONGEST_TEXT]
    result = sessions.stop_session(
        station=talk.station,
        transaction_id=transaction_in(payload, UNKNOWN_ID),
        connector=payload.get("connectorId"),
        meter_stop_wh=_whole(payload.get("meterStop")),
        stopped_at=moment_in(payload),
        received_at=talk.received_at,
        reason=payload.get("reason", "Local"),  # section 6.51: absent means Local
        id_tag=id_tag,
        raw=talk.payload_text,
        as_reported=talk.as_reported,
    )
    talk.is_drained = not result.is_of_predecessor
    if result.session is not None and result.is_new:
        operations.link_stopped_session(result.session)
        if Flag.RECONSTRUCTED in result.session.flags:
            talk.deviations.append("transactionId: unknown")
    if not id_tag:
        return {}
    return {"idTagInfo": id_tag_info(chargers.authorize_tag(station=talk.station, value=id_tag))}


def data_transfer(talk: Talk, payload: Payload) -> Payload:
    """No vendor's extension is known to us; the message is in the log (section 4.3)."""
    return {"status": "UnknownVendorId"}


def sign_certificate(talk: Talk, payload: Payload) -> Payload:
    """The request is kept. There is no authority to sign it yet, and the station is told so."""
    maintenance.record_certificate_request(station=talk.station, csr=payload["csr"], received_at=talk.received_at)
    return {"status": "Rejected"}


def id_tag_info(verdict: Verdict) -> Payload:
    """IdTagInfo (section 7.8)."""
    info: Payload = {"status": verdict.status}
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
