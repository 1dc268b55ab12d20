"""The meter readings of one session, as its page draws them."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import NamedTuple

from django.utils import timezone

from sessions.ledger.models import ChargingSession
from sessions.samples.models import MeterReading

MAX_READINGS = 20_000
AROUND = timedelta(days=1)


class Point(NamedTuple):
    at: datetime
    energy_wh: int | None
    power_w: int | None
    offered_w: int | None
    current_ma: dict[str, int] | None
    state_of_charge: Decimal | None


def points_of(session: ChargingSession) -> list[Point]:
    """Return the readings in order, without those that a wrong clock put years away and that would stretch a curve."""
    first, last = session.started_at - AROUND, (session.stopped_at or timezone.now()) + AROUND
    rows = MeterReading.objects.filter(session=session, at__range=(first, last)).order_by("at")
    return [Point(*row) for row in rows.values_list(*Point._fields)[:MAX_READINGS]]
