from __future__ import annotations

from rest_framework import viewsets

from chargers.api_filters import ConnectorFilter, StationFilter
from chargers.models import ChargingStation, Connector, Installation
from chargers.serializers import ConnectorSerializer, InstallationSerializer, StationSerializer
from cpms.common.api_views import ScopedViewSetMixin

IDENTITY = r"[^/\x00-\x1f\x7f]+"  # percent-encoded in the address


class StationViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[ChargingStation]):
    """Stations with their connectors, by identity."""

    queryset = (
        ChargingStation.objects.with_presence().select_related("team").prefetch_related("connectors").defer("password")
    )
    serializer_class = StationSerializer
    filterset_class = StationFilter
    lookup_field = "identity"
    lookup_value_regex = IDENTITY


class ConnectorViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[Connector]):
    """Connectors and what they last reported."""

    queryset = Connector.objects.select_related("station").defer("station__password")
    serializer_class = ConnectorSerializer
    filterset_class = ConnectorFilter
    lookup_value_regex = r"\d{1,19}"


class InstallationViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[Installation]):
    """Places with stations, and the circuits that feed these."""

    queryset = Installation.objects.select_related("team").prefetch_related("circuits")
    serializer_class = InstallationSerializer
    lookup_value_regex = r"\d{1,18}"
