"""Serializers for charging sessions."""

from __future__ import annotations

from typing import Any

from drf_spectacular.utils import extend_schema_field
from rest_framework import serializers

from sessions.ledger.labels import not_billed_reason
from sessions.ledger.models import ChargingSession, Flag
from sessions.ledger.services.settling import resets_of
from sessions.ledger.services.unmatched import other_ends


class SessionSerializer(serializers.ModelSerializer[ChargingSession]):
    transaction_id = serializers.IntegerField(read_only=True, help_text="Transaction id of this session in OCPP 1.6.")
    station = serializers.CharField(source="station.identity", read_only=True)
    connector = serializers.IntegerField(source="connector_number", read_only=True)
    tag_label = serializers.CharField(source="tag.label", read_only=True, default="")
    is_open = serializers.BooleanField(read_only=True)
    duration_seconds = serializers.SerializerMethodField()
    flags = serializers.ListField(child=serializers.ChoiceField(choices=Flag.choices), read_only=True)
    not_billed_because = serializers.SerializerMethodField(help_text="Reasons as text; empty if the session is billed.")
    as_reported = serializers.DictField(
        child=serializers.CharField(),
        read_only=True,
        help_text="Values as reported, where they were interpreted differently, and sources of values not reported.",
    )
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
            "not_billed_because",
            "is_open",
            "started_at",
            "start_received_at",
            "reported_started_at",
            "stopped_at",
            "stop_received_at",
            "reported_stopped_at",
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
            "as_reported",
        ]
        read_only_fields = fields

    def get_duration_seconds(self, session: ChargingSession) -> int:
        return round(session.duration.total_seconds())

    def get_not_billed_because(self, session: ChargingSession) -> str:
        return not_billed_reason(session)


class MeterResetSerializer(serializers.Serializer[Any]):
    """A meter reset. The energy counted between the two readings is unknown and not part of the session's energy."""

    before_at = serializers.DateTimeField(source="before.at")
    before_wh = serializers.IntegerField(source="before.wh")
    after_at = serializers.DateTimeField(source="after.at")
    after_wh = serializers.IntegerField(source="after.wh")


class OtherEndSerializer(serializers.Serializer[Any]):
    """An end that was reported for the session and is not used."""

    at = serializers.DateTimeField(allow_null=True)
    meter_wh = serializers.IntegerField(allow_null=True)
    reason = serializers.CharField()
    transaction_id = serializers.IntegerField(allow_null=True)
    session = serializers.IntegerField(source="session_id", allow_null=True)


class SessionDetailSerializer(SessionSerializer):
    """One session, with the fields that require all of its readings."""

    meter_resets = serializers.SerializerMethodField()
    other_ends = serializers.SerializerMethodField()

    class Meta(SessionSerializer.Meta):
        fields = [*SessionSerializer.Meta.fields, "meter_resets", "other_ends"]
        read_only_fields = fields

    @extend_schema_field(MeterResetSerializer(many=True))
    def get_meter_resets(self, session: ChargingSession) -> Any:
        return MeterResetSerializer(resets_of(session), many=True).data

    @extend_schema_field(OtherEndSerializer(many=True))
    def get_other_ends(self, session: ChargingSession) -> Any:
        return OtherEndSerializer(other_ends(session), many=True).data
