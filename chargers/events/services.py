"""Record events in the transaction of the service that detects them, end them, and delete old ones."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.utils import timezone

from accounts.models import Grant
from chargers.events.models import Event
from cpms.common.database.batches import update_rows

Kind = Event.Kind

# Kinds that describe a state. If the state returns while its key is still the same, the ended event is opened again.
REOPENING = frozenset({Kind.FAULT, Kind.OFFLINE})
RETENTION = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event to be recorded.

    Attributes:
        key: identifies the event, so that it is recorded once; empty: always record a new event.
        station_id: the station; its current team and installation are recorded with it.
        data: the details that readers show, so that they need no further query.
    """

    kind: str
    at: datetime
    key: str = ""
    station_id: int | None = None
    team_id: int | None = None
    installation_id: int | None = None
    data: dict[str, Any] = field(default_factory=dict)


def hourly_key(pk: int, at: datetime) -> str:
    """Return the key of a state that may come and go: it is a new event once an hour."""
    return f"{pk}-{at:%Y%m%d%H}"


def record_event(event: NewEvent) -> None:
    """Record one event; see `record_events`."""
    record_events([event])


def record_events(events: Sequence[NewEvent]) -> None:
    """Record many events at once. An event whose key exists is not recorded again."""
    if not events:
        return
    stations = _stations_of(events)
    by_kind: dict[bool, dict[tuple[str, str | int], Event]] = {True: {}, False: {}}
    for number, event in enumerate(events):
        row = Event(kind=event.kind, at=event.at, key=event.key or None, data=event.data, station_id=event.station_id)
        row.team_id, row.installation_id = event.team_id, event.installation_id
        if event.station_id is not None:
            if event.station_id not in stations:
                continue  # the station was deleted in the meantime
            identity, row.team_id, row.installation_id = stations[event.station_id]
            row.data = {"station": identity, **event.data}
        by_kind[event.kind in REOPENING][event.kind, event.key or number] = row
    Event.objects.bulk_create(by_kind[False].values(), ignore_conflicts=True)
    Event.objects.bulk_create(
        by_kind[True].values(), update_conflicts=True, update_fields=["ended_at"], unique_fields=["kind", "key"]
    )


def _stations_of(events: Sequence[NewEvent]) -> dict[int, tuple[str, int | None, int | None]]:
    ids = {event.station_id for event in events if event.station_id is not None}
    if not ids:
        return {}
    stations: Any = Event._meta.get_field("station").related_model
    rows = stations.objects.filter(pk__in=ids).order_by()
    return {
        pk: (identity, team_id, installation_id)
        for pk, identity, team_id, installation_id in rows.values_list("pk", "identity", "team_id", "installation_id")
    }


def end_events(*, kind: str, keys: Collection[str], at: datetime) -> int:
    """End the open events with these keys. Returns their number."""
    return Event.objects.open().filter(kind=kind, key__in=keys).update(ended_at=at)


def end_events_of_station(*, station_id: int, at: datetime, kinds: Collection[str] = REOPENING) -> int:
    """End the open events of a station. Returns their number."""
    return Event.objects.open().filter(station=station_id, kind__in=kinds).update(ended_at=at)


def end_faults(ended: dict[tuple[int, int], datetime]) -> None:
    """End the open fault of each connector.

    Args:
        ended: when each fault ended, by station id and connector number.
    """
    if not ended:
        return
    rows = Event.objects.open().filter(kind=Kind.FAULT, station__in={station_id for station_id, _number in ended})
    found = [
        (pk, ended[station_id, data["connector"]])
        for pk, station_id, data in rows.order_by().values_list("pk", "station_id", "data")
        if (station_id, data["connector"]) in ended
    ]
    update_rows("chargers_event", {"ended_at": "timestamptz"}, sorted(found))


def offline_event(station_id: int, since: datetime) -> NewEvent:
    """Return the event that a station has been offline since this time."""
    data = {"since": since.isoformat()}
    return NewEvent(Kind.OFFLINE, since, hourly_key(station_id, since), station_id, data=data)


def fault_event(connector_id: int, *, station_id: int, number: int, error_code: str, at: datetime) -> NewEvent:
    """Return the event that a connector is faulted since this time."""
    data = {"connector": number, "code": error_code}
    return NewEvent(Kind.FAULT, at, hourly_key(connector_id, at), station_id, data=data)


def record_access(grant: Grant) -> None:
    """Record that a user or a team was granted access to an installation or a station."""
    place = grant.installation or grant.station
    data = {"place": str(place), "role": grant.role, "user": grant.user_id, "to_team": grant.to_team_id}
    record_event(
        NewEvent(
            Kind.ACCESS,
            grant.created_at,
            str(grant.pk),
            team_id=grant.team_id,
            installation_id=grant.installation_id,
            data=data,
        )
    )


def end_access(grant: Grant, at: datetime) -> None:
    """Record that a granted access has ended."""
    end_events(kind=Kind.ACCESS, keys=[str(grant.pk)], at=at)


def delete_old_events() -> None:
    """Delete the events that are older than `RETENTION`."""
    Event.objects.filter(at__lt=timezone.now() - RETENTION).delete()
