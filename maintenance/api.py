from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import generics, viewsets
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access.rights import Can
from chargers.models import ChargingStation
from cpms.common.api.bodies import NoFields
from cpms.common.api.views import ScopedViewSetMixin, TimesMixin
from cpms.common.errors import NotAllowed
from maintenance import services
from maintenance.api_filters import (
    DeviationFilter,
    MessageFilter,
    RefusedConnectionFilter,
    SecurityEventFilter,
    StationDeviationFilter,
)
from maintenance.models import Deviation, Message, RefusedConnection, SecurityEvent
from maintenance.serializers import (
    DeviationSerializer,
    MessageSerializer,
    RefusedConnectionSerializer,
    SecurityEventSerializer,
)


class MessageViewSet(TimesMixin, viewsets.ReadOnlyModelViewSet[Message]):
    """The log of what stations and we said to each other."""

    queryset = Message.objects.select_related("station").defer("station__password")
    serializer_class = MessageSerializer
    filterset_class = MessageFilter
    time_field = "received_at"
    lookup_value_regex = r"\d{1,19}"


class DeviationViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[Deviation]):
    """Which rules of the protocol stations break, and how often; the last one first."""

    queryset = Deviation.objects.select_related("station").defer("station__password")
    serializer_class = DeviationSerializer
    filterset_class = DeviationFilter
    lookup_value_regex = r"\d{1,19}"
    newest_by = ("-last_at", "-id")


class StationDeviationsView(ScopedViewSetMixin, generics.ListAPIView[Deviation]):
    """Which rules of the protocol one station breaks, how often, and what we do about each; the last one first."""

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
    """Connections that were refused, with cause and fix: of stations and of clients that resemble one."""

    queryset = RefusedConnection.objects.select_related("station").defer("station__password")
    serializer_class = RefusedConnectionSerializer
    filterset_class = RefusedConnectionFilter
    lookup_value_regex = r"\d{1,19}"
    newest_by = ("-last_at", "-id")


class SecurityEventViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[SecurityEvent]):
    """What stations report of their own security."""

    queryset = SecurityEvent.objects.select_related("station", "acknowledged_by").defer("station__password")
    serializer_class = SecurityEventSerializer
    filterset_class = SecurityEventFilter
    lookup_value_regex = r"\d{1,19}"

    @extend_schema(request=None, responses=SecurityEventSerializer)
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: str) -> Response:
        """Somebody takes care of it: it is no alert any more. A second time changes nothing."""
        event: SecurityEvent = self.get_object()
        user: Any = request.user
        if not user.may(Can.OPERATE, event.station):
            raise NotAllowed(_("Only operators and administrators of the team may acknowledge alerts."))
        NoFields.read(request)
        services.acknowledge_events(events=SecurityEvent.objects.filter(pk=event.pk), actor=user)
        return Response(self.get_serializer(self.get_object()).data)
