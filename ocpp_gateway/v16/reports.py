"""OCPP 1.6 messages of the inbox in the words of the domain."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from chargers.services import Heard, StatusReport
from maintenance.models import ProgressReport
from maintenance.services import Progress, SecurityNotice
from ocpp_gateway.codec import Reports, Stored
from ocpp_gateway.frames import Payload
from ocpp_gateway.v16.moments import read_moment
from sessions.services import Sampled

Job = ProgressReport.Job


def meter_values(message: Stored, into: Reports) -> None:
    payload = message.payload
    transaction = payload.get("transactionId")
    newest = _samples(message, int(payload["connectorId"]), transaction, payload["meterValue"], into)
    into.heard.append(Heard(message.station_id, message.received_at, newest))


def _samples(
    message: Stored, connector: int, transaction: int | None, meter_values: Sequence[Payload], into: Reports
) -> datetime | None:
    newest = None
    for instant in meter_values:
        at = read_moment(instant["timestamp"])
        newest = at if newest is None else max(at, newest)
        if instant["sampledValue"]:
            into.samples.append(
                Sampled(
                    message.station_id,
                    connector,
                    int(transaction) if transaction is not None else None,
                    at,
                    instant["sampledValue"],
                )
            )
    return newest


def status_notification(message: Stored, into: Reports) -> None:
    payload = message.payload
    at = read_moment(payload["timestamp"]) if payload.get("timestamp") else None
    into.heard.append(Heard(message.station_id, message.received_at, at))
    into.statuses.append(
        StatusReport(
            station_id=message.station_id,
            connector=int(payload["connectorId"]),
            status=payload["status"],
            at=at or message.received_at,
            received_at=message.received_at,
            error_code="" if payload["errorCode"] == "NoError" else payload["errorCode"],
            info=payload.get("info", ""),
            vendor_error_code=payload.get("vendorErrorCode", ""),
        )
    )


def heartbeat(message: Stored, into: Reports) -> None:
    into.heard.append(Heard(message.station_id, message.received_at))


def stop_transaction(message: Stored, into: Reports) -> None:
    """The end itself is booked; here come the values it carried, and the check of its total against them."""
    payload = message.payload
    transaction = int(payload["transactionId"])
    _samples(message, 0, transaction, payload.get("transactionData") or [], into)
    into.stopped_sessions.append((message.station_id, transaction))
    into.heard.append(Heard(message.station_id, message.received_at))


def security_event(message: Stored, into: Reports) -> None:
    payload = message.payload
    into.heard.append(Heard(message.station_id, message.received_at))
    into.security.append(
        SecurityNotice(
            station_id=message.station_id,
            type=payload["type"],
            at=read_moment(payload["timestamp"]),
            tech_info=payload.get("techInfo", ""),
            received_at=message.received_at,
        )
    )


def _progress(job: str) -> Callable[[Stored, Reports], None]:
    def report(message: Stored, into: Reports) -> None:
        payload: dict[str, Any] = message.payload
        into.heard.append(Heard(message.station_id, message.received_at))
        into.progress.append(
            Progress(
                station_id=message.station_id,
                job=job,
                status=payload["status"],
                request_id=payload.get("requestId"),
                message_id=message.id,
                received_at=message.received_at,
            )
        )

    return report


REPORTS: dict[str, Callable[[Stored, Reports], None]] = {
    "MeterValues": meter_values,
    "StatusNotification": status_notification,
    "Heartbeat": heartbeat,
    "StopTransaction": stop_transaction,
    "SecurityEventNotification": security_event,
    "FirmwareStatusNotification": _progress(Job.FIRMWARE),
    "SignedFirmwareStatusNotification": _progress(Job.SIGNED_FIRMWARE),
    "DiagnosticsStatusNotification": _progress(Job.DIAGNOSTICS),
    "LogStatusNotification": _progress(Job.LOG),
}
