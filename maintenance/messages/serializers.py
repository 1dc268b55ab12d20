"""Serializers of messages."""

from __future__ import annotations

import json
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from maintenance.messages.models import Message
from maintenance.messages.services.technical import as_readable_by
from sessions.ledger.services.technical import Reader


@extend_schema_field(OpenApiTypes.ANY)
class StoredJSONField(serializers.Field[str, Any, Any, Any]):
    """JSON that is stored as text. Invalid JSON, which stations do send, is returned as text."""

    def to_representation(self, value: str) -> Any:
        try:
            return json.loads(value) if value else None
        except (ValueError, RecursionError):
            return value


class MessageSerializer(serializers.ModelSerializer[Message]):
    station = serializers.CharField(source="station.identity", read_only=True)
    payload = StoredJSONField(read_only=True)
    answer = StoredJSONField(read_only=True)

    class Meta:
        model = Message
        fields = [
            "id",
            "station",
            "received_at",
            "direction",
            "action",
            "message_id",
            "payload",
            "answer",
            "error_code",
            "epoch",
            "protocol",
            "is_deviating",
        ]
        read_only_fields = fields

    def to_representation(self, instance: Message) -> Any:
        reader = Reader(self.context["request"].user)
        return super().to_representation(as_readable_by(reader, instance))
