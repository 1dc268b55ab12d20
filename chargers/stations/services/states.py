"""Choose how a connector or a whole station is displayed, from its connection and its reported status."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from django.db.models import (
    Case,
    CharField,
    DateTimeField,
    Exists,
    F,
    IntegerField,
    Min,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    TextChoices,
    Value,
    When,
)
from django.db.models.functions import Coalesce, Now
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chargers.stations.models import NODE_ALIVE, ChargingStation, Connector, Presence
from chargers.vocabulary import ConnectorStatus as Status
from chargers.vocabulary import error_label
from cpms.common.web import formatting

IN_USE = [Status.PREPARING, Status.CHARGING, Status.SUSPENDED_EV, Status.SUSPENDED_EVSE, Status.FINISHING]
# A station with several connectors shows the first of these: faults first, then connectors in use, then free ones.
BY_IMPORTANCE = [
    Status.FAULTED, Status.CHARGING, Status.SUSPENDED_EVSE, Status.SUSPENDED_EV, Status.PREPARING, Status.FINISHING,
    Status.RESERVED, Status.AVAILABLE, Status.UNAVAILABLE,
]  # fmt: skip


class StatusDisplay(NamedTuple):
    """How a connector's status is displayed, and what it means for drivers."""

    kind: str
    label: str | Promise
    meaning: Promise
    is_live: bool = False


STATUS_DISPLAYS = {
    status: StatusDisplay(kind, status.label, meaning, status == Status.CHARGING)
    for status, kind, meaning in (
        (Status.AVAILABLE, "available", gettext_lazy("Free for a vehicle.")),
        (Status.PREPARING, "preparing", gettext_lazy("A vehicle is connected; charging has not started.")),
        (Status.CHARGING, "charging", gettext_lazy("Energy is flowing into the vehicle.")),
        (
            Status.SUSPENDED_EV,
            "suspended",
            gettext_lazy("Energy is offered, but the vehicle takes none at the moment."),
        ),
        (
            Status.SUSPENDED_EVSE,
            "suspended",
            gettext_lazy("A vehicle is connected, but the station offers no energy."),
        ),
        (Status.FINISHING, "finishing", gettext_lazy("The session has ended; the connector is not free yet.")),
        (Status.RESERVED, "reserved", gettext_lazy("Reserved for a driver.")),
        (Status.UNAVAILABLE, "unavailable", gettext_lazy("Out of service: charging is not possible.")),
        (Status.FAULTED, "faulted", gettext_lazy("The station reported an error and cannot deliver energy.")),
    )
}
UNKNOWN = StatusDisplay("unknown", gettext_lazy("Unknown"), gettext_lazy("The station has not reported a status."))


def display_of(status: str) -> StatusDisplay:
    """Return how a status is displayed; an unknown status is displayed as unknown."""
    return STATUS_DISPLAYS[Status(status)] if status in STATUS_DISPLAYS else UNKNOWN


def status_meanings() -> list[StatusDisplay]:
    """Return how every status of a connector is displayed, in the order in which a session goes through them."""
    return [*STATUS_DISPLAYS.values(), UNKNOWN]


class State(TextChoices):
    """The five states by which connectors are counted."""

    AVAILABLE = "available", gettext_lazy("Available")
    OCCUPIED = "occupied", gettext_lazy("Occupied")
    FAULTED = "faulted", gettext_lazy("Not available")
    INOPERATIVE = "inoperative", gettext_lazy("Inoperative")
    UNKNOWN = "unknown", gettext_lazy("Unknown")


MEANINGS = {
    State.AVAILABLE: gettext_lazy("Free for a vehicle."),
    State.OCCUPIED: gettext_lazy("A vehicle is connected, a session is running, or it is reserved."),
    State.FAULTED: gettext_lazy("The station reported a technical fault."),
    State.INOPERATIVE: gettext_lazy("Taken out of service."),
    State.UNKNOWN: gettext_lazy("The station is not connected, or has not reported a status yet."),
}


def is_online(path: str = "") -> Q:
    """Return the condition that a station is online; `path` leads to the station and ends with two underscores."""
    return Q(**{f"{path}node__alive_at__gt": Now() - NODE_ALIVE})


def with_state(connectors: QuerySet[Any]) -> QuerySet[Any]:
    """Annotate connectors with `state`, one of `State`."""
    return connectors.annotate(
        state=Case(
            When(~is_online("station__") | Q(station__node__isnull=True) | Q(status=""), then=Value(State.UNKNOWN)),
            When(status=Status.AVAILABLE, then=Value(State.AVAILABLE)),
            When(status=Status.FAULTED, then=Value(State.FAULTED)),
            When(status=Status.UNAVAILABLE, then=Value(State.INOPERATIVE)),
            default=Value(State.OCCUPIED),
            output_field=CharField(),
        )
    )


def has_connector_in(states: Sequence[str]) -> Exists:
    """Return the condition that a station has a connector in any of these states."""
    return Exists(with_state(Connector.objects.filter(station=OuterRef("pk"))).filter(state__in=states))


# Values of `attention`: what is wrong comes first in lists.
IS_FAULTED, IS_OFFLINE, IS_UNKNOWN, IS_WELL = range(4)
LAST = Value(IS_WELL + len(BY_IMPORTANCE))


def with_attention(stations: QuerySet[Any]) -> QuerySet[Any]:
    """Add what stations are sorted by, to rows that have `presence`.

    `attention` is lowest for faulted stations, then come offline and unknown ones, `offline_since` the time an offline
    one was lost, and `status_rank` orders all stations by status, in the order of BY_IMPORTANCE.
    """
    faulted = Q(status=Status.FAULTED) | Exists(
        Connector.objects.filter(station=OuterRef("pk"), status=Status.FAULTED).order_by()
    )
    ranks = Connector.objects.filter(station=OuterRef("pk")).order_by().values("station")
    rank = Subquery(ranks.annotate(rank=Min(_rank_by_status())).values("rank"))
    is_lost = When(presence=Presence.OFFLINE, then=F("disconnected_at"))
    return stations.alias(
        attention=Case(
            When(presence=Presence.OFFLINE, then=Value(IS_OFFLINE)),
            When(presence=Presence.UNKNOWN, then=Value(IS_UNKNOWN)),
            When(faulted, then=Value(IS_FAULTED)),
            default=Value(IS_WELL),
            output_field=IntegerField(),
        ),
        offline_since=Case(is_lost, default=None, output_field=DateTimeField()),
    ).alias(status_rank=Case(When(attention__lt=IS_WELL, then=F("attention")), default=Coalesce(rank, LAST)))


def with_status_rank(connectors: QuerySet[Any]) -> QuerySet[Any]:
    """Add `status_rank` to connectors that have `presence`: faults first, then offline ones, then BY_IMPORTANCE."""
    return connectors.alias(
        status_rank=Case(
            When(presence=Presence.OFFLINE, then=Value(IS_OFFLINE)),
            When(presence=Presence.UNKNOWN, then=Value(IS_UNKNOWN)),
            When(status=Status.FAULTED, then=Value(IS_FAULTED)),
            default=_rank_by_status(),
        )
    )


def _rank_by_status() -> Case:
    places = [When(status=status, then=Value(IS_WELL + place)) for place, status in enumerate(BY_IMPORTANCE)]
    return Case(*places, default=LAST, output_field=IntegerField())


class StatusBadge(NamedTuple):
    """The status of a station or connector as pages show it."""

    kind: str
    label: str
    title: str = ""
    note: str = ""
    is_live: bool = False
    is_stale: bool = False
    full_note: str = ""

    @property
    def note_in_files(self) -> str:
        """The note with its full time: an exported file is read on another day and in another place."""
        return self.full_note or self.note

    @property
    def html(self) -> str:
        return formatting.status(self.kind, self.label, title=self.title, is_live=self.is_live, is_stale=self.is_stale)


def connector_badge(connector: Connector, presence: str) -> StatusBadge:
    """Return the status of a connector as pages show it; if its station is offline, the last known status."""
    display = display_of(connector.status)
    if presence != Presence.ONLINE and connector.status:
        return _offline_connector_badge(connector, presence, str(display.label))
    if display is UNKNOWN:
        return StatusBadge("unknown", str(display.label), *_unknown_status_texts(connector))
    return StatusBadge(
        display.kind, str(display.label), str(display.meaning), error_label(connector.error_code), display.is_live
    )


def _offline_connector_badge(connector: Connector, presence: str, last: str) -> StatusBadge:
    """Return the last status with its time, since it may no longer be true."""
    label = str(Presence(presence).label)
    if connector.status_changed_at is None:
        title = _("The station is not connected. Last status: %(status)s.") % {"status": last}
        return StatusBadge(presence, label, title, _("Last status: %(status)s") % {"status": last}, is_stale=True)
    values = {"status": last, "time": formatting.short_time(connector.status_changed_at)}
    title = _("The station is not connected. Last status: %(status)s, %(time)s.") % values
    return StatusBadge(presence, label, title, _("Last status: %(status)s, %(time)s") % values, is_stale=True)


def _unknown_status_texts(connector: Connector) -> tuple[str, str]:
    """Return meaning and note of an unknown status: the station may have sent a status that OCPP does not define."""
    word = connector.as_reported.get("status")
    if not word:
        return str(UNKNOWN.meaning), ""
    meaning = _("The station reported a status that OCPP does not define.")
    return meaning, _("reported “%(word)s”") % {"word": word[:40]}


def station_badge(station: ChargingStation, presence: str, connectors: list[Connector]) -> StatusBadge:
    """Return the status of a station as pages show it: one word, and a note with details."""
    if station.team_id is None:
        meaning = _("This station has no team yet. Support staff can assign it to one.")
        return StatusBadge("unknown", _("Waiting for assignment"), meaning, str(Presence(presence).label))
    statuses = {connector.status for connector in connectors}
    first = next((status for status in BY_IMPORTANCE if status in statuses), "")
    if presence != Presence.ONLINE:
        return _offline_station_badge(station, presence, first)
    if station.status == Status.FAULTED or first == Status.FAULTED:
        fault = display_of(Status.FAULTED)
        broken = [c.error_code for c in connectors if c.status == Status.FAULTED] or [station.error_code]
        return StatusBadge("faulted", str(fault.label), str(fault.meaning), error_label(broken[0]))
    if station.status == Status.UNAVAILABLE:
        first = Status.UNAVAILABLE
    if not first:
        return StatusBadge("unknown", str(UNKNOWN.label), str(UNKNOWN.meaning), _("no status reported yet"))
    display = display_of(first)
    used = sum(connector.status in IN_USE for connector in connectors)
    note = _("%(used)d of %(all)d in use") % {"used": used, "all": len(connectors)}
    return StatusBadge(display.kind, str(display.label), str(display.meaning), note, display.is_live)


def offline_since(station: ChargingStation) -> Any:
    """Return since when a station that is not online was not heard of; None if it has never connected."""
    return station.disconnected_at or station.last_heard_at or station.connected_at


def away_text(station: Any) -> str:
    """Return for how long a station has been offline, as a text; empty if it is online or has never connected."""
    since = offline_since(station)
    if station.presence == Presence.ONLINE or station.connected_at is None or since is None:
        return ""
    return _("for %(span)s") % {"span": formatting.long_span(timezone.now() - since)}


def _offline_station_badge(station: ChargingStation, presence: str, first: str) -> StatusBadge:
    label = str(Presence(presence).label)
    if station.connected_at is None:
        return StatusBadge(presence, label, _("The station has never connected."), _("never connected"), is_stale=True)
    since = offline_since(station)
    notes = []
    for moment in (formatting.short_time(since), formatting.full_time(since)):
        if first:
            notes.append(_("Last status: %(status)s, %(time)s") % {"status": display_of(first).label, "time": moment})
        else:
            notes.append(_("as of %(time)s") % {"time": moment})
    return StatusBadge(presence, label, formatting.full_time(since), notes[0], is_stale=True, full_note=notes[1])
