"""B6: every refused connection is recorded, without secrets, and counted rather than repeated."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import F
from django.utils import timezone

from maintenance.models import RefusedConnection


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a client showed of itself when it was refused."""

    cause: str
    path: str
    identity: str = ""
    station_id: int | None = None
    remote_address: str = ""
    subprotocols: str = ""
    authentication: str = ""
    is_tls: bool = False
    user_agent: str = ""


def record_refusal(refusal: Refusal) -> None:
    """Count up this hour's row of the same cause from the same place, or begin it.

    Where the identity has become another station within the hour, it was handed over (Vi8) or added: what was refused
    before stays with whom it belonged to, and a row of its own begins.
    """
    now = timezone.now()
    key = {
        "cause": refusal.cause,
        "path": refusal.path[:255],
        "remote_address": refusal.remote_address[:64],
        "hour": now.replace(minute=0, second=0, microsecond=0),
    }
    facts = {
        "identity": refusal.identity[:48],
        "station_id": refusal.station_id,
        "subprotocols": refusal.subprotocols[:255],
        "authentication": refusal.authentication[:20],
        "is_tls": refusal.is_tls,
        "user_agent": refusal.user_agent[:255],
        "first_at": now,
        "last_at": now,
    }
    row, is_new = RefusedConnection.objects.get_or_create(**key, defaults=facts)  # two at once: the second counts up
    if not is_new and row.station_id != refusal.station_id:
        RefusedConnection.objects.filter(pk=row.pk).update(hour=row.last_at)
        row, is_new = RefusedConnection.objects.get_or_create(**key, defaults=facts)
    if not is_new:
        RefusedConnection.objects.filter(pk=row.pk).update(count=F("count") + 1, last_at=now)
