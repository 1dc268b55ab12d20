"""The dashboard's figures: a fixed number of queries, each answered from an index, whatever the size of the park."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from django.db.models import Case, Count, IntegerField, Q, Sum, Value, When
from django.db.models.functions import TruncDate
from django.urls import reverse
from django.utils import timezone

from accounts.access.rights import Can
from accounts.models import User
from chargers.models import ChargingStation, Connector, Presence
from chargers.stations.services.states import MEANINGS, State, with_state
from cpms.common.web.charts import day_bounds
from sessions.ledger.services.charging import FRESH
from sessions.ledger.services.running import attach_sessions
from sessions.models import ChargingSession

SHOWN_CONNECTORS = 8


CIRCLE = 100.0


INTEREST = [
    Connector.Status.FAULTED, Connector.Status.CHARGING, Connector.Status.SUSPENDED_EVSE, Connector.Status.SUSPENDED_EV,
    Connector.Status.PREPARING, Connector.Status.FINISHING, Connector.Status.RESERVED,
]  # fmt: skip


@dataclass
class Part:
    """One part of the donut."""

    kind: str
    label: str
    count: int
    percent: float = 0
    offset: float = 0

    @property
    def start(self) -> str:
        """Written as SVG wants it, whatever the language."""
        return f"{self.offset:.3f}"

    @property
    def dash(self) -> str:
        if self.percent > CIRCLE - 0.01:
            return str(CIRCLE)
        return f"{max(self.percent - 0.5, 0.35):.3f}"  # a hair's breadth between parts; a small part is still seen


@dataclass
class Tile:
    """How many connectors are in one state, and the list that shows them."""

    state: str
    label: str
    meaning: str
    count: int
    url: str


@dataclass
class Figures:
    stations: int = 0
    online: int = 0
    offline: int = 0
    unknown: int = 0
    connectors: int = 0
    charging: int = 0
    power_w: int | None = None
    sessions_today: int = 0
    energy_today_wh: int = 0
    parts: list[Part] = field(default_factory=list)
    tiles: list[Tile] = field(default_factory=list)


def figures(user: User) -> Figures:
    """Four queries."""
    told = Figures()
    presences = ChargingStation.objects.visible_to(user).with_presence().order_by().values_list("presence")
    counts = dict(presences.annotate(count=Count("pk")))
    told.online, told.offline = counts.get(Presence.ONLINE, 0), counts.get(Presence.OFFLINE, 0)
    told.unknown, told.stations = counts.get(Presence.UNKNOWN, 0), sum(counts.values())
    told.parts = _parts(told)
    states = with_state(Connector.objects.visible_to(user)).order_by().values_list("state")
    by_state = dict(states.annotate(count=Count("pk")))
    told.connectors = sum(by_state.values())
    told.tiles = [
        Tile(
            state.value,
            str(state.label),
            str(MEANINGS[state]),
            by_state.get(state.value, 0),
            f"{reverse('chargers:connector_list')}?state={state.value}",
        )
        for state in State
    ]
    told.charging, told.power_w = _running(user)
    start, end = day_bounds(timezone.localdate())
    today = ChargingSession.objects.visible_to(user).started_between(start, end).order_by()
    sums = today.aggregate(count=Count("pk"), energy=Sum("energy_wh"))
    told.sessions_today, told.energy_today_wh = sums["count"], sums["energy"] or 0
    return told


def _running(user: User) -> tuple[int, int | None]:
    """How many sessions run, and their power as far as it is fresh.

    The team is a condition on what is summed, not on what is read: so the index of open sessions is used, which are few
    in all teams together, and never the one of all sessions of the team.
    """
    own = user.access.shown(Can.SEE_SESSIONS, "team", "station")
    fresh = own & Q(last_sample_at__gt=timezone.now() - FRESH)
    sums = ChargingSession.objects.open().aggregate(count=Count("pk", filter=own), power=Sum("power_w", filter=fresh))
    return sums["count"], sums["power"]


def _parts(told: Figures) -> list[Part]:
    parts = [
        Part("online", str(Presence.ONLINE.label), told.online),
        Part("offline", str(Presence.OFFLINE.label), told.offline),
        Part("unknown", str(Presence.UNKNOWN.label), told.unknown),
    ]
    done = 0.0
    for part in parts:
        part.percent = CIRCLE * part.count / told.stations if told.stations else 0
        part.offset = -done
        done += part.percent
    return parts


def sessions_per_day(user: User, first: date, last: date) -> list[int]:
    """How many sessions began on each day, in the person's zone; one query."""
    visible = ChargingSession.objects.visible_to(user).order_by()
    length = (last - first).days + 1
    scope = user.access.scope(Can.SEE_SESSIONS)
    if user.access.group is not None or scope.installations or scope.stations:
        together = _counted_together(visible, first, last)
        return [together.get(first + timedelta(days=n), 0) for n in range(length)]
    days = [
        visible.started_between(*day_bounds(first + timedelta(days=n)))
        .annotate(place=Value(n))
        .values_list("place")
        .annotate(count=Count("*"))  # of the key, it would be read from the table
        for n in range(length)
    ]  # a range of the index for each day, all in one query
    counts = dict(days[0].union(*days[1:], all=True) if length > 1 else days[0])
    return [counts.get(n, 0) for n in range(length)]


def _counted_together(visible: Any, first: date, last: date) -> dict[date, int]:
    """Of some stations only: their sessions of the whole period are looked up once, not for each day again."""
    rows = visible.started_between(day_bounds(first)[0], day_bounds(last)[1])
    days = rows.values_list(TruncDate("started_at", tzinfo=timezone.get_current_timezone()))
    return dict(days.annotate(count=Count("*")))


def interesting_connectors(user: User) -> list[Connector]:
    """Connectors where something goes on, faults first; two queries."""
    order = Case(
        *[When(status=status, then=Value(place)) for place, status in enumerate(INTEREST)],
        default=Value(len(INTEREST)),
        output_field=IntegerField(),
    )
    rows = with_state(Connector.objects.visible_to(user)).exclude(state=State.UNKNOWN).select_related("station")
    found = list(rows.defer("station__password").order_by(order, "-status_changed_at")[:SHOWN_CONNECTORS])
    for connector in found:
        connector.presence = Presence.ONLINE
    attach_sessions(found, user)
    return found
