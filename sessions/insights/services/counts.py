"""How many sessions there are and what they charge, in queries that an index answers."""

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
    """Return how many sessions run, and their power as far as it is fresh.

    The team is a condition on what is summed, not on what is read: so the query uses the index of open sessions, which
    are few in all teams together, and never the one of all sessions of the team.
    """
    own = user.access.shown(Can.SEE_SESSIONS, "team", "station")
    fresh = own & Q(last_sample_at__gt=timezone.now() - FRESH)
    sums = ChargingSession.objects.open().aggregate(count=Count("pk", filter=own), power=Sum("power_w", filter=fresh))
    return sums["count"], sums["power"]


def begun_today(user: User) -> tuple[int, int]:
    """Return how many sessions began today in the person's time zone, and their energy in Wh."""
    today = ChargingSession.objects.visible_to(user).started_between(*day_bounds(timezone.localdate())).order_by()
    sums = today.aggregate(count=Count("pk"), energy=Sum("energy_wh"))
    return sums["count"], sums["energy"] or 0


def sessions_per_day(user: User, first: date, last: date) -> list[int]:
    """Return how many sessions began on each day, in the person's time zone; one query."""
    visible = ChargingSession.objects.visible_to(user).order_by()
    length = (last - first).days + 1
    scope = user.access.scope(Can.SEE_SESSIONS)
    if user.access.group is not None or scope.installations or scope.stations:
        together = _counted_together(visible, first, last)
        return [together.get(first + timedelta(days=n), 0) for n in range(length)]
    days = [
        visible.started_between(*day_bounds(first + timedelta(days=n)))
        .annotate(place=Value(n))
        .values_list("place")
        .annotate(count=Count("*"))  # of the key, it would be read from the table
        for n in range(length)
    ]  # a range of the index for each day, all in one query
    counts = dict(days[0].union(*days[1:], all=True) if length > 1 else days[0])
    return [counts.get(n, 0) for n in range(length)]


def _counted_together(visible: Any, first: date, last: date) -> dict[date, int]:
    """For some stations only: look up their sessions of the whole period once, not for each day again."""
    rows = visible.started_between(day_bounds(first)[0], day_bounds(last)[1])
    days = rows.values_list(TruncDate("started_at", tzinfo=timezone.get_current_timezone()))
    return dict(days.annotate(count=Count("*")))
