"""Record refused connections without secrets, with one row for equal ones of the same hour."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import F
from django.utils import timezone

from cpms.common.web.addresses import source_of
from maintenance.connections.models import RefusedConnection

MAX_PER_STATION = 20  # rows per hour; further sources of the same cause share one row
MAX_UNKNOWN = 500  # rows per hour of clients that resemble no station; further sources share one row


@dataclass(frozen=True, slots=True)
class Refusal:
    """What is known of a client whose connection was refused.

    Attributes:
        station_id: the station that the client is or resembles; None for an unknown client.
        near: how the client differs from that station; empty if it is the station.
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
    """Increment this hour's row of the same kind, or create it.

    Refusals that concern a station have one row per cause and source. Those of unknown clients have one row per source,
    so that a client that tries many identities creates one row an hour. When an hour has many sources already, further
    ones share a row, so that nobody can flood a team's list.

    Args:
        times: number of connections that this refusal stands for.
    """
    now = timezone.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    fields: dict[str, Any] = {
        "path": refusal.path[:255],
        "identity": refusal.identity[:48],
        "subprotocols": refusal.subprotocols[:255],
        "authentication": refusal.authentication[:20],
        "is_tls": refusal.is_tls,
        "user_agent": refusal.user_agent[:255],
        "last_at": now,
    }
    if refusal.station_id is None:
        fields["cause"] = refusal.cause
    bucket = _bucket(refusal, hour, source_of(refusal.remote_address))
    if _increment(bucket, fields, times):
        return
    is_limit_reached = _is_limit_reached(refusal, hour)
    address = "" if is_limit_reached else refusal.remote_address[:64]
    if is_limit_reached:
        bucket = _bucket(refusal, hour, "*")
        fields |= {"user_agent": "", "identity": "" if refusal.station_id is None else fields["identity"]}
    new = {
        "cause": refusal.cause,
        "near": refusal.near,
        "station_id": refusal.station_id,
        "remote_address": address,
        "hour": hour,
        "first_at": now,
        "count": times,
    }
    _row, is_new = RefusedConnection.objects.get_or_create(bucket=bucket, defaults=fields | new)
    if not is_new:  # created by a concurrent refusal, or shared by many sources
        _increment(bucket, fields, times)


def _bucket(refusal: Refusal, hour: datetime, source: str) -> str:
    subject = f"{refusal.station_id} {refusal.cause} {refusal.near}" if refusal.station_id else "stranger"
    return f"{hour:%Y%m%d%H} {subject} {source}"[:160]


def _increment(bucket: str, fields: dict[str, Any], times: int) -> bool:
    return bool(RefusedConnection.objects.filter(bucket=bucket).update(count=F("count") + times, **fields))


def _is_limit_reached(refusal: Refusal, hour: datetime) -> bool:
    rows = RefusedConnection.objects.filter(station=refusal.station_id, hour=hour).order_by()
    limit = MAX_UNKNOWN if refusal.station_id is None else MAX_PER_STATION
    return len(rows.values_list("pk")[:limit]) == limit
