"""Whether a tag may charge at a station (OCPP 1.6 section 4.2 AuthorizationStatus)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Upper
from django.utils import timezone

from chargers.models import ChargingStation, Tag
from cpms.common.prepared import Prepared

LONGEST_VALUE: dict[str, int] = {ChargingStation.Protocol.OCPP_16: 20}  # CiString20, the type of an idTag
ACCEPTED, BLOCKED, EXPIRED, INVALID, CONCURRENT = "Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"


def _with_scope(team: Any, upper: Any, station: Any) -> QuerySet[Any]:
    """The team's tag with this value, whatever its case (CiString20, P34), and whether it is for this station."""
    places = Tag.stations.through.objects.filter(tag_id=OuterRef("pk"))
    out_of_use = ChargingStation.objects.filter(pk=station, deactivated_at__isnull=False)
    return (
        Tag.objects.annotate(
            key=Upper("value"),
            is_scoped=Exists(places),
            is_for_here=Exists(places.filter(chargingstation_id=station)),
            is_out_of_use=Exists(out_of_use),
        )
        .filter(team_id=team, key=upper)
        .order_by()
    )


_tag_at = Prepared(_with_scope)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer about a tag; `tag` is None when nobody knows it."""

    status: str
    tag: Tag | None = None

    @property
    def is_accepted(self) -> bool:
        return self.status == ACCEPTED


def authorize_tag(*, station: ChargingStation, value: str, at: datetime | None = None) -> Verdict:
    """Decide about a tag: Accepted, Blocked, Expired, or Invalid (unknown here, not valid at this station, or
    the station is deactivated).

    Args:
        at: the moment that counts for expiry; a session that was recorded offline is judged by its own time.
    """
    if station.team_id is None or len(value) > LONGEST_VALUE.get(station.protocol, len(value)):
        return Verdict(INVALID)
    tag = _tag_at.first(team=station.team_id, upper=value.upper(), station=station.pk)
    if tag is None:
        return Verdict(INVALID)
    if tag.status == Tag.Status.BLOCKED:
        return Verdict(BLOCKED, tag)
    if tag.expires_at is not None and tag.expires_at <= (at or timezone.now()):
        return Verdict(EXPIRED, tag)
    if tag.is_out_of_use or (tag.is_scoped and not tag.is_for_here):
        return Verdict(INVALID, tag)
    return Verdict(ACCEPTED, tag)
