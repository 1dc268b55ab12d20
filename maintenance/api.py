from __future__ import annotations

from rest_framework import viewsets

from cpms.common.api_views import ScopedViewSetMixin
from maintenance.api_filters import DeviationFilter, MessageFilter
from maintenance.models import Deviation, Message
from maintenance.serializers import DeviationSerializer, MessageSerializer


class MessageViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[Message]):
    """The log of what stations and we said to each other."""

    queryset = Message.objects.select_related("station").defer("station__password")
    serializer_class = MessageSerializer
    filterset_class = MessageFilter
    lookup_value_regex = r"\d{1,19}"


class DeviationViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[Deviation]):
    """Which rules of the protocol stations break, and how often; the last one first."""

    queryset = Deviation.objects.select_related("station").defer("station__password")
    serializer_class = DeviationSerializer
    filterset_class = DeviationFilter
    lookup_value_regex = r"\d{1,19}"
    newest_by = ("-last_at", "-id")
