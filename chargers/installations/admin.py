"""Installations and circuits in Django admin."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import TabularInline
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from chargers.installations.models import Circuit, Installation
from cpms.common.web.admin import STATIONS, BackOfficeAdmin, StaffInlineMixin


class CircuitInline(StaffInlineMixin, TabularInline):
    model = Circuit
    fields = ["name", "parent", "max_current_a", "phases"]
    autocomplete_fields = ["parent"]
    extra = 0


@admin.register(Installation)
class InstallationAdmin(BackOfficeAdmin):
    menu_group, menu_icon, menu_place = STATIONS, "location_city", 5
    list_display = ["name", "team", "street", "postal_code", "city", "country"]
    list_filter = [("team", AutocompleteSelectFilter)]
    list_select_related = ["team"]
    search_fields = ["name", "city", "street"]
    autocomplete_fields = ["team"]
    readonly_fields = ["created_at"]
    inlines = [CircuitInline]


@admin.register(Circuit)
class CircuitAdmin(BackOfficeAdmin):
    menu_group, menu_icon, menu_place = STATIONS, "account_tree", 6
    list_display = ["name", "installation", "parent", "max_current_a", "phases"]
    list_filter = ["phases", ("installation", AutocompleteSelectFilter)]
    list_select_related = ["installation", "parent__installation"]
    search_fields = ["name", "installation__name"]
    autocomplete_fields = ["installation", "parent"]
