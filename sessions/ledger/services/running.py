"""What charges now at stations and connectors, for pages that list these."""

from __future__ import annotations

from typing import Any

from django.db.models import Sum
from django.utils import timezone

from accounts.models import User
from chargers.models import Connector
from sessions.ledger.models import ChargingSession
from sessions.ledger.services.charging import FRESH, is_fresh

IDLE = [Connector.Status.AVAILABLE, Connector.Status.UNAVAILABLE, Connector.Status.FAULTED, Connector.Status.RESERVED]


def forget_stale_power(session: ChargingSession, status: str) -> None:
    """Power that was measured long ago, or before the connector became idle, is not shown as if it were now."""
    if not is_fresh(session) or status in IDLE:
        session.power_w = None


def attach_sessions(connectors: list[Any], user: User) -> None:
    """Give each connector the `session` that runs on it and that the person may see, or None; one query."""
    seen = ChargingSession.objects.reachable_by(user)
    running = seen.open().filter(station__in={c.station_id for c in connectors}).order_by("started_at")
    by_place = {(session.station_id, session.connector_number): session for session in running}
    for connector in connectors:
        connector.session = by_place.get((connector.station_id, connector.number))
        if connector.session is not None:
            forget_stale_power(connector.session, connector.status)


def attach_power(stations: list[Any], user: User) -> None:
    """Give each station the `power_w` of the sessions there that the person may see, or None; one query."""
    running = (
        ChargingSession.objects.reachable_by(user)
        .open()
        .filter(station__in=[station.pk for station in stations], last_sample_at__gt=timezone.now() - FRESH)
    )
    powers = dict(running.order_by().values_list("station").annotate(power=Sum("power_w")))
    for station in stations:
        station.power_w = powers.get(station.pk)
