"""Translation of OCPP 1.6 messages in the inbox into domain reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta

from chargers.stations.services.links import StationSeen
from chargers.stations.services.statuses import StatusReport
from maintenance.diagnostics.services import Progress
from maintenance.models import ProgressReport
from maintenance.security_events.services import SecurityNotice
from ocpp_gateway.codec import InboxMessage, Report, Reports
from ocpp_gateway.frames import Payload
from ocpp_gateway.v16.moments import moment_in
from ocpp_gateway.v16.reading import UNKNOWN_ID, transaction_in
from ocpp_gateway.v16.terms import ERRORS, JOB_STATUSES, STATUSES
from sessions.samples.services.matching import Sampled

Job = ProgressReport.Job


def meter_values(message: InboxMessage, payload: Payload, as_reported: Mapping[str, str], into: Reports) -> None:
    connector = int(payload.get("connectorId", 0))
    _samples(message, connector, transaction_in(payload, None), payload["meterValue"], into)
    into.heard.append(StationSeen(message.station_id, message.received_at))


def _samples(
    message: InboxMessage, connector: int, transaction: int | None, meter_values: Sequence[Payload], into: Reports
) -> None:
    """Add samples. Values without a readable time get the time of arrival, a microsecond apart to keep their order."""
    for index, instant in enumerate(meter_values):
        values = instant.get("sampledValue")
        if values:
            at = moment_in(instant) or message.received_at + timedelta(microseconds=index)
            into.samples.append(
                Sampled(message.station_id, connector, transaction, at, values, received_at=message.received_at)
            )


def status_notification(message: InboxMessage, payload: Payload, as_reported: Mapping[str, str], into: Reports) -> None:
    """Add a status report. A status is sent when it changes, so its time also shows the station's clock offset."""
    at = moment_in(payload)
    into.heard.append(StationSeen(message.station_id, message.received_at, at))
    into.statuses.append(
        StatusReport(
            station_id=message.station_id,
            connector=int(payload["connectorId"]),
            status=STATUSES.get(payload["status"], ""),
            at=at or message.received_at,
            received_at=message.received_at,
            error_code=ERRORS[payload.get("errorCode", "NoError")],
            info=payload.get("info", ""),
            vendor_error_code=payload.get("vendorErrorCode", ""),
            as_reported=as_reported,
        )
    )


def heartbeat(message: InboxMessage, payload: Payload, as_reported: Mapping[str, str], into: Reports) -> None:
    into.heard.append(StationSeen(message.station_id, message.received_at))


def stop_transaction(message: InboxMessage, payload: Payload, as_reported: Mapping[str, str], into: Reports) -> None:
    """Add the samples of an end, and have its total checked against them. The end itself was recorded already."""
    transaction = transaction_in(payload, UNKNOWN_ID)
    _samples(message, 0, transaction, payload.get("transactionData") or [], into)
    into.stopped_sessions.append((message.station_id, transaction))
    into.heard.append(StationSeen(message.station_id, message.received_at))


def security_event(message: InboxMessage, payload: Payload, as_reported: Mapping[str, str], into: Reports) -> None:
    into.heard.append(StationSeen(message.station_id, message.received_at))
    into.security.append(
        SecurityNotice(
            station_id=message.station_id,
            type=payload["type"],
            at=moment_in(payload) or message.received_at,
            tech_info=payload.get("techInfo", ""),
            received_at=message.received_at,
        )
    )


def _progress(job: str) -> Report:
    def report(message: InboxMessage, payload: Payload, as_reported: Mapping[str, str], into: Reports) -> None:
        into.heard.append(StationSeen(message.station_id, message.received_at))
        into.progress.append(
            Progress(
                station_id=message.station_id,
                job=job,
                status=JOB_STATUSES.get(payload["status"], payload["status"]),  # vendor-specific values stay unchanged
                request_id=payload.get("requestId"),
                message_id=message.id,
                received_at=message.received_at,
            )
        )

    return report


REPORTS: dict[str, Report] = {
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
