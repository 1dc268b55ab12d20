"""The table of notifications."""

from __future__ import annotations

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cpms.common.web import formatting
from cpms.common.web.tables import WIDE, MomentColumn, Table
from maintenance.notifications.labels import notification_text
from maintenance.notifications.models import Notification

COLOURS = {
    Notification.Kind.ALARM: "bad",
    Notification.Kind.FAULT: "faulted",
    Notification.Kind.AWAY: "offline",
    Notification.Kind.GRANT: "good",
}


KINDS_WITH_END = (Notification.Kind.FAULT, Notification.Kind.AWAY)  # kinds of conditions that last


class NotificationTable(Table):
    what = tables.Column(verbose_name=gettext_lazy("Event"), empty_values=())
    kind = tables.Column(verbose_name=gettext_lazy("Kind"), attrs={"td": {"class": "rhs"}})
    created_at = MomentColumn(verbose_name=gettext_lazy("Time"), attrs=WIDE)
    read = tables.TemplateColumn(
        template_name="maintenance/notifications/parts/notification_read.html",
        verbose_name=gettext_lazy("Read"),
        attrs={"td": {"class": "do"}},
    )

    class Meta(Table.Meta):
        order_by = ()

    def render_what(self, record: Notification) -> SafeString | str:
        text = notification_text(record)
        linked = format_html('<a href="{}">{}</a>', record.link, text) if record.link else text
        shown = linked if record.read_at else format_html("<b>{}</b>", linked)
        return format_html('{} <span class="muted">{}</span>', shown, ended) if (ended := ended_text(record)) else shown

    def render_kind(self, record: Notification) -> SafeString:
        return formatting.status(COLOURS[Notification.Kind(record.kind)], record.get_kind_display())


def ended_text(notification: Notification) -> str:
    """Return when the reported condition ended, or an empty text if it lasts or has no end."""
    if notification.event is None or notification.event.ended_at is None or notification.kind not in KINDS_WITH_END:
        return ""
    return _("Ended at %(time)s") % {"time": formatting.short_time(notification.event.ended_at)}
