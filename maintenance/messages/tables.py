"""The table and the export columns of messages."""

from __future__ import annotations

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cpms.common.web import formatting
from cpms.common.web.export import Cell
from cpms.common.web.tables import WIDE, MomentColumn, Table
from maintenance.messages.labels import summary
from maintenance.messages.models import Message


def arrow(message: Message) -> SafeString:
    """Return an arrow for the direction of a message: up from the station, down to it."""
    if message.direction == Message.Direction.FROM_STATION:
        return format_html('<span class="in">{}</span>', formatting.icon("arrow-up-right", _("from the station")))
    return format_html('<span class="out">{}</span>', formatting.icon("arrow-down-left", _("to the station")))


class MessageTable(Table):
    action = tables.Column(verbose_name=gettext_lazy("Message"))
    station = tables.Column(verbose_name=gettext_lazy("Station"), attrs=WIDE)
    payload = tables.Column(verbose_name=gettext_lazy("Content"), attrs=WIDE)
    received_at = MomentColumn(
        verbose_name=gettext_lazy("Time"), seconds=True, attrs={"th": {"class": "num"}, "td": {"class": "num rhs"}}
    )

    class Meta(Table.Meta):
        order_by = ()

    def render_action(self, record: Message) -> SafeString:
        return format_html(
            '<span class="log">{}</span> <a href="{}" id="message-{}">{}</a><span class="s phone">{}</span>',
            arrow(record),
            reverse("maintenance:message_detail", args=[record.pk]),
            record.pk,
            record.action or _("(unreadable)"),
            record.station.identity,
        )

    def render_station(self, record: Message) -> SafeString:
        return format_html('<a href="{}">{}</a>', record.station.get_absolute_url(), record.station.identity)

    def render_payload(self, record: Message) -> SafeString:
        return format_html('<span class="wrap muted">{}</span>', summary(record))


MESSAGE_CELLS = [
    Cell(gettext_lazy("Time"), lambda message: message.received_at, is_time=True),
    Cell(gettext_lazy("Station"), lambda message: message.station.identity),
    Cell(gettext_lazy("Direction"), lambda message: message.get_direction_display()),
    Cell(gettext_lazy("Action"), lambda message: message.action),
    Cell(gettext_lazy("Message ID"), lambda message: message.message_id),
    Cell(gettext_lazy("Payload"), lambda message: message.payload),
    Cell(gettext_lazy("Response"), lambda message: message.answer),
    Cell(gettext_lazy("Error"), lambda message: message.error_code),
]
