"""Record the charging power of a team over time.

There is one row a minute, so that a day has 1,440 rows for any number of stations.
"""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Count, Sum
from django.utils import timezone

from accounts.models import Team
from sessions.insights.models import TeamPower
from sessions.ledger.models import ChargingSession
from sessions.ledger.services.charging import FRESH

RETENTION = timedelta(days=400)


def record_team_power() -> int:
    """Record the total power of each team's running sessions for this minute. Returns the number of teams."""
    now = timezone.now()
    minute = now.replace(second=0, microsecond=0)
    running = (
        ChargingSession.objects.open()
        .filter(last_sample_at__gt=now - FRESH, team__isnull=False)
        .values("team_id")
        .annotate(power=Sum("power_w"), count=Count("id"))
        .order_by()
    )
    sums = {row["team_id"]: (row["power"] or 0, row["count"]) for row in running}
    rows = []
    for team_id in Team.objects.values_list("pk", flat=True):
        power, count = sums.get(team_id, (0, 0))
        rows.append(TeamPower(team_id=team_id, at=minute, power_w=power, session_count=count))
    TeamPower.objects.bulk_create(rows, ignore_conflicts=True)
    TeamPower.objects.filter(at__lt=now - RETENTION).delete()
    return len(rows)
