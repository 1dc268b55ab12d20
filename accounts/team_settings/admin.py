from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from accounts.sign_in import fresh_proof
from accounts.teams.models import BillingDetails, FormerHandle, Team, TeamDomain
from cpms.common.web.admin import PEOPLE, BackOfficeAdmin, ReportAdmin


@admin.register(Team)
class TeamAdmin(fresh_proof.FreshProofAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "groups", 10
    list_display = ["name", "handle", "created_at"]
    search_fields = ["name", "handle"]
    readonly_fields = ["created_at"]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Forbid deleting a team with stations or sessions, since records refer to it."""
        if not isinstance(obj, Team) or not super().has_delete_permission(request, obj):
            return False
        return not (obj.stations.exists() or obj.charging_sessions.exists())


@admin.register(BillingDetails)
class BillingDetailsAdmin(BackOfficeAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "receipt_long", 50
    list_display = ["team", "name", "city", "country", "vat_id", "email"]
    list_select_related = ["team"]
    search_fields = ["team__name", "name", "vat_id"]
    autocomplete_fields = ["team"]


@admin.register(TeamDomain)
class TeamDomainAdmin(ReportAdmin):
    """Read-only. Teams add and prove their domains themselves."""

    menu_group, menu_icon, menu_place = PEOPLE, "domain", 60
    list_display = ["domain", "purpose", "team", "proved_at", "points_here", "seen_at", "lost_at"]
    list_filter = ["purpose", ("team", AutocompleteSelectFilter)]
    list_select_related = ["team"]
    search_fields = ["domain", "team__name"]


@admin.register(FormerHandle)
class FormerHandleAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "history", 70
    list_display = ["handle", "team", "created_at"]
    list_select_related = ["team"]
    search_fields = ["handle", "team__name"]
