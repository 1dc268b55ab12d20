"""A user's notifications in the API."""

from __future__ import annotations

from typing import Any, cast

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _
from drf_spectacular.utils import extend_schema
from rest_framework import serializers, viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access.rights import Can
from accounts.models import User
from cpms.common.api.bodies import NoFields, RequestSerializer
from cpms.common.api.views import TimesFilterSet, TimesMixin
from maintenance import services
from maintenance.models import Notification
from maintenance.words import notification_words


class NotificationSerializer(serializers.ModelSerializer[Notification]):
    text = serializers.SerializerMethodField(help_text=_("What happened, in one's language."))
    facts = serializers.JSONField(source="parameters", read_only=True, help_text=_("The same for programs."))
    station = serializers.CharField(source="station.identity", read_only=True, allow_null=True, default=None)

    class Meta:
        model = Notification
        fields = ["id", "kind", "text", "facts", "station", "created_at", "read_at"]
        read_only_fields = fields

    def get_text(self, row: Notification) -> str:
        return str(notification_words(row))


class ReadSerializer(RequestSerializer):
    until = serializers.IntegerField(
        min_value=1, max_value=2**63 - 1, help_text=_("The id of the newest one that was shown.")
    )


class ReadCountSerializer(serializers.Serializer[Any]):
    count = serializers.IntegerField(help_text=_("How many were not read before."))


class NotificationFilter(TimesFilterSet):
    time_field = "created_at"
    is_read = django_filters.BooleanFilter(method="filter_is_read", label=_("whether it was read"))

    class Meta:
        model = Notification
        fields = ["kind"]

    def filter_is_read(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return queryset.filter(read_at__isnull=not value)


class NotificationViewSet(TimesMixin, viewsets.ReadOnlyModelViewSet[Notification]):
    """One's own notifications. They are told to people: a program of a team has none."""

    queryset = Notification.objects.select_related("station").defer("station__password", "station__next_password")
    serializer_class = NotificationSerializer
    filterset_class = NotificationFilter
    time_field = "created_at"
    lookup_value_regex = r"\d{1,18}"
    # Of a limited key: what a person is told is more than stations, and who may only read changes nothing.
    personal_rights = {"GET": Can.SEE_MESSAGES} | dict.fromkeys(("POST", "PATCH", "DELETE"), Can.OPERATE)

    @extend_schema(request=None, responses=NotificationSerializer)
    @action(detail=True, methods=["post"])
    def read(self, request: Request, pk: str) -> Response:
        """Mark one as read. A second time changes nothing."""
        row = self.get_object()
        NoFields.read(request)
        services.mark_read(user=cast(User, request.user), notifications=Notification.objects.filter(pk=row.pk))
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        operation_id="notifications_read_all", request=ReadSerializer, responses=ReadCountSerializer, filters=False
    )
    @action(detail=False, methods=["post"], url_path="read", url_name="read-all", pagination_class=None)
    def read_all(self, request: Request) -> Response:
        """Mark all as read up to the newest one that was shown: what came meanwhile stays unread."""
        wanted = ReadSerializer.read(request)
        rows = Notification.objects.visible_to(request.user).filter(pk__lte=wanted["until"])
        return Response({"count": services.mark_read(user=cast(User, request.user), notifications=rows)})
