from __future__ import annotations

from rest_framework import viewsets

from cpms.common.api_views import ScopedViewSetMixin
from maintenance.api_filters import MessageFilter
from maintenance.models import Message
from maintenance.serializers import MessageSerializer


class MessageViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[Message]):
    """The log of what stations and we said to each other."""

    queryset = Message.objects.select_related("station").defer("station__password")
    serializer_class = MessageSerializer
    filterset_class = MessageFilter
    lookup_value_regex = r"\d{1,19}"
