"""The audit log in Django admin."""

from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from accounts.audit.models import AuditEntry
from cpms.common.web.admin import PEOPLE, ReportAdmin

if admin.site.is_registered(AuditEntry):  # registered by django-auditlog, whose pages allow deletion
    admin.site.unregister(AuditEntry)


@admin.register(AuditEntry)
class AuditEntryAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "manage_history", 90
    list_display = ["timestamp", "actor_email", "remote_addr", "team", "content_type", "object_repr", "action"]
    list_filter = ["action", ("timestamp", RangeDateTimeFilter), ("team", AutocompleteSelectFilter)]
    list_select_related = ["team", "content_type"]
    search_fields = ["actor_email", "object_repr"]
