"""The table and the export columns of energy outside sessions."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cpms.common.web import formatting
from cpms.common.web.export import Cell
from cpms.common.web.tables import NUMBER_WIDE, WIDE, Table, two_lines


class GapTable(Table):
    """The gaps between sessions. Rows are sessions annotated by `with_gaps`."""

    place = tables.Column(
        verbose_name=gettext_lazy("Connector"),
        accessor="station",
        orderable=True,
        order_by=("station__identity", "connector_number", "started_at"),
    )
    gap_wh = tables.Column(
        verbose_name="kWh", orderable=True, attrs={"th": {"class": "num"}, "td": {"class": "num rhs"}}
    )
    before = tables.Column(verbose_name=gettext_lazy("Previous session"), empty_values=(), attrs=WIDE)
    before_stop_wh = tables.Column(verbose_name=gettext_lazy("End reading (Wh)"), attrs=NUMBER_WIDE)
    after = tables.Column(
        verbose_name=gettext_lazy("Next session"),
        empty_values=(),
        orderable=True,
        order_by=("started_at",),
        attrs=WIDE,
    )
    meter_start_wh = tables.Column(verbose_name=gettext_lazy("Start reading (Wh)"), attrs=NUMBER_WIDE)

    class Meta(Table.Meta):
        order_by = ()

    def render_place(self, record: Any) -> SafeString:
        link = format_html('<a href="{}">{}</a>', record.station.get_absolute_url(), record.station.identity)
        number = _("connector %(number)d") % {"number": record.connector_number}
        after = format_html(
            '<a class="phone" href="{}">{}</a>',
            record.get_absolute_url(),
            _("before session %(number)s") % {"number": record.pk},
        )
        return two_lines(link, format_html("{} {}", number, after))

    def render_gap_wh(self, record: Any) -> SafeString:
        sign = "+" if record.gap_wh > 0 else "\u2212"
        kind = _("outside sessions") if record.gap_wh > 0 else _("meter went backwards")
        return format_html(
            '<span title="{} Wh">{}{}</span><span class="s">{}</span>',
            formatting.number(record.gap_wh),
            sign,
            formatting.kwh(abs(record.gap_wh)),
            kind,
        )

    def render_before(self, record: Any) -> SafeString:
        url = reverse("sessions:session_detail", args=[record.before_id])
        link = format_html('<a href="{}" class="nowrap">{}</a>', url, formatting.grouped(record.before_id))
        return two_lines(link, _("ended %(time)s") % {"time": formatting.date_time(record.before_stopped_at)})

    def render_after(self, record: Any) -> SafeString:
        link = format_html(
            '<a href="{}" class="nowrap">{}</a>', record.get_absolute_url(), formatting.grouped(record.pk)
        )
        return two_lines(link, _("started %(time)s") % {"time": formatting.date_time(record.started_at)})

    def render_before_stop_wh(self, value: int) -> str:
        return formatting.number(value)

    def render_meter_start_wh(self, value: int) -> str:
        return formatting.number(value)


GAP_CELLS = [
    Cell(gettext_lazy("Station"), lambda session: session.station.identity),
    Cell(gettext_lazy("Station name"), lambda session: session.station.name),
    Cell(gettext_lazy("Connector"), lambda session: session.connector_number),
    Cell(gettext_lazy("Previous session"), lambda session: session.before_id),
    Cell(gettext_lazy("Previous session ended"), lambda session: session.before_stopped_at, is_time=True),
    Cell(gettext_lazy("End reading (Wh)"), lambda session: session.before_stop_wh),
    Cell(gettext_lazy("Next session"), lambda session: session.pk),
    Cell(gettext_lazy("Next session started"), lambda session: session.started_at, is_time=True),
    Cell(gettext_lazy("Start reading (Wh)"), lambda session: session.meter_start_wh),
    Cell(gettext_lazy("Gap (Wh)"), lambda session: session.gap_wh),
    Cell(gettext_lazy("Gap (kWh)"), lambda session: Decimal(session.gap_wh) / 1000),
]
