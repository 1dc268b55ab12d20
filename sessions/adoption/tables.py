"""The table of refused tags."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cpms.common.web import formatting
from cpms.common.web.tables import NUMBER, NUMBER_WIDE, WIDE, MomentColumn, Table, two_lines


class RefusedTagTable(Table):
    value = tables.Column(verbose_name=gettext_lazy("RFID tag"), orderable=True)
    reason = tables.Column(verbose_name=gettext_lazy("Reason"), attrs=WIDE)
    station = tables.Column(verbose_name=gettext_lazy("Last station"), empty_values=(), attrs=WIDE)
    last_at = MomentColumn(verbose_name=gettext_lazy("Last refused"), orderable=True, attrs=WIDE)
    times = tables.Column(verbose_name=gettext_lazy("Times"), orderable=True, attrs=NUMBER_WIDE)
    sessions = tables.Column(verbose_name=gettext_lazy("Sessions"), empty_values=(), attrs=NUMBER_WIDE)
    energy = tables.Column(verbose_name="kWh", empty_values=(), attrs=NUMBER_WIDE)
    decide = tables.TemplateColumn(
        template_name="sessions/adoption/parts/decide.html", verbose_name="", empty_values=(), attrs=NUMBER
    )

    class Meta(Table.Meta):
        order_by = "-last_at"

    def render_value(self, record: Any) -> SafeString:
        shown = format_html('<span class="mono">{}</span>', record.value)
        if record.tag is None:
            return two_lines(shown, _("Unknown tag"))
        link = format_html('<a href="{}">{}</a>', record.tag.get_absolute_url(), record.tag.label or _("Show tag"))
        return two_lines(shown, link)

    def render_station(self, record: Any) -> SafeString:
        if record.station is None:
            return formatting.dash(_("The station was deleted."))
        link = format_html('<a href="{}">{}</a>', record.station.get_absolute_url(), record.station.identity)
        return two_lines(link, record.station.name)

    def render_times(self, record: Any) -> str:
        return formatting.number(record.times)

    def render_sessions(self, record: Any) -> SafeString:
        if not record.session_count:
            return formatting.dash(_("No session is waiting for a decision."))
        url = f"{reverse('sessions:session_list')}?{urlencode({'id_tag': record.value})}"
        return format_html('<a href="{}">{}</a>', url, formatting.number(record.session_count))

    def render_energy(self, record: Any) -> str | SafeString:
        return formatting.kwh(record.energy_wh) if record.session_count else formatting.dash()
