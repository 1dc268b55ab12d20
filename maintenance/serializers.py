from __future__ import annotations

import json
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from maintenance.models import Deviation, Message, SecurityEvent


@extend_schema_field(OpenApiTypes.ANY)
class StoredJSONField(serializers.Field[str, Any, Any, Any]):
    """JSON that is kept as text; what is no JSON (that happens) is given as the text it is."""

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
        ]
        read_only_fields = fields


class DeviationSerializer(serializers.ModelSerializer[Deviation]):
    """`code` is what the station was answered; empty where it was tolerated."""

    station = serializers.CharField(source="station.identity", read_only=True)
    vendor = serializers.CharField(source="station.vendor", read_only=True)
    model = serializers.CharField(source="station.model", read_only=True)

    class Meta:
        model = Deviation
        fields = ["id", "station", "vendor", "model", "action", "code", "what", "count", "first_at", "last_at"]
        read_only_fields = fields


class SecurityEventSerializer(serializers.ModelSerializer[SecurityEvent]):
    """A critical one is an alert until somebody acknowledges it."""

    station = serializers.CharField(source="station.identity", read_only=True)
    acknowledged_by = serializers.CharField(source="acknowledged_by.signature", read_only=True, default=None)

    class Meta:
        model = SecurityEvent
        fields = [
            "id",
            "station",
            "type",
            "at",
            "received_at",
            "tech_info",
            "is_critical",
            "acknowledged_at",
            "acknowledged_by",
        ]
        read_only_fields = fields
