"""The catalogue of hardware models in Django admin."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import TabularInline

from chargers.hardware.models import HardwareConnector, HardwareModel
from cpms.common.web.admin import STATIONS, BackOfficeAdmin, StaffInlineMixin


class HardwareConnectorInline(StaffInlineMixin, TabularInline):
    model = HardwareConnector
    extra = 0


@admin.register(HardwareConnector)
class HardwareConnectorAdmin(BackOfficeAdmin):
    menu_group, menu_icon, menu_place = STATIONS, "power", 9
    list_display = ["hardware_model", "number", "evse_number", "standard", "format", "power_type", "max_power_w"]
    list_filter = ["standard", "format", "power_type"]
    list_select_related = ["hardware_model"]
    search_fields = ["hardware_model__vendor", "hardware_model__name"]
    autocomplete_fields = ["hardware_model"]


@admin.register(HardwareModel)
class HardwareModelAdmin(BackOfficeAdmin):
    menu_group, menu_icon, menu_place = STATIONS, "ev_charger", 8
    list_display = ["vendor", "name", "data_sheet"]
    list_filter = ["vendor"]
    search_fields = ["vendor", "name"]
    inlines = [HardwareConnectorInline]
