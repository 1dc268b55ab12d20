"""API for energy outside sessions."""

from __future__ import annotations

from typing import Any

from django.db.models import Prefetch
from rest_framework import mixins, viewsets

from chargers.models import ChargingStation
from cpms.common.api.views import ScopedViewSetMixin
from sessions.insights.filtersets import GapFilter
from sessions.insights.serializers import GapSerializer
from sessions.ledger.models import ChargingSession


class GapViewSet(ScopedViewSetMixin, mixins.ListModelMixin, viewsets.GenericViewSet[ChargingSession]):
    """Gaps between the end reading of one session and the start reading of the next on the same connector; the last 30
    days unless a time is given.
    """

    queryset = ChargingSession.objects.prefetch_related(Prefetch("station", ChargingStation.objects.only("identity")))
    serializer_class = GapSerializer
    filterset_class = GapFilter
    newest_by = ("-started_at", "-id")

    def get_queryset(self) -> Any:
        # Other columns would have to pass through the window as well.
        columns = ("station", "connector_number", "started_at", "meter_start_wh")
        return super().get_queryset().only(*columns).with_gaps()
