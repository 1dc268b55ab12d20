"""What stations report of their own long jobs and of their security: stored once, whatever is repeated."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chargers.models import ChargingStation
from chargers.vocabulary import SecurityEventKind, is_critical
from maintenance.models import CertificateRequest, ProgressReport, SecurityEvent
from maintenance.services import alarms

CARD_SEARCH, CARD_SEARCH_EVERY = SecurityEventKind.UNKNOWN_CARDS_TRIED.value, timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a station is with a job. `message_id` is the row of our message log it came in."""

    station_id: int
    job: str
    status: str
    message_id: int
    received_at: datetime
    request_id: int | None = None


@dataclass(frozen=True, slots=True)
class SecurityNotice:
    station_id: int
    type: str
    at: datetime
    tech_info: str
    received_at: datetime


def record_progress(reports: Sequence[Progress]) -> None:
    rows = [
        ProgressReport(
            station_id=r.station_id,
            job=r.job,
            status=r.status[:255],
            request_id=r.request_id,
            received_at=r.received_at,
            message_id=r.message_id,
        )
        for r in reports
    ]
    ProgressReport.objects.bulk_create(rows, ignore_conflicts=True)


def record_security_events(notices: Sequence[SecurityNotice]) -> None:
    """Store security events; critical ones raise an alarm."""
    rows = [
        SecurityEvent(
            station_id=n.station_id,
            type=n.type[:255],
            at=n.at,
            tech_info=n.tech_info[:1000],
            received_at=n.received_at,
            is_critical=is_critical(n.type),
        )
        for n in notices
    ]
    SecurityEvent.objects.bulk_create(rows, ignore_conflicts=True)
    if any(row.is_critical for row in rows):
        alarms.wake_alarms()


def record_card_search(*, station: ChargingStation, at: datetime) -> None:
    """Somebody seems to try card numbers at a station: an alert, once an hour."""
    earlier = SecurityEvent.objects.filter(station=station, type=CARD_SEARCH, received_at__gt=at - CARD_SEARCH_EVERY)
    if earlier.exists():
        return
    SecurityEvent.objects.create(station=station, type=CARD_SEARCH, at=at, received_at=at, is_critical=True)
    alarms.wake_alarms()


def record_certificate_request(*, station: ChargingStation, csr: str, received_at: datetime) -> None:
    row = CertificateRequest(
        station=station, csr=csr, digest=hashlib.sha256(csr.encode()).hexdigest(), received_at=received_at
    )
    CertificateRequest.objects.bulk_create([row], ignore_conflicts=True)
