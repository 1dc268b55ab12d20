"""Sessions that nobody ended: a station that fell silent or restarted, or a connector that is free again."""

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
GOING_ON = (Status.CHARGING, Status.SUSPENDED_EV, Status.SUSPENDED_EVSE)
FREE_FOR = timedelta(minutes=2)  # a report of the end may be on its way that long
BOOTED_FOR = timedelta(minutes=2)  # a station that goes on with a session after its start does so within this time
SILENT_FOR = timedelta(hours=24)
BATCH_SIZE = 500


def close_without_report(session: ChargingSession, closed_by: str, *, at: datetime) -> None:
    """Close a session whose end nobody reported, with its last known register; a late report still wins."""
    session.stopped_at = max(at, session.started_at)
    session.meter_stop_wh = session.last_register_wh if session.last_register_wh is not None else session.meter_start_wh
    session.closed_by = closed_by
    session.power_w = 0 if session.power_w is not None else None
    session.add_flag(Flag.SUPERSEDED if closed_by == ClosedBy.SUPERSEDED else Flag.CLOSED_BY_RULE)
    settle_end(session)
    review_overlap(session)
    session.save()


def ended_without_report(freed_before: datetime, booted_before: datetime) -> Q:
    """For open sessions: those that cannot be charging any more, whatever their station says later.

    Args:
        freed_before: their connector was reported free at this time or earlier, after they began.
        booted_before: their station restarted at this time or earlier, after they began, and did not go on with them.
    """
    here = Connector.objects.filter(station=OuterRef("station_id"), number=OuterRef("connector_number"))
    freed = here.filter(
        status__in=FREE, status_changed_at__lte=freed_before, status_changed_at__gt=OuterRef("started_at")
    )
    goes_on = here.filter(status__in=GOING_ON, reported_at__gt=OuterRef("station__booted_at"))
    booted = (
        Q(station__booted_at__lte=booted_before, station__booted_at__gt=F("start_received_at"))
        & (Q(last_sample_at=None) | Q(last_sample_at__lte=F("station__booted_at")))
        & Q(~Exists(goes_on))
    )
    is_freed: Q = Q(Exists(freed))
    return is_freed | booted


def close_ended(session: ChargingSession) -> None:
    """Close a session that cannot be charging any more, with its last reading."""
    last = session.last_sample_at or session.start_received_at or session.started_at
    close_without_report(session, ClosedBy.RULE, at=last)


def close_stale_sessions() -> int:
    """Close what cannot be going on any more, with the last known register; a late report of the end still wins.

    A session is closed when its connector has been free for 2 minutes after the session began, when its station
    restarted 2 minutes ago and did not go on with it, or when its station has been silent and without readings for
    24 hours. Returns how many were closed.
    """
    now = timezone.now()
    silent = Q(station__last_heard_at__lt=now - SILENT_FOR) & (
        Q(last_sample_at__lt=now - SILENT_FOR) | Q(last_sample_at__isnull=True, start_received_at__lt=now - SILENT_FOR)
    )
    ended = ended_without_report(now - FREE_FOR, now - BOOTED_FOR) | silent
    found = list(
        ChargingSession.objects.open().filter(ended).order_by("pk").values_list("station_id", "pk")[:BATCH_SIZE]
    )
    count = 0
    for station_id, pk in found:
        with transaction.atomic():
            station = ChargingStation.objects.select_for_update(no_key=True).get(pk=station_id)
            rows = ChargingSession.objects.open().filter(ended, pk=pk)  # it may have gone on meanwhile
            session = rows.select_for_update(of=("self",), no_key=True).first()
            if session is None:
                continue
            close_ended(session)
            tell_pages({station.team_id: [station_id]})
            count += 1
    return count
