"""Count sessions and add up their power and energy, with queries that use an index."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.db.models import Count, Q, Sum, Value
from django.db.models.functions import TruncDate
from django.utils import timezone

from accounts.access.rights import Can
from accounts.models import User
from cpms.common.web.charts import day_bounds
from sessions.ledger.models import ChargingSession
from sessions.ledger.services.charging import FRESH


def running_now(user: User) -> tuple[int, int | None]:
    """Return how many sessions are running, and their total power in W without outdated readings.

    The team is a condition of the sums and not of the query, so that PostgreSQL uses the small index of open sessions
    and never the index of all sessions of the team.
    """
    own = user.access.shown(Can.SEE_SESSIONS, "team", "station")
    fresh = own & Q(last_sample_at__gt=timezone.now() - FRESH)
    sums = ChargingSession.objects.open().aggregate(count=Count("pk", filter=own), power=Sum("power_w", filter=fresh))
    return sums["count"], sums["power"]


def started_today(user: User) -> tuple[int, int]:
    """Return how many sessions started today in the user's time zone, and their energy in Wh."""
    today = ChargingSession.objects.visible_to(user).started_between(*day_bounds(timezone.localdate())).order_by()
    sums = today.aggregate(count=Count("pk"), energy=Sum("energy_wh"))
    return sums["count"], sums["energy"] or 0


def sessions_per_day(user: User, first: date, last: date) -> list[int]:
    """Return how many sessions started on each day in the user's time zone, with one query."""
    visible = ChargingSession.objects.visible_to(user).order_by()
    length = (last - first).days + 1
    scope = user.access.scope(Can.SEE_SESSIONS)
    if user.access.group is not None or scope.installations or scope.stations:
        by_day = _count_by_day(visible, first, last)
        return [by_day.get(first + timedelta(days=n), 0) for n in range(length)]
    days = [
        visible.started_between(*day_bounds(first + timedelta(days=n)))
        .annotate(index=Value(n))
        .values_list("index")
        .annotate(count=Count("*"))  # counting the key would read the table
        for n in range(length)
    ]  # one index range per day, all in one query
    counts = dict(days[0].union(*days[1:], all=True) if length > 1 else days[0])
    return [counts.get(n, 0) for n in range(length)]


def _count_by_day(visible: Any, first: date, last: date) -> dict[date, int]:
    """Count with one pass over the period, which is faster for a selection of stations than a query per day."""
    rows = visible.started_between(day_bounds(first)[0], day_bounds(last)[1])
    days = rows.values_list(TruncDate("started_at", tzinfo=timezone.get_current_timezone()))
    return dict(days.annotate(count=Count("*")))
