"""Store how far long jobs of stations are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from maintenance.diagnostics.models import ProgressReport


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a station is with a job. `message_id` is the row of our message log it came in."""

    station_id: int
    job: str
    status: str
    message_id: int
    received_at: datetime
    request_id: int | None = None


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
