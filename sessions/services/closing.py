"""Sessions that nobody ended: a station that fell silent, or a connector that is free again (trust rule 12)."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, OuterRef, Q
from django.utils import timezone

from chargers.models import ChargingStation, Connector
from cpms.common.news import tell_pages
from sessions.models import ChargingSession
from sessions.services.ledger import close_without_report

FREE_FOR = timedelta(minutes=15)  # a connector that has been free so long has no session
SILENT_FOR = timedelta(hours=24)
AT_ONCE = 500


def close_stale_sessions() -> int:
    """Close what cannot be going on any more, with the last known register; a late report of the end still wins.

    A session is closed when its connector has been available for 15 minutes after the session began, or when its
    station has been silent and without readings for 24 hours. Returns how many were closed.
    """
    now = timezone.now()
    free = Connector.objects.filter(
        station=OuterRef("station"),
        number=OuterRef("connector_number"),
        status=Connector.Status.AVAILABLE,
        status_changed_at__lt=now - FREE_FOR,
        status_changed_at__gt=OuterRef("started_at"),
    )
    silent = Q(station__last_heard_at__lt=now - SILENT_FOR) & (
        Q(last_sample_at__lt=now - SILENT_FOR) | Q(last_sample_at__isnull=True, start_received_at__lt=now - SILENT_FOR)
    )
    found = ChargingSession.objects.open().filter(Exists(free) | silent).values_list("station_id", "pk")[:AT_ONCE]
    count = 0
    for station_id, pk in found:
        with transaction.atomic():
            station = ChargingStation.objects.select_for_update(no_key=True).get(pk=station_id)
            session = ChargingSession.objects.open().select_for_update(no_key=True).filter(pk=pk).first()
            if session is None:
                continue
            last = session.last_sample_at or session.start_received_at or session.started_at
            close_without_report(session, ChargingSession.ClosedBy.RULE, at=last)
            tell_pages({station.team_id: [station_id]})
            count += 1
    return count
