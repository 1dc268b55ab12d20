"""API for charging sessions."""

from __future__ import annotations

from typing import Any

from rest_framework import viewsets

from cpms.common.api.views import ScopedViewSetMixin
from sessions.ledger.filtersets import SessionFilter
from sessions.ledger.models import ChargingSession
from sessions.ledger.serializers import SessionDetailSerializer, SessionSerializer


class SessionViewSet(ScopedViewSetMixin, viewsets.ReadOnlyModelViewSet[ChargingSession]):
    """Charging sessions, the latest start first."""

    queryset = ChargingSession.objects.select_related("station", "tag").defer("station__password")
    serializer_class = SessionSerializer
    filterset_class = SessionFilter
    lookup_value_regex = r"\d{1,19}"
    newest_by = ("-started_at", "-id")

    def get_serializer_class(self) -> Any:
        return SessionDetailSerializer if self.action == "retrieve" else SessionSerializer
