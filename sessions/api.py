from __future__ import annotations

from typing import Any

from django.db.models import Prefetch
from rest_framework import mixins, viewsets

from chargers.models import ChargingStation
from cpms.common.api.views import ScopedViewSetMixin, TimesMixin
from sessions.api_filters import GapFilter, SampleFilter, SessionFilter
from sessions.models import ChargingSession, MeterReading
from sessions.serializers import GapSerializer, SampleSerializer, SessionDetailSerializer, SessionSerializer


class SessionViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[ChargingSession]):
    """Charging sessions, the latest start first."""

    queryset = ChargingSession.objects.select_related("station", "tag").defer("station__password")
    serializer_class = SessionSerializer
    filterset_class = SessionFilter
    lookup_value_regex = r"\d{1,19}"
    newest_by = ("-started_at", "-id")

    def get_serializer_class(self) -> Any:
        return SessionDetailSerializer if self.action == "retrieve" else SessionSerializer


class SampleViewSet(TimesMixin, viewsets.ReadOnlyModelViewSet[MeterReading]):
    """What meters read, the last stored first, within a period the latest: all values of one instant are one row."""

    queryset = MeterReading.objects.select_related("station").defer("station__password")
    serializer_class = SampleSerializer
    filterset_class = SampleFilter
    lookup_value_regex = r"\d{1,19}"


class GapViewSet(ScopedViewSetMixin, mixins.ListModelMixin, viewsets.GenericViewSet[ChargingSession]):
    """Where the meter of a connector did not begin a session with what it ended the one before with; the last 30 days
    unless a time is given."""

    queryset = ChargingSession.objects.prefetch_related(Prefetch("station", ChargingStation.objects.only("identity")))
    serializer_class = GapSerializer
    filterset_class = GapFilter
    newest_by = ("-started_at", "-id")

    def get_queryset(self) -> Any:
        columns = (
            "station",
            "connector_number",
            "started_at",
            "meter_start_wh",
        )  # all others would go through the window
        return super().get_queryset().only(*columns).with_gaps()
