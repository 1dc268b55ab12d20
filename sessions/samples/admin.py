"""Meter readings in Django admin."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateTimeFilter

from cpms.common.web.admin import CHARGING, LogAdmin, ReportAdmin
from sessions.samples.models import MeterReading


@admin.register(MeterReading)
class MeterReadingAdmin(LogAdmin, ReportAdmin):
    menu_group, menu_icon, menu_place = CHARGING, "speed", 20
    list_display = ["at", "station", "connector_number", "session_id", "energy_wh", "power_w", "state_of_charge"]
    list_filter = [("at", RangeDateTimeFilter)]
    list_select_related = ["station"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[MeterReading]:
        return super().get_queryset(request).defer("station__password", "values")
