"""Count protocol violations per station and rule, without storing the content of messages."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from cpms.common.database.batches import array, server_side_cursor
from maintenance.connections.models import Deviation

MAX_RULES = 50  # rows per station; violations of further rules share one more row
OTHER_RULES = ("", "", "")  # action, error code and rule of the shared row
_ACTION = re.compile(r"[A-Z][A-Za-z]{2,59}")  # a station may send any text as action; other texts are not stored

Key = tuple[int, str, str, str]  # station id, action, error code, rule


@dataclass(frozen=True, slots=True)
class ObservedDeviation:
    """A message that broke a rule. `code` is the error code of our answer; empty: the message was processed."""

    station_id: int
    action: str
    code: str
    what: str
    at: datetime

    @property
    def key(self) -> Key:
        action = self.action if _ACTION.fullmatch(self.action) else ""
        return self.station_id, action, self.code[:60], self.what[:120]


_POSTGRESQL_SQL = """
INSERT INTO maintenance_deviation (station_id, action, code, what, count, first_at, last_at)
SELECT * FROM unnest(%s::bigint[], %s::varchar[], %s::varchar[], %s::varchar[], %s::bigint[], %s::timestamptz[],
                     %s::timestamptz[])
ON CONFLICT (station_id, action, code, what) DO UPDATE
SET count = maintenance_deviation.count + excluded.count,
    last_at = greatest(maintenance_deviation.last_at, excluded.last_at)
"""
_GENERIC_SQL = """
INSERT INTO maintenance_deviation (station_id, action, code, what, count, first_at, last_at)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (station_id, action, code, what) DO UPDATE
SET count = maintenance_deviation.count + excluded.count, last_at = max(maintenance_deviation.last_at, excluded.last_at)
"""


@transaction.atomic
def count_deviations(deviations: Iterable[ObservedDeviation]) -> None:
    """Add deviations to the stored counts, with two SQL statements for the whole batch.

    A station has at most `MAX_RULES` rows and one for all other rules, so that it cannot fill the table.
    """
    counted: dict[Key, tuple[int, datetime, datetime]] = {}
    for deviation in deviations:
        at = deviation.at
        count, first, last = counted.get(deviation.key, (0, at, at))
        counted[deviation.key] = count + 1, min(first, at), max(last, at)
    if not counted:
        return
    rows = _limit_rules(counted)
    # sorted, so that concurrent batches lock rows in the same order
    values = [(*key, count, first, last) for key, (count, first, last) in sorted(rows.items())]
    if connection.vendor == "postgresql":
        with server_side_cursor() as cursor:
            cursor.execute(_POSTGRESQL_SQL, [array(column) for column in zip(*values, strict=True)])
        return
    adapt = connection.ops.adapt_datetimefield_value
    with connection.cursor() as cursor:
        cursor.executemany(_GENERIC_SQL, [(*row[:5], adapt(row[5]), adapt(row[6])) for row in values])


def _limit_rules(counted: dict[Key, tuple[int, datetime, datetime]]) -> dict[Key, tuple[int, datetime, datetime]]:
    """Merge rules that would exceed `MAX_RULES` of a station into its row for other rules."""
    stations = {key[0] for key in counted}
    known: dict[int, set[Key]] = {station: set() for station in stations}
    rows = Deviation.objects.filter(station_id__in=stations).values_list("station_id", "action", "code", "what")
    for station_id, action, code, what in rows:
        known[station_id].add((station_id, action, code, what))
    bounded: dict[Key, tuple[int, datetime, datetime]] = {}
    for key, (count, first, last) in counted.items():
        rules = known[key[0]]
        if key not in rules and len(rules) >= MAX_RULES:
            key = (key[0], *OTHER_RULES)
        rules.add(key)
        other_count, other_first, other_last = bounded.get(key, (0, first, last))
        bounded[key] = other_count + count, min(other_first, first), max(other_last, last)
    return bounded
