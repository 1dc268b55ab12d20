"""Charging sessions in Django admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from cpms.common.web.admin import CHARGING, ReportAdmin, StationSearchMixin
from sessions.ledger.models import ChargingSession


class OpenFilter(admin.SimpleListFilter):
    title, parameter_name = _("status"), "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return [("open", _("Open")), ("completed", _("Completed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(stopped_at__isnull=self.value() == "open") if self.value() else queryset


@admin.register(ChargingSession)
class ChargingSessionAdmin(StationSearchMixin, ReportAdmin):
    """Show the ledger read-only: it is never edited manually."""

    menu_group, menu_icon, menu_place = CHARGING, "bolt", 10
    list_display = [
        "id",
        "station",
        "connector_number",
        "team",
        "id_tag",
        "started_at",
        "stopped_at",
        "energy_wh",
        "stop_reason",
        "shown_flags",
    ]
    list_display_links = ["id"]
    sortable_by = ["id", "started_at"]  # these have an index
    list_filter = [
        OpenFilter,
        "has_flags",
        "is_billable",
        "closed_by",
        ("started_at", RangeDateTimeFilter),
        ("team", AutocompleteSelectFilter),
        ("tag", AutocompleteSelectFilter),
    ]
    list_select_related = ["station", "team"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[ChargingSession]:
        return super().get_queryset(request).defer("station__password")

    @admin.display(description=_("flags"))
    def shown_flags(self, session: ChargingSession) -> str:
        return ", ".join(session.flag_labels)
