"""Find the station whose identity a connecting station most likely means, although it is written differently."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.db.models.functions import Upper

from chargers.stations.models import ChargingStation

MAX_NAMES = 8


class SimilarStation(NamedTuple):
    station_id: int
    identity: str


def find_similar_station(names: Sequence[str]) -> SimilarStation | None:
    """Return the one station of a team whose identity is one of these names, ignoring case and surrounding blanks.

    An exact match is preferred. If several stations are similar, none is returned: otherwise their teams could see each
    other's connection attempts.
    """
    wanted = {name.strip().upper() for name in names[:MAX_NAMES]} - {""}
    if not wanted:
        return None
    rows = ChargingStation.objects.annotate(upper=Upper("identity")).filter(
        upper__in=list(wanted), team__isnull=False, handed_over_at=None
    )
    found = [SimilarStation(*row) for row in rows.order_by("pk").values_list("pk", "identity")[: MAX_NAMES + 1]]
    exact = [each for each in found if each.identity in names]
    if exact:
        return exact[0]
    return found[0] if len(found) == 1 else None
