"""OCPP 1.6 messages of the inbox in the words of the domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta

from chargers.stations.services.links import StationSeen
from chargers.stations.services.statuses import StatusReport
from maintenance.diagnostics.services import Progress
from maintenance.models import ProgressReport
from maintenance.security_events.services import SecurityNotice
from ocpp_gateway.codec import Reports, Stored
from ocpp_gateway.frames import Payload
from ocpp_gateway.v16.moments import moment_in
from ocpp_gateway.v16.reading import UNKNOWN_ID, transaction_in
from ocpp_gateway.v16.words import ERRORS, JOB_STATUSES, STATUSES
from sessions.samples.services.matching import Sampled

Job = ProgressReport.Job
Report = Callable[[Stored, Payload, Mapping[str, str], Reports], None]  # message, what it says, in which other words


def meter_values(message: Stored, payload: Payload, as_reported: Mapping[str, str], into: Reports) -> None:
    connector = int(payload.get("connectorId", 0))
    _samples(message, connector, transaction_in(payload, None), payload["meterValue"], into)
    into.heard.append(StationSeen(message.station_id, message.received_at))


def _samples(
    message: Stored, connector: int, transaction: int | None, meter_values: Sequence[Payload], into: Reports
) -> None:
    """Values without a time that can be read count for the time of arrival, one after another."""
    for place, instant in enumerate(meter_values):
        values = instant.get("sampledValue")
        if values:
            at = moment_in(instant) or message.received_at + timedelta(microseconds=place)
            into.samples.append(
                Sampled(message.station_id, connector, transaction, at, values, received_at=message.received_at)
            )


def status_notification(message: Stored, payload: Payload, as_reported: Mapping[str, str], into: Reports) -> None:
    """A status is reported when it changes, so its time is that of the station's clock now, unless it was queued."""
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


def heartbeat(message: Stored, payload: Payload, as_reported: Mapping[str, str], into: Reports) -> None:
    into.heard.append(StationSeen(message.station_id, message.received_at))


def stop_transaction(message: Stored, payload: Payload, as_reported: Mapping[str, str], into: Reports) -> None:
    """The end itself is booked; here come the values it carried, and the check of its total against them."""
    transaction = transaction_in(payload, UNKNOWN_ID)
    _samples(message, 0, transaction, payload.get("transactionData") or [], into)
    into.stopped_sessions.append((message.station_id, transaction))
    into.heard.append(StationSeen(message.station_id, message.received_at))


def security_event(message: Stored, payload: Payload, as_reported: Mapping[str, str], into: Reports) -> None:
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
    def report(message: Stored, payload: Payload, as_reported: Mapping[str, str], into: Reports) -> None:
        into.heard.append(StationSeen(message.station_id, message.received_at))
        into.progress.append(
            Progress(
                station_id=message.station_id,
                job=job,
                status=JOB_STATUSES.get(payload["status"], payload["status"]),  # a vendor's own word is kept
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
