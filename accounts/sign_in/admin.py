from __future__ import annotations

from typing import cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.contrib.filters.admin import RangeDateTimeFilter

from accounts.people.models import User
from accounts.sign_in.models import FactorEnrolmentCode, SignedInBrowser
from accounts.sign_in.services import browsers
from cpms.common.web.admin import PEOPLE, ReportAdmin


@admin.register(SignedInBrowser)
class SignedInBrowserAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "devices", 45
    list_display = ["user", "address", "agent", "created_at", "last_seen_at"]
    list_filter = [("last_seen_at", RangeDateTimeFilter)]
    list_select_related = ["user"]
    search_fields = ["user__email"]
    actions = ["sign_out"]

    @admin.action(description=_("Sign out"))
    def sign_out(self, request: HttpRequest, queryset: QuerySet[SignedInBrowser]) -> None:
        rows = list(queryset.select_related("user"))
        for row in rows:
            browsers.sign_out(browser=row, actor=cast(User, request.user))
        text = ngettext("%(count)d browser signed out.", "%(count)d browsers signed out.", len(rows))
        self.message_user(request, text % {"count": len(rows)}, messages.SUCCESS)


@admin.register(FactorEnrolmentCode)
class FactorEnrolmentCodeAdmin(ReportAdmin):
    """Read-only. Codes are issued by an action of the user list, or on the command line."""

    menu_group, menu_icon, menu_place = PEOPLE, "password", 46
    list_display = ["user", "created_by", "created_at", "expires_at", "used_at", "revoked_at"]
    list_filter = [("created_at", RangeDateTimeFilter)]
    list_select_related = ["user", "created_by"]
    search_fields = ["user__email"]
    exclude = ["code_hash"]
