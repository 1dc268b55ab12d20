from __future__ import annotations

import json
from typing import Any

from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from maintenance import violations
from maintenance.models import Deviation, Message, RefusedConnection, SecurityEvent
from maintenance.refusal_words import cause_words, cure_words
from maintenance.technical import as_readable_by
from sessions.technical import Reader


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
            "protocol",
            "is_deviating",
        ]
        read_only_fields = fields

    def to_representation(self, instance: Message) -> Any:
        reader = Reader(self.context["request"].user)
        return super().to_representation(as_readable_by(reader, instance))


class DeviationSerializer(serializers.ModelSerializer[Deviation]):
    """One rule of OCPP that a station broke, how often, and what we do about it."""

    station = serializers.CharField(source="station.identity", read_only=True)
    vendor = serializers.CharField(source="station.vendor", read_only=True)
    model = serializers.CharField(source="station.model", read_only=True)
    firmware_version = serializers.CharField(source="station.firmware_version", read_only=True)
    code = serializers.CharField(
        read_only=True, help_text="The error code the station was answered with; empty if the message was processed."
    )
    what = serializers.CharField(
        read_only=True,
        help_text="The field and the rule it broke, like `reason: enum`; empty for further rules counted together.",
    )
    treatment = serializers.SerializerMethodField(help_text="What we do about it, in words.")
    sentence = serializers.SerializerMethodField(help_text="All of it in a sentence for the manufacturer.")

    class Meta:
        model = Deviation
        fields = [
            "id",
            "station",
            "vendor",
            "model",
            "firmware_version",
            "action",
            "code",
            "what",
            "treatment",
            "sentence",
            "count",
            "first_at",
            "last_at",
        ]
        read_only_fields = fields

    def get_treatment(self, row: Deviation) -> str:
        return violations.of_row(row).treatment

    def get_sentence(self, row: Deviation) -> str:
        return violations.of_row(row).sentence


class RefusedConnectionSerializer(serializers.ModelSerializer[RefusedConnection]):
    """Refused connections of one cause, source and hour. They hold no secret."""

    station = serializers.CharField(
        source="station.identity",
        read_only=True,
        default=None,
        allow_null=True,
        help_text="The station that it is or resembles; null: a stranger, shown to support staff only.",
    )
    near = serializers.CharField(
        read_only=True, help_text="What a client that resembles a station got wrong; empty: it is the station."
    )
    cause_text = serializers.SerializerMethodField(help_text="Why it was refused, in words.")
    cure_text = serializers.SerializerMethodField(help_text="What helps, in words.")

    class Meta:
        model = RefusedConnection
        fields = [
            "id",
            "station",
            "cause",
            "near",
            "cause_text",
            "cure_text",
            "identity",
            "path",
            "remote_address",
            "subprotocols",
            "authentication",
            "is_tls",
            "user_agent",
            "count",
            "first_at",
            "last_at",
        ]
        read_only_fields = fields

    def get_cause_text(self, row: RefusedConnection) -> str:
        return cause_words(row)

    def get_cure_text(self, row: RefusedConnection) -> str:
        return cure_words(row)


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
