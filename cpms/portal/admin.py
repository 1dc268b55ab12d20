from __future__ import annotations

from django.contrib import admin

from cpms.common.web.admin import SITE, BackOfficeAdmin, ReportAdmin
from cpms.portal.models import PrivacyChoice, SiteHook, SiteText


@admin.register(SiteText)
class SiteTextAdmin(BackOfficeAdmin):
    menu_group, menu_icon, menu_place = SITE, "article", 10
    list_display = ["kind", "language"]
    search_fields = ["text"]


@admin.register(SiteHook)
class SiteHookAdmin(BackOfficeAdmin):
    menu_group, menu_icon, menu_place = SITE, "extension", 20
    list_display = ["name", "category", "script_url", "is_active"]
    list_filter = ["category", "is_active"]
    search_fields = ["name", "purpose", "script_url"]


@admin.register(PrivacyChoice)
class PrivacyChoiceAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = SITE, "shield_person", 30
    list_display = ["user", "changed_at"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
