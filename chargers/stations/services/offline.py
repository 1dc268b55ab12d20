"""Find the stations that have been offline for a while, and record it as events."""

from __future__ import annotations

from datetime import timedelta

from django.db.models import Exists, OuterRef
from django.db.models.functions import Coalesce
from django.utils import timezone

from chargers.events.models import Event
from chargers.events.services import Kind, offline_event, record_events
from chargers.stations.models import ChargingStation

OFFLINE_AFTER = timedelta(minutes=15)
RECENT = timedelta(hours=24)  # stations that have been offline for longer are not reported any more
BATCH_SIZE = 2000


def record_offline_stations() -> int:
    """Record an event for each station that has been offline for `OFFLINE_AFTER`. Returns how many there were.

    No message reports this, so it is checked regularly, together with closing the links of dead nodes.
    """
    now = timezone.now()
    is_known = Exists(Event.objects.open().filter(kind=Kind.OFFLINE, station=OuterRef("pk")))
    rows = ChargingStation.objects.filter(~is_known, node__isnull=True, handed_over_at__isnull=True)
    rows = rows.annotate(since=Coalesce("disconnected_at", "last_heard_at"))
    rows = rows.filter(since__gt=now - RECENT, since__lte=now - OFFLINE_AFTER).order_by("-since")
    found = list(rows.values_list("pk", "since")[:BATCH_SIZE])
    record_events([offline_event(pk, since) for pk, since in found])
    return len(found)
