"""API for security events."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.decorators import action
from rest_framework.request import Request
from rest_framework.response import Response

from accounts.access.rights import Can
from cpms.common.api.bodies import NoFields
from cpms.common.api.views import ScopedViewSetMixin
from cpms.common.errors import NotAllowed
from maintenance.security_events import services
from maintenance.security_events.filtersets import SecurityEventFilter
from maintenance.security_events.models import SecurityEvent
from maintenance.security_events.serializers import SecurityEventSerializer


class SecurityEventViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[SecurityEvent]):
    """Security events reported by stations."""

    queryset = SecurityEvent.objects.select_related("station", "acknowledged_by").defer("station__password")
    serializer_class = SecurityEventSerializer
    filterset_class = SecurityEventFilter
    lookup_value_regex = r"\d{1,19}"

    @extend_schema(request=None, responses=SecurityEventSerializer)
    @action(detail=True, methods=["post"])
    def acknowledge(self, request: Request, pk: str) -> Response:
        """Acknowledge an alert. Repeating it changes nothing."""
        event: SecurityEvent = self.get_object()
        user: Any = request.user
        if not user.access.may(Can.OPERATE, event.station):
            raise NotAllowed(_("Only operators and administrators of the team may acknowledge alerts."))
        NoFields.read(request)
        services.acknowledge_events(events=SecurityEvent.objects.filter(pk=event.pk), actor=user)
        return Response(self.get_serializer(self.get_object()).data)
