"""Find out whether a tag is charging at another station.

Only sessions that can really be charging count. The others are closed on the way, so that a driver whose station lost
power can charge at the next station immediately.
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
from sessions.ledger.services.closing import REBOOT_DELAY, close_ended, ended_without_report

MAX_CANDIDATES = 20


@Prepared
def _open_with_tag(tag: Any) -> Any:
    rows = ChargingSession.objects.open().filter(tag=tag, authorization=TagVerdict.ACCEPTED)
    return rows.order_by("pk").values_list("pk", "station_id")[:MAX_CANDIDATES]


def is_charging_elsewhere(tag: Tag, station: ChargingStation) -> bool:
    """Return whether another session with this tag can be charging now. Sessions that cannot are closed.

    Args:
        station: where the tag is used now; locked by the caller. It is online, since it has just sent a message.
    """
    found: list[tuple[int, int]] = _open_with_tag(tag=tag.pk)
    if not found:
        return False
    now, session_ids = timezone.now(), [pk for pk, _station in found]
    rows = ChargingSession.objects.open().filter(pk__in=session_ids)
    ongoing = rows.exclude(pk__in=rows.filter(ended_without_report(now, now)).values("pk"))
    reachable = Q(station=station.pk) | Q(station__node__alive_at__gt=Now() - NODE_ALIVE)
    is_busy = ongoing.filter(reachable).exists()
    ended = rows.filter(ended_without_report(now, now - REBOOT_DELAY)).order_by("station_id", "pk")
    for pk, station_id in ended.values_list("pk", "station_id"):
        _close_if_unlocked(pk, station_id, station.pk)
    return is_busy


def _close_if_unlocked(pk: int, station_id: int, current_station_id: int) -> None:
    """Close the session unless its station is locked: that station may be waiting for this one.

    The periodic `close_stale_sessions` closes what is left.
    """
    if station_id != current_station_id:
        others = ChargingStation.objects.select_for_update(skip_locked=True, no_key=True).filter(pk=station_id)
        if not others.values_list("pk").first():
            return
    rows = ChargingSession.objects.open().filter(pk=pk).annotate(team_of_station=F("station__team_id"))
    session: Any = rows.select_for_update(skip_locked=True, of=("self",), no_key=True).first()
    if session is not None:
        close_ended(session)
        tell_pages({session.team_of_station: [station_id]})
