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
from cpms.common.web.admin import LOGS, REPORTS, LogAdmin, ReportAdmin, StationSearchMixin
from maintenance import services
from maintenance.models import (
    AlarmMail,
    CertificateRequest,
    Deviation,
    InboxEntry,
    InboxShard,
    Message,
    Notification,
    NotificationChoice,
    ProgressReport,
    RefusedConnection,
    SecurityEvent,
    StationLink,
    UnnamedProxy,
)


class OfStationAdmin(StationSearchMixin, ReportAdmin):
    """Rows that belong to a station."""

    list_select_related = ["station"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        return super().get_queryset(request).defer("station__password")


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
    """Indented where it is JSON; whatever it is, it is text on this page."""
    return format_html('<pre class="whitespace-pre-wrap break-all">{}</pre>', pretty(text) if text else "")


class WaitingFilter(admin.SimpleListFilter):
    title, parameter_name = _("state"), "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[Any, Any]]:
        return [("waiting", _("Waiting")), ("failed", _("Failed"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Any]) -> QuerySet[Any]:
        return queryset.filter(failed_at__isnull=self.value() == "waiting") if self.value() else queryset


@admin.register(InboxEntry)
class InboxEntryAdmin(OfStationAdmin):
    """What is stored and answered but not applied: normally empty, and what failed waits here for somebody."""

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
        count = services.retry_failed(InboxEntry.objects.filter(pk__in=queryset.order_by().values("pk")))
        text = ngettext("%(count)d entry is tried again.", "%(count)d entries are tried again.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS)


@admin.register(InboxShard)
class InboxShardAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = LOGS, "view_column", 30
    list_display = ["number"]
    search_fields = ["=number"]


@admin.register(StationLink)
class StationLinkAdmin(OfStationAdmin):
    menu_group, menu_icon, menu_place = LOGS, "cable", 40
    list_display = ["opened_at", "station", "epoch", "node", "remote_address", "subprotocol", "closed_at", "close_code"]
    list_filter = [("opened_at", RangeDateTimeFilter), ("closed_at", admin.EmptyFieldListFilter)]


@admin.register(RefusedConnection)
class RefusedConnectionAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = LOGS, "block", 50
    list_display = ["last_at", "cause", "near", "station", "path", "identity", "remote_address", "count", "is_tls"]
    list_filter = ["cause", "near", "is_tls", ("last_at", RangeDateTimeFilter)]
    list_select_related = ["station"]
    search_fields = ["path", "identity", "remote_address"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[RefusedConnection]:
        return super().get_queryset(request).defer("station__password")


@admin.register(UnnamedProxy)
class UnnamedProxyAdmin(ReportAdmin):
    """If an address is a proxy of yours, name it in TRUSTED_PROXIES; anybody else may send the header in vain."""

    menu_group, menu_icon, menu_place = LOGS, "router", 55
    list_display = ["address", "first_at", "last_at"]
    search_fields = ["address"]


@admin.register(Deviation)
class DeviationAdmin(OfStationAdmin):
    menu_group, menu_icon, menu_place = REPORTS, "rule", 15
    list_display = ["last_at", "station", "action", "what", "code", "count", "first_at"]
    list_filter = ["code", ("last_at", RangeDateTimeFilter)]


@admin.register(SecurityEvent)
class SecurityEventAdmin(OfStationAdmin):
    menu_group, menu_icon, menu_place = REPORTS, "shield", 20
    list_display = ["at", "station", "type", "tech_info", "is_critical", "acknowledged_at", "acknowledged_by"]
    list_filter = ["is_critical", ("acknowledged_at", admin.EmptyFieldListFilter), ("received_at", RangeDateTimeFilter)]
    list_select_related = ["station", "acknowledged_by"]


@admin.register(AlarmMail)
class AlarmMailAdmin(ReportAdmin):
    """What is not sent is tried again by itself for two days, then it waits here for somebody."""

    menu_group, menu_icon, menu_place = REPORTS, "mail", 25
    list_display = ["created_at", "team", "user", "subject", "sent_at", "attempts", "error"]
    list_filter = [("sent_at", admin.EmptyFieldListFilter), ("created_at", RangeDateTimeFilter)]
    list_select_related = ["team", "user"]
    search_fields = ["subject", "user__email", "team__name"]
    actions = ["retry"]

    @admin.action(description=_("Try again"))
    def retry(self, request: HttpRequest, queryset: QuerySet[AlarmMail]) -> None:
        count = services.retry_mails(AlarmMail.objects.filter(pk__in=queryset.order_by().values("pk")))
        text = ngettext("%(count)d mail is tried again.", "%(count)d mails are tried again.", count)
        self.message_user(request, text % {"count": count}, messages.SUCCESS)


@admin.register(Notification)
class NotificationAdmin(ReportAdmin):
    menu_group, menu_icon, menu_place = REPORTS, "notifications", 26
    list_display = ["created_at", "user", "kind", "station", "read_at"]
    list_filter = ["kind", ("read_at", admin.EmptyFieldListFilter), ("created_at", RangeDateTimeFilter)]
    list_select_related = ["user", "station"]
    search_fields = ["user__email"]

    def get_queryset(self, request: HttpRequest) -> QuerySet[Notification]:
        return super().get_queryset(request).defer("station__password")


@admin.register(NotificationChoice)
class NotificationChoiceAdmin(ReportAdmin):
    """Made by each person himself."""

    menu_group, menu_icon, menu_place = REPORTS, "notifications_off", 28
    list_display = ["user", "kind", "bell", "mail"]
    list_filter = ["kind", "bell", "mail"]
    list_select_related = ["user"]
    search_fields = ["user__email"]


@admin.register(ProgressReport)
class ProgressReportAdmin(OfStationAdmin):
    menu_group, menu_icon, menu_place = REPORTS, "system_update", 30
    list_display = ["received_at", "station", "job", "status", "request_id"]
    list_filter = ["job", ("received_at", RangeDateTimeFilter)]


@admin.register(CertificateRequest)
class CertificateRequestAdmin(OfStationAdmin):
    menu_group, menu_icon, menu_place = REPORTS, "workspace_premium", 40
    list_display = ["received_at", "station", "digest"]
    list_filter = [("received_at", RangeDateTimeFilter)]
