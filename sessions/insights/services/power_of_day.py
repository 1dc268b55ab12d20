"""The total charging power over a day.

For whole teams it is recorded once a minute; for a selection of stations it is computed from meter readings.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from itertools import accumulate

from django.db.models import Q, Sum
from django.utils import timezone

from accounts.access.rights import Can
from accounts.models import User
from cpms.common.web.charts import day_bounds
from sessions.insights.models import TeamPower
from sessions.ledger.models import ChargingSession
from sessions.ledger.services.charging import FRESH
from sessions.samples.models import MeterReading

MAX_SESSION = timedelta(days=7)
MAX_SESSIONS, MAX_READINGS = 2_000, 300_000  # adding up more would keep the page waiting
MINUTE = timedelta(minutes=1)


def power_of_day(user: User, day: date) -> list[tuple[datetime, int]]:
    """Return the power in W for each minute, of the stations that the user may see and has selected."""
    start, end = day_bounds(day)
    scope = user.access.scope(Can.SEE_SESSIONS)
    if user.access.group is not None:
        return _power_of_sessions(user.access.shown(Can.SEE_SESSIONS, "team", "station"), start, end)
    provider = user.access.in_view("team", None)
    rows = TeamPower.objects.filter(provider, at__gte=start, at__lt=end)
    if not scope.is_everything:
        rows = rows.filter(team__in=scope.teams)
    recorded = list(rows.order_by("at").values_list("at").annotate(power=Sum("power_w")))
    if not (scope.installations or scope.stations):
        return recorded
    granted = Q(station__installation__in=scope.installations) | Q(station__in=scope.stations)
    sums: dict[datetime, int] = defaultdict(int)
    for at, power in [*recorded, *_power_of_sessions(granted & provider & ~Q(team__in=scope.teams), start, end)]:
        sums[at] += power
    return sorted(sums.items())


def _power_of_sessions(wanted: Q, start: datetime, end: datetime) -> list[tuple[datetime, int]]:
    """Add up the power of sessions for each minute; return nothing if there is too much data.

    A reading is valid until the next one, but for ten minutes at most.
    """
    end = min(end, timezone.now())
    rows = ChargingSession.objects.filter(wanted, started_at__gte=start - MAX_SESSION, started_at__lt=end)
    rows = rows.filter(Q(stopped_at__isnull=True) | Q(stopped_at__gt=start)).order_by()
    stops = dict(rows.values_list("pk", "stopped_at")[: MAX_SESSIONS + 1])
    if len(stops) > MAX_SESSIONS or not stops:
        return []
    readings = MeterReading.objects.filter(session__in=list(stops), at__gte=start - FRESH, at__lt=end)
    found = list(readings.order_by("session", "at").values_list("session_id", "at", "power_w")[: MAX_READINGS + 1])
    if len(found) > MAX_READINGS or not found:
        return []
    length = max(int((end - start) / MINUTE) + 1, 1)
    steps = [0] * (length + 1)
    for (session, at, power), following in zip(found, [*found[1:], None], strict=True):
        until = at + FRESH
        if following is not None and following[0] == session:
            until = min(until, following[1])
        until = min(until, stops[session] or until)
        first, last = (min(max(-int((start - moment) // MINUTE), 0), length) for moment in (at, until))
        if power and last > first:
            steps[first] += power
            steps[last] -= power
    return [(start + index * MINUTE, power) for index, power in enumerate(accumulate(steps[:length]))]
