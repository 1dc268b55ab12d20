"""Store reports that make no sense or cannot be applied, so that they are shown and never lost."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from chargers.anomalies.models import Oddity


def record_anomaly(
    *,
    station_id: int,
    kind: str,
    action: str = "",
    note: str = "",
    payload: str = "",
    session_id: int | None = None,
    facts: Mapping[str, Any] | None = None,
) -> None:
    """Record an anomaly; the same anomaly again creates no second row.

    Args:
        note: what is wrong, for readers.
        payload: the report as it was received.
        facts: the details of the note as values, for pages.
    """
    digest = hashlib.sha256(f"{action}\0{session_id}\0{payload}".encode()).hexdigest()
    row = Oddity(
        station_id=station_id,
        kind=kind,
        action=action[:60],
        note=note,
        facts=dict(facts or {}),
        payload=payload,
        session_id=session_id,
        digest=digest,
    )
    Oddity.objects.bulk_create([row], ignore_conflicts=True)


def record_oversized_message(*, station_id: int, size: int | None, limit: int, setting: str, at: datetime) -> None:
    """Record that a station sent a message that is too large to be read.

    The station will send it again, so there is one row, with the newest time.

    Args:
        size: in bytes, if it is known before the message is read.
        setting: the name of the setting that is the limit.
    """
    subject = f"A message of {size:,} bytes" if size else "A message"
    note = (  # short: pages show 160 characters
        f"{subject} (limit {limit:,}) was not read, the link closed (1009). "
        f"Send less (StopTxnSampledData) or raise {setting}."
    )
    record_anomaly(station_id=station_id, kind=Oddity.Kind.MESSAGE_TOO_LARGE, note=note)
    Oddity.objects.filter(station_id=station_id, kind=Oddity.Kind.MESSAGE_TOO_LARGE).update(note=note, received_at=at)
