"""Count stations and connectors by state, and find the connectors with a fault or a session."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, Count, IntegerField, Value, When

from accounts.models import User
from chargers.stations.models import ChargingStation, Connector, Presence
from chargers.stations.services.states import State, with_state

MAX_SHOWN = 8
ORDER = [
    Connector.Status.FAULTED, Connector.Status.CHARGING, Connector.Status.SUSPENDED_EVSE, Connector.Status.SUSPENDED_EV,
    Connector.Status.PREPARING, Connector.Status.FINISHING, Connector.Status.RESERVED,
]  # fmt: skip


def stations_by_presence(user: User) -> dict[str, int]:
    """Return how many stations there are with each presence; one query."""
    presences = ChargingStation.objects.visible_to(user).with_presence().order_by().values_list("presence")
    return dict(presences.annotate(count=Count("pk")))


def connectors_by_state(user: User) -> dict[str, int]:
    """Return how many connectors there are in each state; one query."""
    states = with_state(Connector.objects.visible_to(user)).order_by().values_list("state")
    return dict(states.annotate(count=Count("pk")))


def busy_connectors(user: User) -> list[Any]:
    """Return the connectors of online stations with a fault or a session, faults first; one query."""
    order = Case(
        *[When(status=status, then=Value(place)) for place, status in enumerate(ORDER)],
        default=Value(len(ORDER)),
        output_field=IntegerField(),
    )
    rows = with_state(Connector.objects.visible_to(user)).exclude(state=State.UNKNOWN).select_related("station")
    found = list(rows.defer("station__password").order_by(order, "-status_changed_at")[:MAX_SHOWN])
    for connector in found:
        connector.presence = Presence.ONLINE
    return found
