"""The models of every subject of this app, for Django to find."""

from chargers.anomalies.models import Oddity
from chargers.events.models import Event, EventQuerySet
from chargers.groups.models import StationGroup
from chargers.hardware.models import HardwareConnector, HardwareModel
from chargers.installations.models import Circuit, Installation
from chargers.pictures.models import StationPicture
from chargers.stations.models import (
    NODE_ALIVE,
    ChargingStation,
    Connector,
    Evse,
    GatewayNode,
    Presence,
    has_faulted_connector,
)
from chargers.tags.models import RefusedTag, Tag

__all__ = [
    "NODE_ALIVE",
    "ChargingStation",
    "Circuit",
    "Connector",
    "Event",
    "EventQuerySet",
    "Evse",
    "GatewayNode",
    "HardwareConnector",
    "HardwareModel",
    "Installation",
    "Oddity",
    "Presence",
    "RefusedTag",
    "StationGroup",
    "StationPicture",
    "Tag",
    "has_faulted_connector",
]
