"""The rows of a station in the teams that owned it before.

When a station is handed over, it gets a new row in its new team. Reports that it repeats from before belong to the old
row.
"""

from __future__ import annotations

from collections.abc import Iterator

from chargers.models import ChargingStation

MAX_TEAMS = 20


def predecessor_ids(station: ChargingStation) -> Iterator[int]:
    """Yield the primary keys of the station's former rows, the latest first."""
    row, seen = station.predecessor_id, 0
    while row is not None and seen < MAX_TEAMS:
        yield row
        seen += 1
        row = ChargingStation.objects.filter(pk=row).values_list("predecessor_id", flat=True).first()
