"""Every refused connection is recorded, without secrets, and counted rather than repeated."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F
from django.utils import timezone

from cpms.common.web.addresses import source_of
from maintenance.connections.models import RefusedConnection

MAX_PER_STATION = 20  # rows per hour; further sources of the same cause share one row
MAX_OF_STRANGERS = 500  # rows per hour; further sources share one row


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a client showed of itself when it was refused.

    Attributes:
        station_id: the station that it is, or that it resembles.
        near: how it differs from that station, where it does.
    """

    cause: str
    path: str
    identity: str = ""
    station_id: int | None = None
    near: str = ""
    remote_address: str = ""
    subprotocols: str = ""
    authentication: str = ""
    is_tls: bool = False
    user_agent: str = ""


def record_refusal(refusal: Refusal, *, times: int = 1) -> None:
    """Count up this hour's row of the same kind, or begin it.

    The row of a station has its cause and its source; a stranger's has its source only, so that whoever tries
    identities or addresses makes one row an hour. Where there are many sources already, further ones share a row, so
    that nobody can fill a team's list.

    Args:
        times: how many connections this stands for.
    """
    now = timezone.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    facts: dict[str, Any] = {
        "path": refusal.path[:255],
        "identity": refusal.identity[:48],
        "subprotocols": refusal.subprotocols[:255],
        "authentication": refusal.authentication[:20],
        "is_tls": refusal.is_tls,
        "user_agent": refusal.user_agent[:255],
        "last_at": now,
    }
    if refusal.station_id is None:
        facts["cause"] = refusal.cause
    bucket = _bucket(refusal, hour, source_of(refusal.remote_address))
    if _count_up(bucket, facts, times):
        return
    is_crowded = _is_crowded(refusal, hour)
    address = "" if is_crowded else refusal.remote_address[:64]
    if is_crowded:
        bucket = _bucket(refusal, hour, "*")
        facts |= {"user_agent": "", "identity": "" if refusal.station_id is None else facts["identity"]}
    new = {
        "cause": refusal.cause,
        "near": refusal.near,
        "station_id": refusal.station_id,
        "remote_address": address,
        "hour": hour,
        "first_at": now,
        "count": times,
    }
    _row, is_new = RefusedConnection.objects.get_or_create(bucket=bucket, defaults=facts | new)
    if not is_new:  # two at once, or one of many sources
        _count_up(bucket, facts, times)


def _bucket(refusal: Refusal, hour: datetime, source: str) -> str:
    subject = f"{refusal.station_id} {refusal.cause} {refusal.near}" if refusal.station_id else "stranger"
    return f"{hour:%Y%m%d%H} {subject} {source}"[:160]


def _count_up(bucket: str, facts: dict[str, Any], times: int) -> bool:
    return bool(RefusedConnection.objects.filter(bucket=bucket).update(count=F("count") + times, **facts))


def _is_crowded(refusal: Refusal, hour: datetime) -> bool:
    rows = RefusedConnection.objects.filter(station=refusal.station_id, hour=hour).order_by()
    most = MAX_OF_STRANGERS if refusal.station_id is None else MAX_PER_STATION
    return len(rows.values_list("pk")[:most]) == most
