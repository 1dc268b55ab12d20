"""Serializers of refused connections and deviations."""

from __future__ import annotations

from rest_framework import serializers

from maintenance.connections import labels as violations
from maintenance.connections.labels import cause_label, fix_label
from maintenance.connections.models import Deviation, RefusedConnection


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
        return cause_label(row)

    def get_cure_text(self, row: RefusedConnection) -> str:
        return fix_label(row)
