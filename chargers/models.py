"""Stations and their connectors, where they are, the tags that may charge there, and what stations said that is odd."""

from chargers.anomalies.models import Oddity
from chargers.events.models import Event, EventQuerySet
from chargers.groups.models import StationGroup
from chargers.installations.models import Circuit, Installation
from chargers.stations.models import (
    NODE_ALIVE,
    ChargingStation,
    Connector,
    GatewayNode,
    Presence,
    has_faulted_connector,
)
from chargers.tags.models import Tag

__all__ = [
    "NODE_ALIVE",
    "ChargingStation",
    "Circuit",
    "Connector",
    "Event",
    "EventQuerySet",
    "GatewayNode",
    "Installation",
    "Oddity",
    "Presence",
    "StationGroup",
    "Tag",
    "has_faulted_connector",
]
