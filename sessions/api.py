from __future__ import annotations

from rest_framework import viewsets

from cpms.common.api_views import ScopedViewSetMixin
from sessions.api_filters import SampleFilter, SessionFilter
from sessions.models import ChargingSession, MeterReading
from sessions.serializers import SampleSerializer, SessionSerializer


class SessionViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[ChargingSession]):
    """Charging sessions, the latest start first."""

    queryset = ChargingSession.objects.select_related("station", "tag").defer("station__password")
    serializer_class = SessionSerializer
    filterset_class = SessionFilter
    lookup_value_regex = r"\d{1,19}"
    newest_by = ("-started_at", "-id")


class SampleViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[MeterReading]):
    """What meters read, the last stored first: all values of one instant are one row."""

    queryset = MeterReading.objects.select_related("station").defer("station__password")
    serializer_class = SampleSerializer
    filterset_class = SampleFilter
    lookup_value_regex = r"\d{1,19}"
