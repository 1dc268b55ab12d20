"""Serializers for meter readings."""

from __future__ import annotations

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from sessions.samples.models import MeterReading


@extend_schema_field({"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}})
class SampledValuesField(serializers.JSONField):
    """Each sampled value as the station sent it, with the fields that it sent."""


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
