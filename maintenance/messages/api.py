"""API for the message log."""

from __future__ import annotations

from rest_framework import viewsets

from cpms.common.api.views import TimesMixin
from maintenance.messages.filtersets import MessageFilter
from maintenance.messages.models import Message
from maintenance.messages.serializers import MessageSerializer


class MessageViewSet(TimesMixin, viewsets.ReadOnlyModelViewSet[Message]):
    """Raw OCPP messages to and from stations."""

    queryset = Message.objects.select_related("station").defer("station__password")
    serializer_class = MessageSerializer
    filterset_class = MessageFilter
    time_field = "received_at"
    lookup_value_regex = r"\d{1,19}"
