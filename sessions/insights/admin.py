"""Total charging power in Django admin."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from cpms.common.web.admin import CHARGING, ReportAdmin
from sessions.insights.models import TeamPower


@admin.register(TeamPower)
class TeamPowerAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = CHARGING, "show_chart", 30
    list_display = ["at", "team", "power_w", "session_count"]
    sortable_by = ["at"]
    list_filter = [("at", RangeDateTimeFilter), ("team", AutocompleteSelectFilter)]
    list_select_related = ["team"]
    search_fields = ["team__name", "team__handle"]
    ordering = ["-at", "-id"]
