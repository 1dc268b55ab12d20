"""Serializers for commands."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils.translation import gettext_lazy as _
from drf_spectacular.extensions import OpenApiSerializerExtension
from drf_spectacular.openapi import AutoSchema
from rest_framework import serializers

from chargers.models import ChargingStation
from cpms.common.api.bodies import RequestSerializer
from operations.commands.codecs import codec_for
from operations.commands.models import Command
from operations.commands.services.asking import DEFAULT_EXPIRY, MAX_EXPIRY
from operations.commands.services.sealing import redact
from operations.commands.services.technical import as_readable_by
from sessions.ledger.services.technical import Reader

MAX_SECONDS = MAX_EXPIRY.total_seconds()


class CommandSerializer(serializers.ModelSerializer[Command]):
    station = serializers.CharField(source="station.identity", read_only=True)
    parameters = serializers.SerializerMethodField()
    requested_by = serializers.CharField(source="requested_by.signature", read_only=True, allow_null=True, default=None)
    session = serializers.IntegerField(source="session_id", read_only=True, allow_null=True)
    answer = serializers.DictField(read_only=True, allow_null=True, help_text=_("Payload of the station's CALLRESULT."))
    error_description = serializers.SerializerMethodField(
        help_text=_("The station's description of the error, or the reason for the cancellation.")
    )
    is_settled = serializers.BooleanField(read_only=True)

    class Meta:
        model = Command
        fields = [
            "id",
            "station",
            "kind",
            "parameters",
            "action",
            "state",
            "is_settled",
            "requested_by",
            "requested_at",
            "expires_at",
            "sent_at",
            "settled_at",
            "confirmed_at",
            "answer",
            "cancel_reason",
            "error_code",
            "error_description",
            "session",
            "message_id",
        ]
        read_only_fields = fields

    def to_representation(self, instance: Command) -> Any:
        user = self.context["request"].user
        reader = Reader(user)
        return super().to_representation(as_readable_by(reader, instance, user))

    def get_parameters(self, command: Command) -> dict[str, Any]:
        return redact(command.kind, command.parameters)

    def get_error_description(self, command: Command) -> str:
        return command.error_description or str(command.get_cancel_reason_display())


class ObjectField(serializers.DictField):
    """A JSON object. Unlike `DictField`, it does not convert keys or values."""

    def to_internal_value(self, data: Any) -> dict[str, Any]:
        if not isinstance(data, dict):
            self.fail("not_a_dict", input_type=type(data).__name__)
        return data


class CommandRequestSerializer(RequestSerializer):
    """A command: either `kind` and `parameters`, or an OCPP `action` with its `payload`."""

    action = serializers.CharField(max_length=60, required=False)
    payload = ObjectField(required=False, default=dict)
    kind = serializers.ChoiceField(choices=Command.Kind.choices, required=False)
    parameters = ObjectField(required=False, default=dict)
    expires_in = serializers.FloatField(
        min_value=0.001,
        max_value=MAX_SECONDS,
        default=DEFAULT_EXPIRY.total_seconds(),
        help_text=_("Seconds for which the command waits for a station that is offline."),
    )

    def validate_expires_in(self, seconds: float) -> timedelta:
        return timedelta(seconds=seconds)

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        if ("action" in attrs) == ("kind" in attrs):
            raise serializers.ValidationError({"action": _("Give either an action or a kind.")})
        return attrs


class WaitSerializer(serializers.Serializer[Any]):
    wait = serializers.FloatField(min_value=0, max_value=60, default=0)


class CommandRequestSchema(OpenApiSerializerExtension):
    """Describe the parameters of each kind of command in the OpenAPI schema."""

    target_class = CommandRequestSerializer

    def map_serializer(self, auto_schema: AutoSchema, direction: Any) -> dict[str, Any]:
        schema = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        common = {"expires_in": schema["properties"]["expires_in"]}
        raw = {name: schema["properties"][name] for name in ("action", "payload")}
        kinds = [self._kind_schema(kind, common) for kind in Command.Kind if kind != Command.Kind.RAW]
        raw_schema = {"type": "object", "title": "raw", "properties": raw | common, "required": ["action"]}
        return {"description": schema.get("description", ""), "oneOf": [*kinds, raw_schema]}

    def _kind_schema(self, kind: Command.Kind, common: dict[str, Any]) -> dict[str, Any]:
        parameters = codec_for(ChargingStation.Protocol.OCPP_16).parameters_schema(kind)
        return {
            "type": "object",
            "title": kind.value,
            "description": str(kind.label),
            "properties": {"kind": {"type": "string", "enum": [kind.value]}, "parameters": parameters} | common,
            "required": ["kind", "parameters"] if "required" in parameters else ["kind"],
        }
