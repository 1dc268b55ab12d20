from __future__ import annotations

from django.contrib import admin
from unfold.contrib.filters.admin import RangeDateTimeFilter

from accounts.profile.models import AddressChange
from cpms.common.web.admin import PEOPLE, ReportAdmin


@admin.register(AddressChange)
class AddressChangeAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "alternate_email", 47
    list_display = ["user", "old_email", "new_email", "changed_at", "undone_at"]
    list_filter = [("changed_at", RangeDateTimeFilter)]
    list_select_related = ["user"]
    search_fields = ["user__email", "old_email", "new_email"]
