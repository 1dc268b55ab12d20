from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from unfold.contrib.filters.admin import AutocompleteSelectFilter

from accounts.branding.models import Brand, BrandPicture
from cpms.common.web.admin import PEOPLE, BackOfficeAdmin, ReportAdmin


@admin.register(Brand)
class BrandAdmin(BackOfficeAdmin):
    """Edit brandings with the same contrast checks as the team's page. Pictures can only be uploaded there."""

    menu_group, menu_icon, menu_place = PEOPLE, "palette", 62
    list_display = ["team", "portal_name", "accent", "accent_dark", "changed_at"]
    list_select_related = ["team"]
    search_fields = ["team__name", "portal_name"]
    autocomplete_fields = ["team"]
    readonly_fields = ["changed_at"]


@admin.register(BrandPicture)
class BrandPictureAdmin(ReportAdmin):
    """View the pictures of teams, and delete those that must not be shown."""

    menu_group, menu_icon, menu_place = PEOPLE, "image", 64
    list_display = ["preview", "team", "kind", "size", "width", "height", "created_at"]
    list_filter = ["kind", ("team", AutocompleteSelectFilter)]
    list_select_related = ["team"]
    search_fields = ["team__name"]
    readonly_fields = ["preview"]

    @admin.display(description=_("Picture"))
    def preview(self, row: BrandPicture) -> str:
        return format_html('<img src="{}" alt="" height="24">', reverse("brand:picture", args=[row.key]))

    def get_queryset(self, request: HttpRequest) -> QuerySet[BrandPicture]:
        return super().get_queryset(request).defer("content")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return self.has_view_permission(request, obj)
