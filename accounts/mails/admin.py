from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.contrib.filters.admin import RangeDateTimeFilter

from accounts.mails.models import AccountMail
from accounts.mails.services import mails
from cpms.common.web.admin import PEOPLE, ReportAdmin


@admin.register(AccountMail)
class AccountMailAdmin(ReportAdmin):
    """E-mails about accounts. Sending is retried for two days; after that, staff can retry it here."""

    menu_group, menu_icon, menu_place = PEOPLE, "mail", 60
    list_display = ["created_at", "kind", "email", "sent_at", "attempts", "error"]
    list_filter = ["kind", ("sent_at", admin.EmptyFieldListFilter), ("created_at", RangeDateTimeFilter)]
    search_fields = ["email"]
    actions = ["retry"]

    @admin.action(description=_("Try again"))
    def retry(self, request: HttpRequest, queryset: QuerySet[AccountMail]) -> None:
        count = mails.retry_mails(AccountMail.objects.filter(pk__in=queryset.order_by().values("pk")))
        text = ngettext("%(count)d e-mail will be sent again.", "%(count)d e-mails will be sent again.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS)
