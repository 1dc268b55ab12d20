"""The notification bell and its page."""

from __future__ import annotations

from typing import Any

import django_filters
import django_tables2 as tables
from django import forms
from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from accounts.models import User
from cpms.common.web import formatting as look
from cpms.common.web.pages import AuthenticatedRequest, ListPage
from cpms.common.web.tables import WIDE, MomentColumn, Table
from maintenance import services
from maintenance.models import Notification
from maintenance.words import notification_words

MOST_COUNTED = 99
COLOURS = {
    Notification.Kind.ALARM: "bad",
    Notification.Kind.FAULT: "faulted",
    Notification.Kind.AWAY: "offline",
    Notification.Kind.GRANT: "good",
}
WHAT = {
    Notification.Kind.ALARM: gettext_lazy("A station reports that somebody tampers with it, or a login that fails."),
    Notification.Kind.FAULT: gettext_lazy("A connector reports a fault."),
    Notification.Kind.AWAY: gettext_lazy("A station has not been heard of for 15 minutes."),
    Notification.Kind.GRANT: gettext_lazy("Somebody gave you or your team access to a station or installation."),
}
WITH_END = (Notification.Kind.FAULT, Notification.Kind.AWAY)  # of the others nothing goes on
SELECT = forms.Select(attrs={"class": "form-select"})


def unread(user: User) -> str:
    """Return how many are not read, as the bell shows it; empty for none."""
    count = Notification.objects.visible_to(user).unread().order_by()[: MOST_COUNTED + 1].count()
    return f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count or "")


class NotificationFilterSet(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(label=gettext_lazy("Kind"), choices=Notification.Kind.choices, widget=SELECT)
    state = django_filters.ChoiceFilter(
        label=gettext_lazy("State"),
        choices=[("unread", gettext_lazy("Not read")), ("read", gettext_lazy("Read"))],
        method="by_state",
        widget=SELECT,
    )

    class Meta:
        model = Notification
        fields: list[str] = []

    def by_state(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(read_at__isnull=value == "unread")


class NotificationTable(Table):
    what = tables.Column(verbose_name=gettext_lazy("What happened"), empty_values=())
    kind = tables.Column(verbose_name=gettext_lazy("Kind"), attrs={"td": {"class": "rhs"}})
    created_at = MomentColumn(verbose_name=gettext_lazy("Time"), attrs=WIDE)
    read = tables.TemplateColumn(
        template_name="portal/parts/notification_read.html",
        verbose_name=gettext_lazy("Read"),
        attrs={"td": {"class": "do"}},
    )

    class Meta(Table.Meta):
        order_by = ()

    def render_what(self, record: Notification) -> SafeString | str:
        text = notification_words(record)
        linked = format_html('<a href="{}">{}</a>', record.link, text) if record.link else text
        shown = linked if record.read_at else format_html("<b>{}</b>", linked)
        return format_html('{} <span class="muted">{}</span>', shown, ended) if (ended := ended_text(record)) else shown

    def render_kind(self, record: Notification) -> SafeString:
        return look.status(COLOURS[Notification.Kind(record.kind)], record.get_kind_display())


def ended_text(notification: Notification) -> str:
    """Return until when it went on, where it is over."""
    if notification.event is None or notification.event.ended_at is None or notification.kind not in WITH_END:
        return ""
    return _("Ended at %(time)s") % {"time": look.short_time(notification.event.ended_at)}


class NotificationListView(ListPage):
    model = Notification
    table_class = NotificationTable
    filterset_class = NotificationFilterSet
    template_name = "portal/notification_list.html"
    is_newest_first = True

    def rows(self) -> QuerySet[Any]:
        return super().rows().select_related("event")

    def facts(self, context: dict[str, Any]) -> dict[str, Any]:
        user: Any = self.request.user
        newest = Notification.objects.visible_to(user).unread().order_by("-pk").values_list("pk", flat=True).first()
        return {"newest": newest}


@login_required
@require_safe
def bell(request: AuthenticatedRequest) -> HttpResponse:
    """Its number, for an open page."""
    return render(request, "portal/parts/bell.html", {"unread": unread(request.user)})


def _after(request: AuthenticatedRequest) -> HttpResponse:
    if request.htmx:
        return HttpResponse(status=204, headers={"HX-Trigger": '{"news": {}, "notified": {}}'})
    return redirect("portal:notification_list")


@login_required
@require_POST
def notification_read(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    rows = Notification.objects.visible_to(request.user).filter(pk=pk)
    get_object_or_404(rows)
    services.mark_read(user=request.user, notifications=rows)
    return _after(request)


@login_required
@require_POST
def notification_read_all(request: AuthenticatedRequest) -> HttpResponse:
    """All that the page showed: what came meanwhile stays unread."""
    until = request.POST.get("until", "")
    last = int(until) if until.isdecimal() and len(until) < 18 else 0
    services.mark_read(
        user=request.user, notifications=Notification.objects.visible_to(request.user).filter(pk__lte=last)
    )
    return _after(request)


@login_required
@require_http_methods(["GET", "POST"])
def notification_choices(request: AuthenticatedRequest) -> HttpResponse:
    """Of which kinds of news a person wants to hear, and how."""
    if request.method == "POST":
        bells, mails = request.POST.getlist("bell"), request.POST.getlist("mail")
        services.choose_notifications(user=request.user, bells=bells, mails=mails)
        messages.success(request, _("Notification settings saved."))
        return redirect("portal:notification_choices")
    chosen = services.chosen_notifications(request.user)
    rows = [
        {
            "kind": kind,
            "label": kind.label,
            "what": WHAT[kind],
            "bell": chosen[kind][0],
            "mail": chosen[kind][1],
            "has_mail": kind in services.KINDS_WITH_MAIL,
        }
        for kind in Notification.Kind
    ]
    return render(request, "portal/notification_choices.html", {"rows": rows})
