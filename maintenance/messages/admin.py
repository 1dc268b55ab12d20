"""The message log and the inbox in Django admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.contrib.filters.admin import RangeDateTimeFilter

from cpms.common.text.json_texts import pretty
from cpms.common.web.admin import LOGS, LogAdmin, OfStationAdmin, ReportAdmin
from maintenance.messages.models import InboxEntry, InboxShard, Message
from maintenance.messages.services import inbox


@admin.register(Message)
class MessageAdmin(LogAdmin, OfStationAdmin):
    menu_group, menu_icon, menu_place = LOGS, "forum", 10
    list_display = ["received_at", "station", "direction", "action", "message_id", "error_code"]
    list_filter = ["direction", ("received_at", RangeDateTimeFilter)]
    time_field = "received_at"
    exclude = ["payload", "answer"]
    readonly_fields = ["shown_payload", "shown_answer"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Message]:
        return super().get_queryset(request).defer("payload", "answer")

    @admin.display(description=_("payload"))
    def shown_payload(self, message: Message) -> str:
        return _pretty(message.payload)

    @admin.display(description=_("answer"))
    def shown_answer(self, message: Message) -> str:
        return _pretty(message.answer)


def _pretty(text: str) -> str:
    """Return a text as escaped HTML, indented if it is JSON."""
    return format_html('<pre class="whitespace-pre-wrap break-all">{}</pre>', pretty(text) if text else "")


class WaitingFilter(admin.SimpleListFilter):
    title, parameter_name = _("status"), "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return [("waiting", _("Waiting")), ("failed", _("Failed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(failed_at__isnull=self.value() == "waiting") if self.value() else queryset


@admin.register(InboxEntry)
class InboxEntryAdmin(OfStationAdmin):
    """Messages that are stored and answered but not applied yet. Normally empty; failed entries stay until retried."""

    menu_group, menu_icon, menu_place = LOGS, "inbox", 20
    list_display = ["message_id", "station", "message", "received_at", "failed_at", "short_error"]
    list_display_links = ["message_id"]
    list_filter = [WaitingFilter, ("received_at", RangeDateTimeFilter)]
    readonly_fields = ["message", "shown_error"]
    exclude = ["error"]
    actions = ["retry"]

    @admin.display(description=_("message"))
    def message(self, entry: InboxEntry) -> str:
        address = reverse("admin:maintenance_message_change", args=[entry.message_id])
        return format_html('<a href="{}">{}</a>', address, _("Open message"))

    @admin.display(description=_("error"))
    def short_error(self, entry: InboxEntry) -> str:
        lines = entry.error.strip().splitlines()
        return lines[-1][:120] if lines else ""

    @admin.display(description=_("error"))
    def shown_error(self, entry: InboxEntry) -> str:
        return _pretty(entry.error)

    @admin.action(description=_("Try again"))
    def retry(self, request: HttpRequest, queryset: QuerySet[InboxEntry]) -> None:
        count = inbox.retry_failed(InboxEntry.objects.filter(pk__in=queryset.order_by().values("pk")))
        text = ngettext("%(count)d entry will be retried.", "%(count)d entries will be retried.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS)


@admin.register(InboxShard)
class InboxShardAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = LOGS, "view_column", 30
    list_display = ["number"]
    search_fields = ["=number"]
