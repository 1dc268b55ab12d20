"""Stations and their connectors, where they are, the tags that may charge there, and what stations said that is odd."""

from chargers.events.models import Event, EventQuerySet
from chargers.models.groups import StationGroup
from chargers.models.oddities import Oddity
from chargers.models.places import Circuit, Installation
from chargers.models.stations import (
    NODE_ALIVE,
    ChargingStation,
    Connector,
    GatewayNode,
    Presence,
    has_faulted_connector,
)
from chargers.models.tags import Tag

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
