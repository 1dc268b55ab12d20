"""Certificate requests in Django admin."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateTimeFilter

from cpms.common.web.admin import REPORTS, OfStationAdmin
from maintenance.certificates.models import CertificateRequest


@admin.register(CertificateRequest)
class CertificateRequestAdmin(OfStationAdmin):
    menu_group, menu_icon, menu_place = REPORTS, "workspace_premium", 40
    list_display = ["received_at", "station", "digest"]
    list_filter = [("received_at", RangeDateTimeFilter)]
