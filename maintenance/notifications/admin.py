"""Notifications and alarm e-mails in Django admin."""

from __future__ import annotations

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from unfold.contrib.filters.admin import RangeDateTimeFilter

from cpms.common.web.admin import REPORTS, ReportAdmin
from maintenance.notifications.models import AlarmMail, Notification, NotificationChoice
from maintenance.notifications.services import alarms


@admin.register(AlarmMail)
class AlarmMailAdmin(ReportAdmin):
    """Unsent e-mails are retried for two days. After that, staff can retry them here."""

    menu_group, menu_icon, menu_place = REPORTS, "mail", 25
    list_display = ["created_at", "team", "user", "subject", "sent_at", "attempts", "error"]
    list_filter = [("sent_at", admin.EmptyFieldListFilter), ("created_at", RangeDateTimeFilter)]
    list_select_related = ["team", "user"]
    search_fields = ["subject", "user__email", "team__name"]
    actions = ["retry"]

    @admin.action(description=_("Try again"))
    def retry(self, request: HttpRequest, queryset: QuerySet[AlarmMail]) -> None:
        count = alarms.retry_mails(AlarmMail.objects.filter(pk__in=queryset.order_by().values("pk")))
        text = ngettext("%(count)d e-mail will be retried.", "%(count)d e-mails will be retried.", count)
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
    """Chosen by each user."""

    menu_group, menu_icon, menu_place = REPORTS, "notifications_off", 28
    list_display = ["user", "kind", "bell", "mail"]
    list_filter = ["kind", "bell", "mail"]
    list_select_related = ["user"]
    search_fields = ["user__email"]
