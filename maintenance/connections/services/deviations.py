"""Counts protocol violations per station and rule, without storing what the station sent."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from cpms.common.database.batches import array, server_side_cursor
from maintenance.connections.models import Deviation

MAX_RULES = 50  # of one station; what it breaks beyond is counted together
OTHERS = ("", "", "")
_ACTION = re.compile(r"[A-Z][A-Za-z]{2,59}")  # a station may ask for any action; of what is no word nothing is kept

Key = tuple[int, str, str, str]  # station id, action, error code, rule


@dataclass(frozen=True, slots=True)
class Deviated:
    """One message that did not fit. Without a code it was tolerated."""

    station_id: int
    action: str
    code: str
    what: str
    at: datetime

    @property
    def key(self) -> Key:
        action = self.action if _ACTION.fullmatch(self.action) else ""
        return self.station_id, action, self.code[:60], self.what[:120]


_POSTGRESQL = """
INSERT INTO maintenance_deviation (station_id, action, code, what, count, first_at, last_at)
SELECT * FROM unnest(%s::bigint[], %s::varchar[], %s::varchar[], %s::varchar[], %s::bigint[], %s::timestamptz[],
                     %s::timestamptz[])
ON CONFLICT (station_id, action, code, what) DO UPDATE
SET count = maintenance_deviation.count + excluded.count,
    last_at = greatest(maintenance_deviation.last_at, excluded.last_at)
"""
_ANYWHERE = """
INSERT INTO maintenance_deviation (station_id, action, code, what, count, first_at, last_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (station_id, action, code, what) DO UPDATE
SET count = maintenance_deviation.count + excluded.count, last_at = max(maintenance_deviation.last_at, excluded.last_at)
"""


@transaction.atomic
def count_deviations(found: Iterable[Deviated]) -> None:
    """Count deviations up: two statements for a whole batch.

    A station has at most `MOST_RULES` rows and one for all the rest, so that it cannot fill the table.
    """
    counted: dict[Key, tuple[int, datetime, datetime]] = {}
    for each in found:
        count, first, last = counted.get(each.key, (0, each.at, each.at))
        counted[each.key] = count + 1, min(first, each.at), max(last, each.at)
    if not counted:
        return
    rows = _within_bounds(counted)
    values = [(*key, count, first, last) for key, (count, first, last) in sorted(rows.items())]  # one order of locks
    if connection.vendor == "postgresql":
        with server_side_cursor() as cursor:
            cursor.execute(_POSTGRESQL, [array(column) for column in zip(*values, strict=True)])
        return
    adapt = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.executemany(_ANYWHERE, [(*row[:5], adapt(row[5]), adapt(row[6])) for row in values])


def _within_bounds(counted: dict[Key, tuple[int, datetime, datetime]]) -> dict[Key, tuple[int, datetime, datetime]]:
    """Rules that are new to a station which has broken too many already go into one row."""
    stations = {key[0] for key in counted}
    known: dict[int, set[Key]] = {station: set() for station in stations}
    rows = Deviation.objects.filter(station_id__in=stations).values_list("station_id", "action", "code", "what")
    for station_id, action, code, what in rows:
        known[station_id].add((station_id, action, code, what))
    bounded: dict[Key, tuple[int, datetime, datetime]] = {}
    for key, (count, first, last) in counted.items():
        own = known[key[0]]
        if key not in own and len(own) >= MAX_RULES:
            key = (key[0], *OTHERS)
        own.add(key)
        before = bounded.get(key, (0, first, last))
        bounded[key] = before[0] + count, min(before[1], first), max(before[2], last)
    return bounded
