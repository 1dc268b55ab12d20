"""Anomalies in Django admin."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateTimeFilter

from chargers.anomalies.models import Oddity
from cpms.common.web.admin import REPORTS, ReportAdmin, StationSearchMixin


@admin.register(Oddity)
class OddityAdmin(StationSearchMixin, ReportAdmin):
    menu_group, menu_icon, menu_place = REPORTS, "help", 10
    list_display = ["received_at", "station", "kind", "action", "session_id", "note"]
    list_filter = ["kind", ("received_at", RangeDateTimeFilter)]
    list_select_related = ["station"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Oddity]:
        return super().get_queryset(request).defer("station__password", "payload")
