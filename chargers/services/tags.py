"""Whether a tag may charge at a station (OCPP 1.6 section 4.2 AuthorizationStatus)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.db.models.functions import Upper
from django.utils import timezone

from chargers.models import ChargingStation, Tag

ACCEPTED, BLOCKED, EXPIRED, INVALID, CONCURRENT = "Accepted", "Blocked", "Expired", "Invalid", "ConcurrentTx"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer about a tag; `tag` is None when nobody knows it."""

    status: str
    tag: Tag | None = None

    @property
    def is_accepted(self) -> bool:
        return self.status == ACCEPTED


def find_tag(*, station: ChargingStation, value: str) -> Tag | None:
    """The team's tag with this value, whatever its case (CiString20, P34)."""
    if station.team_id is None or not value:
        return None
    upper = value.upper()
    return Tag.objects.annotate(key=Upper("value")).filter(team_id=station.team_id, key=upper).first()


def authorize_tag(*, station: ChargingStation, value: str, at: datetime | None = None) -> Verdict:
    """Decide about a tag: Accepted, Blocked, Expired, or Invalid (unknown here, or not valid at this station).

    Args:
        at: the moment that counts for expiry; a session that was recorded offline is judged by its own time.
    """
    tag = find_tag(station=station, value=value)
    if tag is None:
        return Verdict(INVALID)
    if tag.status == Tag.Status.BLOCKED:
        return Verdict(BLOCKED, tag)
    if tag.expires_at is not None and tag.expires_at <= (at or timezone.now()):
        return Verdict(EXPIRED, tag)
    scope = set(tag.stations.values_list("pk", flat=True))
    if scope and station.pk not in scope:
        return Verdict(INVALID, tag)
    return Verdict(ACCEPTED, tag)
