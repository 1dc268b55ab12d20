"""Store the progress of long jobs of stations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from maintenance.diagnostics.models import ProgressReport


@dataclass(frozen=True, slots=True)
class Progress:
    """A progress report of a station's job. `message_id` is the id of its message in the message log."""

    station_id: int
    job: str
    status: str
    message_id: int
    received_at: datetime
    request_id: int | None = None


def record_progress(reports: Sequence[Progress]) -> None:
    """Store progress reports; a message that is applied twice is stored once."""
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
