"""How the stations of installations are: how many are online and faulted, and which ones need attention."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Case, Count, F, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.functions import Coalesce

from accounts.models import User
from chargers.credentials.services import PASSWORD_FIELDS
from chargers.installations.models import Installation
from chargers.stations.models import ChargingStation, Connector, has_faulted_connector
from chargers.stations.services.states import State, StatusBadge, is_online, station_badge, with_state

MAX_PROBLEMS = 10
IS_FAULTED = Q(status=Connector.Status.FAULTED) | Q(has_faulted_connector())


@dataclass(frozen=True, slots=True)
class Problem:
    """A station that needs attention, with its status."""

    station: Any
    status: StatusBadge


@dataclass(frozen=True, slots=True)
class Health:
    """How the stations of one installation are.

    Attributes:
        problems: the first stations that are faulted or not online; faulted ones come first.
        connectors: how many connectors are in each state.
    """

    station_count: int
    online_count: int
    faulted_count: int
    problems: list[Problem]
    connectors: dict[str, int]

    @property
    def problem_count(self) -> int:
        return self.station_count - self.online_count + self.faulted_count

    @property
    def more_problems(self) -> int:
        return self.problem_count - len(self.problems)


def stations_at(installation: Installation, user: User) -> Any:
    """Return the stations of the installation that the user may see, without secrets."""
    rows = ChargingStation.objects.reachable_by(user).filter(installation=installation)
    return rows.filter(handed_over_at=None).defer(*PASSWORD_FIELDS)


def health_of(installation: Installation, user: User) -> Health:
    """Return how the active stations of the installation are that the user may see; four queries."""
    stations = stations_at(installation, user).filter(deactivated_at=None)
    counts = stations.order_by().aggregate(
        all=Count("pk"), online=Count("pk", filter=is_online()), faulted=Count("pk", filter=is_online() & IS_FAULTED)
    )
    wrong = stations.filter(~is_online() | Q(node=None) | IS_FAULTED).with_presence()
    rank = Case(When(is_online(), then=Value(0)), default=Value(1), output_field=IntegerField())
    shown = wrong.order_by(rank, F("disconnected_at").desc(nulls_last=True), "identity")
    problems = [
        Problem(station, station_badge(station, station.presence, list(station.connectors.all())))
        for station in shown.prefetch_related("connectors")[:MAX_PROBLEMS]
    ]
    states = with_state(Connector.objects.filter(station__in=stations.order_by().values("pk"))).order_by()
    connectors = dict(states.values_list("state").annotate(count=Count("pk")))
    return Health(
        counts["all"],
        counts["online"],
        counts["faulted"],
        problems,
        {state: connectors.get(state, 0) for state in State.values},
    )


def with_station_counts(installations: QuerySet[Any], user: User) -> QuerySet[Any]:
    """Annotate `station_count`, `online_count`, `faulted_count` and `problem_count` of the stations in view."""
    stations = ChargingStation.objects.visible_to(user).filter(
        installation=OuterRef("pk"), deactivated_at=None, handed_over_at=None
    )
    return installations.annotate(
        station_count=_count(stations),
        online_count=_count(stations.filter(is_online())),
        faulted_count=_count(stations.filter(is_online()).filter(IS_FAULTED)),
    ).annotate(problem_count=F("station_count") - F("online_count") + F("faulted_count"))


def _count(stations: QuerySet[Any]) -> Coalesce:
    counted = stations.order_by().values("installation").annotate(n=Count("pk")).values("n")
    return Coalesce(Subquery(counted, output_field=IntegerField()), 0)
