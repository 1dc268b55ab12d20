"""A user's notifications in the API."""

from __future__ import annotations

from typing import cast

from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access.rights import Can
from accounts.models import User
from cpms.common.api.bodies import NoFields
from cpms.common.api.views import TimesMixin
from maintenance.notifications.filtersets import NotificationFilter
from maintenance.notifications.models import Notification
from maintenance.notifications.serializers import NotificationSerializer, ReadCountSerializer, ReadSerializer
from maintenance.notifications.services import notifications


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
        notifications.mark_read(user=cast(User, request.user), notifications=Notification.objects.filter(pk=row.pk))
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        operation_id="notifications_read_all", request=ReadSerializer, responses=ReadCountSerializer, filters=False
    )
    @action(detail=False, methods=["post"], url_path="read", url_name="read-all", pagination_class=None)
    def read_all(self, request: Request) -> Response:
        """Mark all as read up to the newest one that was shown: what came meanwhile stays unread."""
        wanted = ReadSerializer.read(request)
        rows = Notification.objects.visible_to(request.user).filter(pk__lte=wanted["until"])
        return Response({"count": notifications.mark_read(user=cast(User, request.user), notifications=rows)})
