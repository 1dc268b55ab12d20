"""The table and the export columns of security events."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cpms.common.web import formatting
from cpms.common.web.export import Cell
from cpms.common.web.tables import NUMBER_WIDE, WIDE, MomentColumn, Table, two_lines
from maintenance.security_events.labels import event_label
from maintenance.security_events.models import SecurityEvent


class SecurityEventTable(Table):
    """Security events; rows must have their station and `acknowledged_by` loaded, and `may_acknowledge` set."""

    type = tables.Column(verbose_name=gettext_lazy("Event"))
    station = tables.Column(verbose_name=gettext_lazy("Station"), attrs=WIDE)
    tech_info = tables.Column(verbose_name=gettext_lazy("Technical information"), empty_values=(), attrs=WIDE)
    state = tables.Column(verbose_name=gettext_lazy("Status"), empty_values=(), attrs={"td": {"class": "rhs"}})
    at = MomentColumn(verbose_name=gettext_lazy("Time"), seconds=True, orderable=True, attrs=NUMBER_WIDE)

    class Meta(Table.Meta):
        order_by = ()

    def render_type(self, record: SecurityEvent) -> SafeString:
        phone = format_html(
            '<span class="phone">{} · {}</span>', record.station.identity, formatting.moment(record.at, seconds=True)
        )
        label = event_label(record.type)
        name = "" if label == record.type else format_html('<span class="o nowrap">{}</span>', record.type)
        return two_lines(format_html('<span class="wrap">{}</span>', label), format_html("{}{}", name, phone))

    def render_station(self, record: SecurityEvent) -> SafeString:
        return two_lines(
            format_html('<a href="{}">{}</a>', record.station.get_absolute_url(), record.station.identity),
            record.station.name,
        )

    def render_tech_info(self, record: SecurityEvent) -> SafeString:
        if not record.tech_info:
            return formatting.dash(_("Not reported by the station."))
        return format_html('<span class="wrap muted">{}</span>', record.tech_info)

    def render_state(self, record: Any) -> SafeString:
        if not record.is_critical:
            return formatting.status("unknown", _("Not critical"))
        if record.acknowledged_at is not None:
            user = record.acknowledged_by or _("a former user")
            acknowledgement = acknowledged_by(user, record.acknowledged_at)
            return two_lines(formatting.status("good", _("Acknowledged")), acknowledgement)
        alert = formatting.status("bad", _("Alert"))
        if not record.may_acknowledge:
            return alert
        return format_html(
            '{} <button type="button" class="btn btn-sm" id="acknowledge-{}" hx-post="{}" hx-swap="none">{}</button>',
            alert,
            record.pk,
            reverse("maintenance:security_acknowledge", args=[record.pk]),
            _("Acknowledge"),
        )


def acknowledged_by(user: Any, at: datetime) -> SafeString:
    return format_html("{}, {}", user, formatting.moment(at))


SECURITY_EVENT_CELLS = [
    Cell(gettext_lazy("Time"), lambda event: event.at, is_time=True),
    Cell(gettext_lazy("Received"), lambda event: event.received_at, is_time=True),
    Cell(gettext_lazy("Station"), lambda event: event.station.identity),
    Cell(gettext_lazy("Event"), lambda event: event.type),
    Cell(gettext_lazy("Meaning"), lambda event: event_label(event.type)),
    Cell(gettext_lazy("Technical information"), lambda event: event.tech_info),
    Cell(gettext_lazy("Critical"), lambda event: event.is_critical),
    Cell(gettext_lazy("Acknowledged"), lambda event: event.acknowledged_at),
    Cell(gettext_lazy("Acknowledged by"), lambda event: event.acknowledged_by or ""),
]
