"""Progress reports in Django admin."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateTimeFilter

from cpms.common.web.admin import REPORTS, OfStationAdmin
from maintenance.diagnostics.models import ProgressReport


@admin.register(ProgressReport)
class ProgressReportAdmin(OfStationAdmin):
    menu_group, menu_icon, menu_place = REPORTS, "system_update", 30
    list_display = ["received_at", "station", "job", "status", "request_id"]
    list_filter = ["job", ("received_at", RangeDateTimeFilter)]
