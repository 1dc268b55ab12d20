"""Serializers for energy outside sessions."""

from __future__ import annotations

from rest_framework import serializers

from sessions.ledger.models import ChargingSession


class GapSerializer(serializers.ModelSerializer[ChargingSession]):
    """A gap: `gap_wh` is positive if energy flowed outside sessions, and negative if the meter went backwards."""

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
