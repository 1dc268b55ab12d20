"""Progress of long jobs, security events and certificate requests of stations: stored once, whatever is repeated."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from chargers.events.services import NewEvent, record_events
from chargers.models import ChargingStation, Event
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
    """Store security events; critical ones are recorded as events, of which people are told."""
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
    _record_critical([row for row in rows if row.is_critical])


def _record_critical(rows: Sequence[SecurityEvent]) -> None:
    if not rows:
        return
    record_events(
        [
            NewEvent(
                Event.Kind.SECURITY,
                row.received_at,
                row.outbox_key,
                row.station_id,
                data={"type": row.type, "reported_at": row.at.isoformat()},
            )
            for row in rows
        ]
    )
    alarms.wake_alarms()


def record_card_search(*, station: ChargingStation, at: datetime) -> None:
    """Record an alert that somebody seems to try card numbers at a station, once an hour."""
    earlier = SecurityEvent.objects.filter(station=station, type=CARD_SEARCH, received_at__gt=at - CARD_SEARCH_EVERY)
    if earlier.exists():
        return
    row = SecurityEvent.objects.create(station=station, type=CARD_SEARCH, at=at, received_at=at, is_critical=True)
    _record_critical([row])


def record_certificate_request(*, station: ChargingStation, csr: str, received_at: datetime) -> None:
    row = CertificateRequest(
        station=station, csr=csr, digest=hashlib.sha256(csr.encode()).hexdigest(), received_at=received_at
    )
    CertificateRequest.objects.bulk_create([row], ignore_conflicts=True)
