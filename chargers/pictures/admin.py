"""Pictures of stations in Django admin. They are added on the page of the station."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest

from chargers.pictures.models import StationPicture
from cpms.common.web.admin import STATIONS, ReportAdmin, StationSearchMixin


@admin.register(StationPicture)
class StationPictureAdmin(StationSearchMixin, ReportAdmin):
    menu_group, menu_icon, menu_place = STATIONS, "photo_camera", 22
    list_display = ["station", "position", "width", "height", "added_by", "created_at"]
    list_select_related = ["station", "added_by"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[StationPicture]:
        return super().get_queryset(request).defer("content", "station__password")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Pictures that must not be shown can be deleted."""
        return self.has_view_permission(request, obj)
