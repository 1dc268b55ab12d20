"""Connectors in the API; stations are in `chargers.onboarding.api`."""

from __future__ import annotations

from rest_framework import viewsets

from chargers.stations.filtersets import ConnectorFilter
from chargers.stations.models import Connector
from chargers.stations.serializers import ConnectorSerializer
from cpms.common.api.views import ScopedViewSetMixin


class ConnectorViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[Connector]):
    """Connectors and what they last reported."""

    queryset = Connector.objects.select_related("station").defer("station__password")
    serializer_class = ConnectorSerializer
    filterset_class = ConnectorFilter
    lookup_value_regex = r"\d{1,19}"
