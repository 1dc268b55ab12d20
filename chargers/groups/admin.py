"""Groups of stations in Django admin."""

from __future__ import annotations

from django.contrib import admin

from chargers.groups.models import StationGroup
from cpms.common.web.admin import STATIONS, BackOfficeAdmin


@admin.register(StationGroup)
class StationGroupAdmin(BackOfficeAdmin):
    menu_group, menu_icon, menu_place = STATIONS, "workspaces", 35
    list_display = ["name", "user"]
    list_select_related = ["user"]
    search_fields = ["name", "user__email"]
    autocomplete_fields = ["user", "stations"]
