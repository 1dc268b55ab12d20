"""Whether a tag is charging somewhere else.

A tag is busy only where it can really be charging. What cannot go on any more is closed on the way, so that a driver
whose station lost its power can charge next door at once.
"""

from __future__ import annotations

from typing import Any

from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from chargers.models import NODE_ALIVE, ChargingStation, Tag
from chargers.vocabulary import TagVerdict
from cpms.common.database.prepared import Prepared
from cpms.common.messaging.news import tell_pages
from sessions.ledger.models import ChargingSession
from sessions.ledger.services.closing import BOOTED_FOR, close_ended, ended_without_report

MAX_LOOKED_AT = 20


@Prepared
def _open_with(tag: Any) -> Any:
    rows = ChargingSession.objects.open().filter(tag=tag, authorization=TagVerdict.ACCEPTED)
    return rows.order_by("pk").values_list("pk", "station_id")[:MAX_LOOKED_AT]


def is_charging_elsewhere(tag: Tag, station: ChargingStation) -> bool:
    """Whether another session with this tag can be going on. Sessions that cannot are closed with their last reading.

    Args:
        station: where the tag is used now; locked by the caller, and evidently not offline.
    """
    found: list[tuple[int, int]] = _open_with(tag=tag.pk)
    if not found:
        return False
    now, keys = timezone.now(), [pk for pk, _station in found]
    rows = ChargingSession.objects.open().filter(pk__in=keys)
    can_go_on = rows.exclude(pk__in=rows.filter(ended_without_report(now, now)).values("pk"))
    reachable = Q(station=station.pk) | Q(station__node__alive_at__gt=Now() - NODE_ALIVE)
    is_busy = can_go_on.filter(reachable).exists()
    ended = rows.filter(ended_without_report(now, now - BOOTED_FOR)).order_by("station_id", "pk")
    for pk, station_id in ended.values_list("pk", "station_id"):
        _close(pk, station_id, station.pk)
    return is_busy


def _close(pk: int, station_id: int, here: int) -> None:
    """Never wait for another station: it may be waiting for this one. The sweep closes what is left."""
    if station_id != here:
        others = ChargingStation.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=station_id)
        if not others.values_list("pk").first():
            return
    rows = ChargingSession.objects.open().filter(pk=pk).annotate(team_of_station=F("station__team_id"))
    session: Any = rows.select_for_update(skip_locked=True, of=("self",), no_key=True).first()
    if session is not None:
        close_ended(session)
        tell_pages({session.team_of_station: [station_id]})
