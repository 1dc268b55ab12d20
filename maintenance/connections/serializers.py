"""Serializers of refused connections and deviations."""

from __future__ import annotations

from rest_framework import serializers

from maintenance.connections import labels as violations
from maintenance.connections.labels import cause_label, fix_label
from maintenance.connections.models import Deviation, RefusedConnection


class DeviationSerializer(serializers.ModelSerializer[Deviation]):
    """A rule of OCPP that a station broke: how often, and how we handle it."""

    station = serializers.CharField(source="station.identity", read_only=True)
    vendor = serializers.CharField(source="station.vendor", read_only=True)
    model = serializers.CharField(source="station.model", read_only=True)
    firmware_version = serializers.CharField(source="station.firmware_version", read_only=True)
    code = serializers.CharField(
        read_only=True, help_text="Error code of our answer; empty if the message was processed."
    )
    what = serializers.CharField(
        read_only=True,
        help_text="Field and rule, such as `reason: enum`; empty for all further rules together.",
    )
    treatment = serializers.SerializerMethodField(help_text="How we handle it, as text.")
    sentence = serializers.SerializerMethodField(help_text="The violation as a sentence for the manufacturer.")

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
    """Refused connections with the same cause, source and hour. They contain no secrets."""

    station = serializers.CharField(
        source="station.identity",
        read_only=True,
        default=None,
        allow_null=True,
        help_text="Identity of the station, or of the one it resembles; null: unknown, visible to support staff only.",
    )
    near = serializers.CharField(
        read_only=True, help_text="How the client differs from the station it resembles; empty: it is the station."
    )
    cause_text = serializers.SerializerMethodField(help_text="Why it was refused, as text.")
    cure_text = serializers.SerializerMethodField(help_text="How to fix it, as text.")

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
