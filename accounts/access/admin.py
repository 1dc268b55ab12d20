from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from accounts.access.models import Grant
from cpms.common.web.admin import PEOPLE, BackOfficeAdmin


@admin.register(Grant)
class GrantAdmin(BackOfficeAdmin):
    """Grants can be added and edited here. A withdrawn grant stays as a record."""

    menu_group, menu_icon, menu_place = PEOPLE, "key", 40
    list_display = ["role", "installation", "station", "user", "to_team", "team", "ends_at", "withdrawn_at"]
    list_filter = ["role", ("ends_at", RangeDateTimeFilter), ("team", AutocompleteSelectFilter)]
    list_select_related = ["installation", "station", "user", "to_team", "team"]
    search_fields = ["user__email", "to_team__name", "installation__name", "station__identity"]
    autocomplete_fields = ["installation", "station", "user", "to_team"]
    exclude = ["team"]
    readonly_fields = ["created_at", "created_by", "withdrawn_at"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Grant]:
        return super().get_queryset(request).defer("station__password")

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        obj.team_id = obj.place.team_id
        if not change:
            obj.created_by = request.user
        super().save_model(request, obj, form, change)
