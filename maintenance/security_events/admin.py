"""Security events in Django admin."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateTimeFilter

from cpms.common.web.admin import REPORTS, OfStationAdmin
from maintenance.security_events.models import SecurityEvent


@admin.register(SecurityEvent)
class SecurityEventAdmin(OfStationAdmin):
    menu_group, menu_icon, menu_place = REPORTS, "shield", 20
    list_display = ["at", "station", "type", "tech_info", "is_critical", "acknowledged_at", "acknowledged_by"]
    list_filter = ["is_critical", ("acknowledged_at", admin.EmptyFieldListFilter), ("received_at", RangeDateTimeFilter)]
    list_select_related = ["station", "acknowledged_by"]
