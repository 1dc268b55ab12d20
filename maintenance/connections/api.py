"""API for refused connections and deviations."""

from __future__ import annotations

from typing import Any

from rest_framework import generics, viewsets
from rest_framework.generics import get_object_or_404

from chargers.models import ChargingStation
from cpms.common.api.views import ScopedViewSetMixin
from maintenance.connections.filtersets import DeviationFilter, RefusedConnectionFilter, StationDeviationFilter
from maintenance.connections.models import Deviation, RefusedConnection
from maintenance.connections.serializers import DeviationSerializer, RefusedConnectionSerializer


class DeviationViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[Deviation]):
    """Protocol violations of stations, newest first."""

    queryset = Deviation.objects.select_related("station").defer("station__password")
    serializer_class = DeviationSerializer
    filterset_class = DeviationFilter
    lookup_value_regex = r"\d{1,19}"
    newest_by = ("-last_at", "-id")


class StationDeviationsView(ScopedViewSetMixin, generics.ListAPIView[Deviation]):
    """Protocol violations of one station and how we handle them, newest first."""

    queryset = Deviation.objects.select_related("station").defer("station__password")
    serializer_class = DeviationSerializer
    filterset_class = StationDeviationFilter
    newest_by = ("-last_at", "-id")

    def get_queryset(self) -> Any:
        queryset = super().get_queryset()
        if getattr(self, "swagger_fake_view", False):
            return queryset
        stations = ChargingStation.objects.allowed(self.request.user, queryset.right).only("pk")
        return queryset.filter(station=get_object_or_404(stations, identity=self.kwargs["identity"]))


class RefusedConnectionViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[RefusedConnection]):
    """Refused connections of stations and of clients that resemble one, with cause and fix."""

    queryset = RefusedConnection.objects.select_related("station").defer("station__password")
    serializer_class = RefusedConnectionSerializer
    filterset_class = RefusedConnectionFilter
    lookup_value_regex = r"\d{1,19}"
    newest_by = ("-last_at", "-id")
