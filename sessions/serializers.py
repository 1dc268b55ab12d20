from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from sessions.models import ChargingSession, Flag, MeterReading


class SessionSerializer(serializers.ModelSerializer[ChargingSession]):
    transaction_id = serializers.IntegerField(read_only=True, help_text="What OCPP 1.6 calls this session.")
    station = serializers.CharField(source="station.identity", read_only=True)
    connector = serializers.IntegerField(source="connector_number", read_only=True)
    tag_label = serializers.CharField(source="tag.label", read_only=True, default="")
    is_open = serializers.BooleanField(read_only=True)
    duration_seconds = serializers.SerializerMethodField()
    flags = serializers.ListField(child=serializers.ChoiceField(choices=Flag.choices), read_only=True)
    state_of_charge_percent = serializers.DecimalField(
        source="state_of_charge", max_digits=5, decimal_places=1, read_only=True
    )

    class Meta:
        model = ChargingSession
        fields = [
            "id",
            "transaction_id",
            "station",
            "connector",
            "id_tag",
            "tag_label",
            "authorization",
            "is_billable",
            "is_open",
            "started_at",
            "start_received_at",
            "stopped_at",
            "stop_received_at",
            "duration_seconds",
            "meter_start_wh",
            "meter_stop_wh",
            "energy_wh",
            "power_w",
            "max_power_w",
            "state_of_charge_percent",
            "stop_reason",
            "closed_by",
            "sample_count",
            "last_sample_at",
            "flags",
        ]
        read_only_fields = fields

    def get_duration_seconds(self, session: ChargingSession) -> int:
        return round(session.duration.total_seconds())


@extend_schema_field({"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}})
class SampledValuesField(serializers.JSONField):
    """Each sampled value as the station sent it; what it left out is missing here too."""


class SampleSerializer(serializers.ModelSerializer[MeterReading]):
    station = serializers.CharField(source="station.identity", read_only=True)
    connector = serializers.IntegerField(source="connector_number", read_only=True)
    session = serializers.IntegerField(source="session_id", read_only=True, allow_null=True)
    values = SampledValuesField(read_only=True)
    current_ma = serializers.DictField(child=serializers.IntegerField(), read_only=True, allow_null=True)
    state_of_charge_percent = serializers.DecimalField(
        source="state_of_charge", max_digits=5, decimal_places=1, read_only=True
    )

    class Meta:
        model = MeterReading
        fields = [
            "id",
            "station",
            "connector",
            "session",
            "at",
            "values",
            "energy_wh",
            "power_w",
            "offered_w",
            "current_ma",
            "state_of_charge_percent",
        ]
        read_only_fields = fields


class GapSerializer(serializers.ModelSerializer[ChargingSession]):
    """`gap_wh` is positive where energy flowed outside sessions, negative where the register went back."""

    station = serializers.CharField(source="station.identity", read_only=True)
    connector = serializers.IntegerField(source="connector_number", read_only=True)
    session = serializers.IntegerField(source="pk", read_only=True)
    session_before = serializers.IntegerField(source="before_id", read_only=True)
    before_stopped_at = serializers.DateTimeField(read_only=True)
    before_meter_stop_wh = serializers.IntegerField(source="before_stop_wh", read_only=True)
    gap_wh = serializers.IntegerField(read_only=True)

    class Meta:
        model = ChargingSession
        fields = [
            "station",
            "connector",
            "session_before",
            "before_stopped_at",
            "before_meter_stop_wh",
            "session",
            "started_at",
            "meter_start_wh",
            "gap_wh",
        ]
        read_only_fields = fields
