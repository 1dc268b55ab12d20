"""Record which connection (link) of a station is the current one, and when the station was last seen.

Each connection has a number, its epoch. Every write of a connection compares it, so that the late close of an old
connection never marks the new one offline.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from chargers.events.models import Event
from chargers.events.services import end_events_of_station
from chargers.stations.models import NODE_ALIVE, ChargingStation, GatewayNode
from cpms.common.database.batches import update_rows
from cpms.common.database.prepared import Prepared, among
from cpms.common.messaging.news import tell_pages

LAST_SEEN_INTERVAL = timedelta(seconds=15)  # the time a station was last seen is written at most this often
CLOCK_WINDOW = timedelta(minutes=10)  # the highest offset in this time is used: delays only make a clock seem behind
BACKLOG = timedelta(minutes=1)  # at the start of a link, a station sends what it stored while it was offline

Known = tuple[int, int | None, datetime | None, int | None, datetime | None, datetime | None]


@Prepared
def _known(ids: Any) -> QuerySet[ChargingStation, Known]:
    rows = ChargingStation.objects.filter(among("id", ids)).order_by()
    return rows.values_list("pk", "team_id", "last_heard_at", "clock_offset_ms", "clock_measured_at", "connected_at")


@dataclass(frozen=True, slots=True)
class StationSeen:
    """A message was received from a station.

    Attributes:
        clock_at: the station's time in the message, if it has one.
    """

    station_id: int
    received_at: datetime
    clock_at: datetime | None = None


def open_link(
    *,
    station_id: int,
    node_id: int,
    remote_address: str,
    at: datetime,
    identity: str = "",
    protocol: str = ChargingStation.Protocol.OCPP_16.value,
) -> int:
    """Make a new link the station's current one. Returns its epoch, which every later write compares.

    Returns 0 if, since the caller found the station, it was handed over or its identity was changed.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE chargers_chargingstation SET epoch = epoch + 1, node_id = %s, remote_address = %s, "
            "connected_at = %s, last_heard_at = %s, protocol = %s "
            "WHERE id = %s AND (%s = '' OR identity = %s) AND handed_over_at IS NULL RETURNING epoch",
            [
                node_id,
                remote_address,
                *[connection.ops.adapt_datetimefield_value(at)] * 2,
                protocol,
                station_id,
                identity,
                identity,
            ],
        )
        row = cursor.fetchone()
    if row is None:
        return 0
    end_events_of_station(station_id=station_id, at=at, kinds=[Event.Kind.OFFLINE])
    return int(row[0])


@transaction.atomic
def close_link(*, station_id: int, epoch: int, at: datetime) -> bool:
    """Record that a link was closed. Returns False if a newer link exists, which is left unchanged."""
    closed = ChargingStation.objects.filter(pk=station_id, epoch=epoch).update(node=None, disconnected_at=at)
    if closed:
        team_id = ChargingStation.objects.values_list("team_id", flat=True).get(pk=station_id)
        tell_pages({team_id: [station_id]})
    return bool(closed)


@transaction.atomic
def close_links_of_dead_nodes() -> int:
    """Mark stations offline whose gateway process died, if they have not reconnected within two minutes.

    Returns the number of stations. They are offline since the last sign of life of their process.
    """
    dead = GatewayNode.objects.filter(alive_at__lt=Now() - timedelta(minutes=2))
    changed: dict[int | None, list[int]] = {}
    for team_id, pk in ChargingStation.objects.filter(node__in=dead).values_list("team_id", "pk"):
        changed.setdefault(team_id, []).append(pk)
    count = 0
    for node in dead:
        count += ChargingStation.objects.filter(node=node).update(node=None, disconnected_at=node.alive_at)
    GatewayNode.objects.filter(alive_at__lt=Now() - timedelta(days=2)).delete()
    tell_pages(changed)
    return count


def register_node(name: str) -> GatewayNode:
    """Create the row of a gateway process that has just started."""
    return GatewayNode.objects.create(name=name, alive_at=Now())


def record_node_alive(node_id: int) -> None:
    """Record that a gateway process is alive."""
    GatewayNode.objects.filter(pk=node_id).update(alive_at=Now())


def release_node(node_id: int) -> None:
    """Mark the stations of a gateway process that shuts down as offline immediately, instead of unknown."""
    now = timezone.now()
    with transaction.atomic():
        ChargingStation.objects.filter(node_id=node_id).update(node=None, disconnected_at=now)
        GatewayNode.objects.filter(pk=node_id).update(alive_at=Now() - NODE_ALIVE)


def record_stations_seen(reports: Sequence[StationSeen]) -> dict[int, int | None]:
    """Update when stations were last seen and the measured offsets of their clocks.

    Returns:
        the team id of each station, by station id.
    """
    newest: dict[int, datetime] = {}
    clocks: dict[int, list[tuple[datetime, timedelta]]] = defaultdict(list)
    for report in reports:
        if report.station_id not in newest or newest[report.station_id] < report.received_at:
            newest[report.station_id] = report.received_at
        if report.clock_at is not None:
            clocks[report.station_id].append((report.received_at, report.clock_at - report.received_at))
    teams: dict[int, int | None] = {}
    changed = []
    for pk, team_id, heard_at, clock, measured_at, connected_at in _known(ids=newest):
        teams[pk] = team_id
        at, offset = newest[pk], _offset_ms(clocks.get(pk, []), connected_at)
        is_clock_new = offset is not None and (
            clock is None or measured_at is None or at - measured_at > CLOCK_WINDOW or offset > clock + 500
        )
        if is_clock_new or heard_at is None or at - heard_at > LAST_SEEN_INTERVAL:
            latest = at if heard_at is None else max(at, heard_at)
            changed.append((pk, latest, *((offset, at) if is_clock_new else (clock, measured_at))))
    update_rows(
        "chargers_chargingstation",
        {"last_heard_at": "timestamptz", "clock_offset_ms": "bigint", "clock_measured_at": "timestamptz"},
        sorted(changed),
    )
    return teams


def _offset_ms(clocks: Sequence[tuple[datetime, timedelta]], connected_at: datetime | None) -> int | None:
    """Return by how many milliseconds a station's clock is ahead, or None if its messages do not prove it.

    A clock that is ahead can be trusted: no message arrives before it was written. A clock that seems to be behind may
    be a message that was stored while the station was offline. So an offset behind is ignored at the start of a link
    (also after a boot, since many stations send a boot with each link), and if the messages of one batch disagree, as
    those of a backlog do. A clock that is really behind shows in the next message.

    Args:
        clocks: when messages were received, and how far ahead of that their own time was.
        connected_at: when the station's newest link was opened; it may be newer than the messages.
    """
    if not clocks:
        return None
    ahead = [offset for _received_at, offset in clocks]
    if max(ahead) < -BACKLOG:
        is_early = [connected_at is not None and at - connected_at < BACKLOG for at, _offset in clocks]
        if any(is_early) or max(ahead) - min(ahead) > BACKLOG:
            return None
    return round(max(ahead).total_seconds() * 1000)
