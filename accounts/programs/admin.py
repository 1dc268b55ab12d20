from __future__ import annotations

from typing import Any, cast

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.contrib.filters.admin import AutocompleteSelectFilter, RangeDateTimeFilter

from accounts.people.models import ApiToken, User
from accounts.programs.models import AccessToken, Program, ProgramKey
from accounts.programs.services import programs, tokens
from cpms.common.web.admin import PEOPLE, BackOfficeAdmin, ReportAdmin


@admin.register(ApiToken)
class ApiTokenAdmin(ReportAdmin):
    """Find and revoke API tokens. Users create them themselves, and only they see the keys."""

    menu_group, menu_icon, menu_place = PEOPLE, "key", 40
    list_display = ["prefix", "user", "name", "scopes", "created", "expiry_date", "last_used_at", "revoked"]
    list_display_links = None  # the URL of a detail page would contain the key's hash
    list_filter = ["revoked"]
    list_select_related = ["user"]
    search_fields = ["prefix", "user__email"]
    actions = ["revoke"]

    @admin.action(description=_("Revoke"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        rows = list(queryset.filter(revoked=False))
        for token in rows:  # one by one, so that the audit log has an entry for each
            tokens.revoke_api_token(token=token, actor=cast(User, request.user))
        count = len(rows)
        text = ngettext("%(count)d token revoked.", "%(count)d tokens revoked.", count) % {"count": count}
        self.message_user(request, text, messages.SUCCESS)


@admin.register(Program)
class ProgramAdmin(BackOfficeAdmin):
    """Find and revoke applications, and set their rate limits. Teams manage the rest themselves."""

    menu_group, menu_icon, menu_place = PEOPLE, "smart_toy", 45
    list_display = ["name", "team", "way", "created_at", "last_used_at", "requests_per_minute", "revoked_at"]
    list_filter = ["way", ("revoked_at", admin.EmptyFieldListFilter), ("team", AutocompleteSelectFilter)]
    list_select_related = ["team"]
    search_fields = ["name", "team__name", "client_id", "keys__prefix"]
    fields = ["name", "team", "way", "client_id", "scopes", "requests_per_minute", "created_by", "created_at"]
    readonly_fields = [name for name in fields if name != "requests_per_minute"]
    actions = ["revoke"]

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    @admin.action(description=_("Revoke"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[Program]) -> None:
        rows = list(queryset.filter(revoked_at__isnull=True).select_related("team"))
        for program in rows:
            programs.revoke_program(program=program, actor=cast(User, request.user))
        text = ngettext("%(count)d application revoked.", "%(count)d applications revoked.", len(rows))
        self.message_user(request, text % {"count": len(rows)}, messages.SUCCESS)


@admin.register(ProgramKey)
class ProgramKeyAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "vpn_key", 46
    list_display = ["prefix", "program", "created_at", "expires_at", "last_used_at", "revoked_at"]
    list_filter = [("revoked_at", admin.EmptyFieldListFilter), ("expires_at", RangeDateTimeFilter)]
    list_select_related = ["program"]
    search_fields = ["prefix", "program__name", "program__team__name"]
    exclude = ["hash", "warned_days"]


@admin.register(AccessToken)
class AccessTokenAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = PEOPLE, "token", 47
    list_display = ["program", "created_at", "expires_at"]
    list_select_related = ["program"]
    search_fields = ["program__name", "program__team__name"]
    exclude = ["hash"]
