"""Connectors and gateway nodes in Django admin; stations are in `chargers.onboarding.admin`."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from chargers.stations.models import Connector, Evse, GatewayNode, Presence
from cpms.common.web.admin import STATIONS, BackOfficeAdmin, ReportAdmin, StationSearchMixin

STATE = ["status", "error_code", "status_changed_at", "clock_offset_ms", "clock_measured_at"]


class PresenceFilter(admin.SimpleListFilter):
    title, parameter_name = _("presence"), "presence"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return list(Presence.choices)

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(presence=self.value()) if self.value() else queryset


@admin.register(Connector)
class ConnectorAdmin(StationSearchMixin, BackOfficeAdmin):
    menu_group, menu_icon, menu_place = STATIONS, "electrical_services", 20
    list_display = ["station", "number", "status", "error_code", "status_changed_at"]
    list_filter = ["status"]
    list_select_related = ["station"]
    ordering = ["-id"]
    autocomplete_fields = ["station"]
    readonly_fields = [
        "status",
        "error_code",
        "info",
        "vendor_error_code",
        "status_changed_at",
        "reported_at",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Connector]:
        return super().get_queryset(request).defer("station__password")

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return [*self.readonly_fields, "station", "number"] if obj else self.readonly_fields


@admin.register(Evse)
class EvseAdmin(StationSearchMixin, BackOfficeAdmin):
    menu_group, menu_icon, menu_place = STATIONS, "ev_station", 21
    list_display = ["station", "number", "evse_id"]
    list_select_related = ["station"]
    search_fields = ("evse_id", "station__identity")
    ordering = ["-id"]
    autocomplete_fields = ["station"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Evse]:
        return super().get_queryset(request).defer("station__password")


@admin.register(GatewayNode)
class GatewayNodeAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = STATIONS, "dns", 40
    list_display = ["name", "started_at", "alive_at", "station_count"]
    search_fields = ["name"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[GatewayNode]:
        return super().get_queryset(request).annotate(station_count=Count("stations"))

    @admin.display(description=_("stations"))
    def station_count(self, node: Any) -> int:
        return int(node.station_count)
