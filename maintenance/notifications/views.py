"""The notification bell, its page and the notification settings."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from cpms.common.text.typed import whole_number
from cpms.common.web.pages import AuthenticatedRequest, ListPage
from maintenance.notifications.filtersets import NotificationFilterSet
from maintenance.notifications.models import Notification
from maintenance.notifications.services import notifications
from maintenance.notifications.services.bell import unread
from maintenance.notifications.tables import NotificationTable

DESCRIPTIONS = {
    Notification.Kind.ALARM: gettext_lazy("A station reports tampering or a failed sign-in."),
    Notification.Kind.FAULT: gettext_lazy("A connector reports a fault."),
    Notification.Kind.AWAY: gettext_lazy("A station has been offline for 15 minutes."),
    Notification.Kind.GRANT: gettext_lazy("You or your team were granted access to a station or installation."),
}


class NotificationListView(ListPage):
    model = Notification
    table_class = NotificationTable
    filterset_class = NotificationFilterSet
    template_name = "maintenance/notifications/notification_list.html"
    is_newest_first = True

    def rows(self) -> QuerySet[Any]:
        return super().rows().select_related("event")

    def page_context(self, context: dict[str, Any]) -> dict[str, Any]:
        user: Any = self.request.user
        newest = Notification.objects.visible_to(user).unread().order_by("-pk").values_list("pk", flat=True).first()
        return {"newest": newest}


@login_required
@require_safe
def bell(request: AuthenticatedRequest) -> HttpResponse:
    """Render the bell again, for an open page."""
    return render(request, "maintenance/notifications/parts/bell.html", {"unread": unread(request.user)})


def _after(request: AuthenticatedRequest) -> HttpResponse:
    if request.htmx:
        return HttpResponse(status=204, headers={"HX-Trigger": '{"news": {}, "notified": {}}'})
    return redirect("portal:notification_list")


@login_required
@require_POST
def notification_read(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    rows = Notification.objects.visible_to(request.user).filter(pk=pk)
    get_object_or_404(rows)
    notifications.mark_read(user=request.user, notifications=rows)
    return _after(request)


@login_required
@require_POST
def notification_read_all(request: AuthenticatedRequest) -> HttpResponse:
    """Mark all notifications that the page showed as read. Later ones stay unread."""
    until = whole_number(request.POST.get("until", "")) or 0
    rows = Notification.objects.visible_to(request.user).filter(pk__lte=until)
    notifications.mark_read(user=request.user, notifications=rows)
    return _after(request)


@login_required
@require_http_methods(["GET", "POST"])
def notification_choices(request: AuthenticatedRequest) -> HttpResponse:
    """Show and save which kinds of notifications a user wants, and how."""
    if request.method == "POST":
        bells, mails = request.POST.getlist("bell"), request.POST.getlist("mail")
        notifications.save_notification_choices(user=request.user, bells=bells, mails=mails)
        messages.success(request, _("Notification settings saved."))
        return redirect("portal:notification_choices")
    chosen = notifications.notification_choices(request.user)
    rows = [
        {
            "kind": kind,
            "label": kind.label,
            "description": DESCRIPTIONS[kind],
            "bell": chosen[kind][0],
            "mail": chosen[kind][1],
            "has_mail": kind in notifications.KINDS_WITH_MAIL,
        }
        for kind in Notification.Kind
    ]
    return render(request, "maintenance/notifications/notification_choices.html", {"rows": rows})
