"""Which station somebody means who does not quite say it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.db.models.functions import Upper

from chargers.stations.models import ChargingStation

MAX_NAMES = 8


class Resembling(NamedTuple):
    station_id: int
    identity: str


def find_resembling(names: Sequence[str]) -> Resembling | None:
    """Return the one station of a team whose identity is one of these names, whatever their case and blanks around.

    One that is written exactly so goes before others. Where several resemble, none is meant: their teams would see
    each other's visitors.
    """
    wanted = {name.strip().upper() for name in names[:MAX_NAMES]} - {""}
    if not wanted:
        return None
    rows = ChargingStation.objects.annotate(upper=Upper("identity")).filter(
        upper__in=list(wanted), team__isnull=False, handed_over_at=None
    )
    found = [Resembling(*row) for row in rows.order_by("pk").values_list("pk", "identity")[: MAX_NAMES + 1]]
    exact = [each for each in found if each.identity in names]
    if exact:
        return exact[0]
    return found[0] if len(found) == 1 else None
