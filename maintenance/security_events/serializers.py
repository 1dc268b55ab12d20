"""Serializers of security events."""

from __future__ import annotations

from rest_framework import serializers

from maintenance.security_events.models import SecurityEvent


class SecurityEventSerializer(serializers.ModelSerializer[SecurityEvent]):
    """A security event. A critical one is an alert until it is acknowledged."""

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
