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
from accounts.programs.services import programs
from accounts.programs.services import tokens as services
from cpms.common.web.admin import PEOPLE, BackOfficeAdmin, ReportAdmin


@admin.register(ApiToken)
class ApiTokenAdmin(ReportAdmin):
    """Keys are made by their owners, who alone see them; here they are found and ended."""

    menu_group, menu_icon, menu_place = PEOPLE, "key", 40
    list_display = ["prefix", "user", "name", "scopes", "created", "expiry_date", "last_used_at", "revoked"]
    list_display_links = None  # a page of its own would have the key's hash in its address
    list_filter = ["revoked"]
    list_select_related = ["user"]
    search_fields = ["prefix", "user__email"]
    actions = ["revoke"]

    @admin.action(description=_("Revoke"))
    def revoke(self, request: HttpRequest, queryset: QuerySet[ApiToken]) -> None:
        tokens = list(queryset.filter(revoked=False))
        for token in tokens:  # one by one: the audit trail names each
            services.revoke_api_token(token=token, actor=cast(User, request.user))
        count = len(tokens)
        text = ngettext("%(count)d token was revoked.", "%(count)d tokens were revoked.", count) % {"count": count}
        self.message_user(request, text, messages.SUCCESS)


@admin.register(Program)
class ProgramAdmin(BackOfficeAdmin):
    """Teams add, change and revoke their programs; here support finds and ends them, and gives one another rate."""

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
        text = ngettext("%(count)d program was revoked.", "%(count)d programs were revoked.", len(rows))
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
