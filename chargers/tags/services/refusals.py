"""Remember tags that were presented at stations and refused, so that their team can adopt them."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from django.db import IntegrityError, transaction
from django.db.models import Case, F, Value, When
from django.db.models.functions import Greatest, Upper

from chargers.stations.models import ChargingStation
from chargers.tags.models import RefusedTag

if TYPE_CHECKING:
    from chargers.tags.services.authorization import Verdict

State = RefusedTag.State


def record_refusal(*, station: ChargingStation, value: str, verdict: Verdict, at: datetime) -> None:
    """Record that a tag was refused at a station. Does nothing if it was accepted, or if the station has no team.

    A tag that was adopted and is refused again needs another decision; one that is ignored stays ignored.
    """
    if not verdict.reason or not value or station.team_id is None:
        return
    if _count(station, value, verdict, at):
        return
    try:
        with transaction.atomic():
            RefusedTag.objects.create(
                team_id=station.team_id,
                value=value,
                tag=verdict.tag,
                station=station,
                reason=verdict.reason,
                first_at=at,
                last_at=at,
            )
    except IntegrityError:  # another station of the team was faster
        _count(station, value, verdict, at)


def _count(station: ChargingStation, value: str, verdict: Verdict, at: datetime) -> bool:
    rows = RefusedTag.objects.alias(upper=Upper("value")).filter(team=station.team_id, upper=value.upper())
    updated = rows.update(
        times=F("times") + 1,
        last_at=Greatest("last_at", Value(at)),
        station=station,
        tag=verdict.tag,
        reason=verdict.reason,
        state=Case(When(state=State.ADOPTED, then=Value(State.OPEN)), default=F("state")),
    )
    return updated > 0
