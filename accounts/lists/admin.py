"""Saved views of lists in Django admin."""

from __future__ import annotations

from django.contrib import admin

from accounts.lists.models import SavedView
from cpms.common.web.admin import PEOPLE, ReportAdmin


@admin.register(SavedView)
class SavedViewAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "view_list", 48
    list_display = ["name", "list_name", "user", "team"]
    list_select_related = ["user", "team"]
    search_fields = ["name", "user__email"]
