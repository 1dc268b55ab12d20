from __future__ import annotations

from django.contrib import admin

from accounts.people.models import Enrolment
from cpms.common.web.admin import PEOPLE, ReportAdmin


@admin.register(Enrolment)
class EnrolmentAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "how_to_reg", 80
    list_display = ["user", "team", "created_at"]
    list_select_related = ["user", "team"]
    search_fields = ["user__email", "team__name"]
