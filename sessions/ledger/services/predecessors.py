"""The rows that a station was in the teams that had it before: what it repeats of that time belongs to them."""

from __future__ import annotations

from collections.abc import Iterator

from chargers.models import ChargingStation

MAX_TEAMS = 20


def rows_before(station: ChargingStation) -> Iterator[int]:
    """Keys of its rows in the teams that handed it over, the latest first."""
    row, seen = station.predecessor_id, 0
    while row is not None and seen < MAX_TEAMS:
        yield row
        seen += 1
        row = ChargingStation.objects.filter(pk=row).values_list("predecessor_id", flat=True).first()
