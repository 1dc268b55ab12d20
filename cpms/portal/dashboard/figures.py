"""The dashboard's figures, with a fixed number of queries that each use an index, whatever the number of stations."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.urls import reverse

from accounts.models import User
from chargers.models import Presence
from chargers.stations.services.overview import connectors_by_state, stations_by_presence
from chargers.stations.services.states import MEANINGS, State
from sessions.insights.services.counts import running_now, started_today

CIRCLE = 100.0


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
        """The offset as SVG expects it, whatever the language."""
        return f"{self.offset:.3f}"

    @property
    def dash(self) -> str:
        if self.percent > CIRCLE - 0.01:
            return str(CIRCLE)
        return f"{max(self.percent - 0.5, 0.35):.3f}"  # a small gap between parts; a minimum keeps small parts visible


@dataclass
class Tile:
    """The number of connectors in one state, with a link to their list."""

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
    """Return the figures of the user's stations, with four queries."""
    presences, states = stations_by_presence(user), connectors_by_state(user)
    charging, power_w = running_now(user)
    sessions_today, energy_today_wh = started_today(user)
    counted = Figures(
        stations=sum(presences.values()),
        online=presences.get(Presence.ONLINE, 0),
        offline=presences.get(Presence.OFFLINE, 0),
        unknown=presences.get(Presence.UNKNOWN, 0),
        connectors=sum(states.values()),
        charging=charging,
        power_w=power_w,
        sessions_today=sessions_today,
        energy_today_wh=energy_today_wh,
        tiles=[_tile(state, states.get(state.value, 0)) for state in State],
    )
    counted.parts = _parts(counted)
    return counted


def _tile(state: State, count: int) -> Tile:
    url = f"{reverse('chargers:connector_list')}?state={state.value}"
    return Tile(state.value, str(state.label), str(MEANINGS[state]), count, url)


def _parts(counted: Figures) -> list[Part]:
    parts = [
        Part("online", str(Presence.ONLINE.label), counted.online),
        Part("offline", str(Presence.OFFLINE.label), counted.offline),
        Part("unknown", str(Presence.UNKNOWN.label), counted.unknown),
    ]
    done = 0.0
    for part in parts:
        part.percent = CIRCLE * part.count / counted.stations if counted.stations else 0
        part.offset = -done
        done += part.percent
    return parts
