"""What lists of stations, connectors and tags show of sessions."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Max, Sum
from django.utils import timezone

from accounts.models import User
from chargers.models import Connector
from sessions.ledger.models import ChargingSession
from sessions.ledger.services.charging import FRESH, is_fresh

IDLE = [Connector.Status.AVAILABLE, Connector.Status.UNAVAILABLE, Connector.Status.FAULTED, Connector.Status.RESERVED]


def clear_stale_power(session: ChargingSession, status: str) -> None:
    """Clear, in memory, a power that was measured long ago or before the connector became idle."""
    if not is_fresh(session) or status in IDLE:
        session.power_w = None


def attach_sessions(connectors: list[Any], user: User) -> None:
    """Set `session` of each connector to its running session that the user may see, or None, with one query."""
    visible = ChargingSession.objects.reachable_by(user)
    running = visible.open().filter(station__in={c.station_id for c in connectors}).order_by("started_at")
    by_connector = {(session.station_id, session.connector_number): session for session in running}
    for connector in connectors:
        connector.session = by_connector.get((connector.station_id, connector.number))
        if connector.session is not None:
            clear_stale_power(connector.session, connector.status)


def attach_power(stations: list[Any], user: User) -> None:
    """Set `power_w` of each station to the power of the sessions that the user may see, or None, with one query."""
    running = (
        ChargingSession.objects.reachable_by(user)
        .open()
        .filter(station__in=[station.pk for station in stations], last_sample_at__gt=timezone.now() - FRESH)
    )
    powers = dict(running.order_by().values_list("station").annotate(power=Sum("power_w")))
    for station in stations:
        station.power_w = powers.get(station.pk)


def attach_tag_usage(tags: list[Any], user: User) -> None:
    """Set `session_count` and `last_used_at` of each tag from the sessions that the user may see, with one query."""
    sessions = ChargingSession.objects.reachable_by(user).filter(tag__in=[tag.pk for tag in tags]).order_by()
    usage = {
        tag_id: (count, last)
        for tag_id, count, last in sessions.values_list("tag").annotate(count=Count("pk"), last=Max("started_at"))
    }
    for tag in tags:
        tag.session_count, tag.last_used_at = usage.get(tag.pk, (0, None))
