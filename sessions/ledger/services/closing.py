"""Close sessions whose end was never reported: the station fell silent or restarted, or the connector is free."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from chargers.models import ChargingStation, Connector
from cpms.common.messaging.news import tell_pages
from sessions.ledger.models import ChargingSession, Flag
from sessions.ledger.services.review import review_overlap
from sessions.ledger.services.settling import settle_end

ClosedBy = ChargingSession.ClosedBy
Status = Connector.Status
FREE = (Status.AVAILABLE, Status.UNAVAILABLE, Status.RESERVED)  # a connector in one of these has no session
IN_USE = (Status.CHARGING, Status.SUSPENDED_EV, Status.SUSPENDED_EVSE)
FREE_DELAY = timedelta(minutes=2)  # the report of the end may still be on its way
REBOOT_DELAY = timedelta(minutes=2)  # a station that resumes a session after a restart does so within this time
MAX_SILENCE = timedelta(hours=24)
BATCH_SIZE = 500


def close_without_report(session: ChargingSession, closed_by: str, *, at: datetime) -> None:
    """Close and save a session whose end was not reported, with its last register; a late report still replaces it.

    Args:
        closed_by: `ClosedBy.SUPERSEDED` or `ClosedBy.RULE`.
        at: the end to set.
    """
    session.stopped_at = max(at, session.started_at)
    session.meter_stop_wh = session.last_register_wh if session.last_register_wh is not None else session.meter_start_wh
    session.closed_by = closed_by
    session.power_w = 0 if session.power_w is not None else None
    session.add_flag(Flag.SUPERSEDED if closed_by == ClosedBy.SUPERSEDED else Flag.CLOSED_BY_RULE)
    settle_end(session)
    review_overlap(session)
    session.save()


def ended_without_report(freed_before: datetime, booted_before: datetime) -> Q:
    """Return the condition that an open session cannot be charging any more: its connector is free or its station
    restarted without resuming it.

    Args:
        freed_before: the connector was reported free at this time or earlier, but after the session started.
        booted_before: the station restarted at this time or earlier, but after the session started.
    """
    here = Connector.objects.filter(station=OuterRef("station_id"), number=OuterRef("connector_number"))
    freed = here.filter(
        status__in=FREE, status_changed_at__lte=freed_before, status_changed_at__gt=OuterRef("started_at")
    )
    resumed = here.filter(status__in=IN_USE, reported_at__gt=OuterRef("station__booted_at"))
    booted = (
        Q(station__booted_at__lte=booted_before, station__booted_at__gt=F("start_received_at"))
        & (Q(last_sample_at=None) | Q(last_sample_at__lte=F("station__booted_at")))
        & Q(~Exists(resumed))
    )
    is_freed: Q = Q(Exists(freed))
    return is_freed | booted


def close_ended(session: ChargingSession) -> None:
    """Close a session that cannot be charging any more, at the time of its last reading."""
    last = session.last_sample_at or session.start_received_at or session.started_at
    close_without_report(session, ClosedBy.RULE, at=last)


def close_stale_sessions() -> int:
    """Close sessions that cannot be charging any more. Returns how many were closed.

    A session is closed when its connector has been free for 2 minutes, when its station restarted 2 minutes ago and
    did not resume it, or when its station has been silent and without readings for 24 hours. A late report of the end
    still replaces the end set here.
    """
    now = timezone.now()
    silent = Q(station__last_heard_at__lt=now - MAX_SILENCE) & (
        Q(last_sample_at__lt=now - MAX_SILENCE)
        | Q(last_sample_at__isnull=True, start_received_at__lt=now - MAX_SILENCE)
    )
    ended = ended_without_report(now - FREE_DELAY, now - REBOOT_DELAY) | silent
    found = list(
        ChargingSession.objects.open().filter(ended).order_by("pk").values_list("station_id", "pk")[:BATCH_SIZE]
    )
    count = 0
    for station_id, pk in found:
        with transaction.atomic():
            station = ChargingStation.objects.select_for_update(no_key=True).get(pk=station_id)
            rows = ChargingSession.objects.open().filter(ended, pk=pk)  # it may have resumed meanwhile
            session = rows.select_for_update(of=("self",), no_key=True).first()
            if session is None:
                continue
            close_ended(session)
            tell_pages({station.team_id: [station_id]})
            count += 1
    return count
