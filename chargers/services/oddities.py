"""What makes no sense is kept whole and shown, never dropped (trust rule 6)."""

from __future__ import annotations

import hashlib

from chargers.models import Oddity


def keep_oddity(
    *, station_id: int, kind: str, action: str = "", note: str = "", payload: str = "", session_id: int | None = None
) -> None:
    """Keep something a station said; the same thing again is the same row."""
    digest = hashlib.sha256(f"{action}\0{session_id}\0{payload}".encode()).hexdigest()
    row = Oddity(
        station_id=station_id,
        kind=kind,
        action=action[:60],
        note=note,
        payload=payload,
        session_id=session_id,
        digest=digest,
    )
    Oddity.objects.bulk_create([row], ignore_conflicts=True)
