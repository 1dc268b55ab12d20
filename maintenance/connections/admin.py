"""Connections, refusals and deviations in Django admin."""

from __future__ import annotations

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import RangeDateTimeFilter

from cpms.common.web.admin import LOGS, REPORTS, OfStationAdmin, ReportAdmin
from maintenance.connections.models import Deviation, RefusedConnection, StationLink, UnnamedProxy


@admin.register(StationLink)
class StationLinkAdmin(OfStationAdmin):
    menu_group, menu_icon, menu_place = LOGS, "cable", 40
    list_display = ["opened_at", "station", "epoch", "node", "remote_address", "subprotocol", "closed_at", "close_code"]
    list_filter = [("opened_at", RangeDateTimeFilter), ("closed_at", admin.EmptyFieldListFilter)]


@admin.register(RefusedConnection)
class RefusedConnectionAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = LOGS, "block", 50
    list_display = ["last_at", "cause", "near", "station", "path", "identity", "remote_address", "count", "is_tls"]
    list_filter = ["cause", "near", "is_tls", ("last_at", RangeDateTimeFilter)]
    list_select_related = ["station"]
    search_fields = ["path", "identity", "remote_address"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RefusedConnection]:
        return super().get_queryset(request).defer("station__password")


@admin.register(UnnamedProxy)
class UnnamedProxyAdmin(ReportAdmin):
    """If an address is a proxy of yours, add it to TRUSTED_PROXIES. The header of other clients is ignored."""

    menu_group, menu_icon, menu_place = LOGS, "router", 55
    list_display = ["address", "first_at", "last_at"]
    search_fields = ["address"]


@admin.register(Deviation)
class DeviationAdmin(OfStationAdmin):
    menu_group, menu_icon, menu_place = REPORTS, "rule", 15
    list_display = ["last_at", "station", "action", "what", "code", "count", "first_at"]
    list_filter = ["code", ("last_at", RangeDateTimeFilter)]
