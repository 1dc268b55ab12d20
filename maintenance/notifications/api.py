"""API for a user's own notifications."""

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
    """Your own notifications. Service accounts of a team have none."""

    queryset = Notification.objects.select_related("station").defer("station__password", "station__next_password")
    serializer_class = NotificationSerializer
    filterset_class = NotificationFilter
    time_field = "created_at"
    lookup_value_regex = r"\d{1,18}"
    # Scopes for limited keys: reading needs one that includes messages, and marking as read one that may operate.
    personal_rights = {"GET": Can.SEE_MESSAGES} | dict.fromkeys(("POST", "PATCH", "DELETE"), Can.OPERATE)

    @extend_schema(request=None, responses=NotificationSerializer)
    @action(detail=True, methods=["post"])
    def read(self, request: Request, pk: str) -> Response:
        """Mark a notification as read. Repeating it changes nothing."""
        row = self.get_object()
        NoFields.read(request)
        notifications.mark_read(user=cast(User, request.user), notifications=Notification.objects.filter(pk=row.pk))
        return Response(self.get_serializer(self.get_object()).data)

    @extend_schema(
        operation_id="notifications_read_all", request=ReadSerializer, responses=ReadCountSerializer, filters=False
    )
    @action(detail=False, methods=["post"], url_path="read", url_name="read-all", pagination_class=None)
    def read_all(self, request: Request) -> Response:
        """Mark all notifications up to the newest one shown as read. Those that arrived since stay unread."""
        data = ReadSerializer.read(request)
        rows = Notification.objects.visible_to(request.user).filter(pk__lte=data["until"])
        return Response({"count": notifications.mark_read(user=cast(User, request.user), notifications=rows)})
