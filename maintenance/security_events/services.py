"""Store security events, and acknowledge alerts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from celery import current_app
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.models import User
from chargers.events.services import NewEvent, end_events, record_events
from chargers.models import ChargingStation, Event
from chargers.vocabulary import SecurityEventKind, is_critical
from cpms.common.errors import NotAllowed
from cpms.common.messaging.news import tell_pages
from maintenance.security_events.models import SecurityEvent

CARD_SEARCH = SecurityEventKind.UNKNOWN_CARDS_TRIED.value
CARD_SEARCH_INTERVAL = timedelta(hours=1)


def wake_alarms() -> None:
    """Send alarm e-mails after commit. A sweep every minute is the fallback."""
    transaction.on_commit(partial(current_app.send_task, "maintenance.send_alarms"), robust=True)


@transaction.atomic
def acknowledge_events(*, events: QuerySet[SecurityEvent], actor: User) -> int:
    """Acknowledge the open alerts among events that the user may acknowledge, and return their number.

    Raises:
        NotAllowed: the user may not operate stations of any team.
    """
    if not actor.access.scope(Can.OPERATE):
        raise NotAllowed(_("You may not acknowledge alerts."))
    rows = events.alerts().allowed(actor, Can.OPERATE)  # type: ignore[attr-defined]
    alerts = {event.pk: event for event in rows.select_for_update(of=("self",)).order_by("pk")}
    changed = defaultdict(list)
    for station_id, team_id in rows.filter(pk__in=alerts).values_list("station_id", "station__team_id").distinct():
        changed[team_id].append(station_id)
    now = timezone.now()
    SecurityEvent.objects.filter(pk__in=alerts).update(acknowledged_at=now, acknowledged_by=actor)
    end_events(kind=Event.Kind.SECURITY, keys=[event.outbox_key for event in alerts.values()], at=now)
    tell_pages(changed)
    return len(alerts)


@dataclass(frozen=True, slots=True)
class SecurityNotice:
    """A security event as a station reported it."""

    station_id: int
    type: str
    at: datetime
    tech_info: str
    received_at: datetime


def record_security_events(notices: Sequence[SecurityNotice]) -> None:
    """Store security events. Critical ones also become events, so that users are notified."""
    rows = [
        SecurityEvent(
            station_id=n.station_id,
            type=n.type[:255],
            at=n.at,
            tech_info=n.tech_info[:1000],
            received_at=n.received_at,
            is_critical=is_critical(n.type),
        )
        for n in notices
    ]
    SecurityEvent.objects.bulk_create(rows, ignore_conflicts=True)
    _record_critical([row for row in rows if row.is_critical])


def _record_critical(rows: Sequence[SecurityEvent]) -> None:
    if not rows:
        return
    record_events(
        [
            NewEvent(
                Event.Kind.SECURITY,
                row.received_at,
                row.outbox_key,
                row.station_id,
                data={"type": row.type, "reported_at": row.at.isoformat()},
            )
            for row in rows
        ]
    )
    wake_alarms()


def record_card_search(*, station: ChargingStation, at: datetime) -> None:
    """Record an alert that somebody seems to try out card numbers at a station, at most once an hour."""
    recent = SecurityEvent.objects.filter(station=station, type=CARD_SEARCH, received_at__gt=at - CARD_SEARCH_INTERVAL)
    if recent.exists():
        return
    row = SecurityEvent.objects.create(station=station, type=CARD_SEARCH, at=at, received_at=at, is_critical=True)
    _record_critical([row])
