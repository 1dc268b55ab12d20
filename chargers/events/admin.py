"""Events in Django admin, read-only."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateTimeFilter

from chargers.events.models import Event
from cpms.common.web.admin import REPORTS, ReportAdmin, StationSearchMixin


@admin.register(Event)
class EventAdmin(StationSearchMixin, ReportAdmin):
    """Events that notifications and e-mails are made of."""

    menu_group, menu_icon, menu_place = REPORTS, "event", 27
    list_display = ["at", "kind", "station", "team", "ended_at", "notified_at", "mailed_at"]
    list_filter = ["kind", ("ended_at", admin.EmptyFieldListFilter), ("at", RangeDateTimeFilter)]
    list_select_related = ["station", "team"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("station__password", "station__next_password")
