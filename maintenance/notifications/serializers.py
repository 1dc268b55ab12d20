"""Serializers of notifications."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext_lazy as _
from rest_framework import serializers

from cpms.common.api.bodies import RequestSerializer
from maintenance.notifications.labels import notification_text
from maintenance.notifications.models import Notification


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    text = serializers.SerializerMethodField(help_text=_("The notification as text, in the user's language."))
    facts = serializers.JSONField(source="parameters", read_only=True, help_text=_("The same as structured data."))
    station = serializers.CharField(source="station.identity", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Notification
        fields = ["id", "kind", "text", "facts", "station", "created_at", "read_at"]
        read_only_fields = fields

    def get_text(self, row: Notification) -> str:
        return str(notification_text(row))


class ReadSerializer(RequestSerializer):
    until = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, help_text=_("ID of the newest notification that was shown.")
    )


class ReadCountSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField(help_text=_("Number of notifications that were unread."))
