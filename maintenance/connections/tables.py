"""Tables and export columns of refused connections and deviations."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from cpms.common.web import formatting
from cpms.common.web.export import Cell
from cpms.common.web.tables import NUMBER, NUMBER_WIDE, WIDE, MomentColumn, Table, two_lines
from maintenance.connections.labels import (
    cause_label,
    code_label,
    fix_label,
    model_url,
    of_row,
    offered_versions_label,
    rule_label,
)
from maintenance.connections.models import Deviation, RefusedConnection


class RefusalTable(Table):
    cause = tables.Column(verbose_name=gettext_lazy("Cause and fix"))
    identity = tables.Column(verbose_name=gettext_lazy("Station"), empty_values=(), attrs={"td": {"class": "rhs"}})
    remote_address = tables.Column(verbose_name=gettext_lazy("From"), empty_values=(), attrs=WIDE)
    subprotocols = tables.Column(verbose_name=gettext_lazy("Offered versions"), empty_values=(), attrs=WIDE)
    count = tables.Column(verbose_name=gettext_lazy("Count"), attrs=NUMBER_WIDE)
    last_at = MomentColumn(verbose_name=gettext_lazy("Last"), seconds=True, attrs=NUMBER_WIDE)

    class Meta(Table.Meta):
        order_by = ()

    def render_cause(self, record: RefusedConnection) -> SafeString:
        return two_lines(format_html('<span class="wrap">{}</span>', cause_label(record)), fix_label(record))

    def render_identity(self, record: RefusedConnection) -> SafeString:
        if record.station is not None:
            return format_html('<a href="{}">{}</a>', record.station.get_absolute_url(), record.station.identity)
        return format_html('<span class="mono wrap">{}</span>', record.identity or record.path)

    def render_remote_address(self, record: RefusedConnection) -> SafeString:
        address = record.remote_address or _("several addresses")
        return two_lines(format_html('<span class="mono">{}</span>', address), record.user_agent)

    def render_subprotocols(self, record: RefusedConnection) -> SafeString:
        return two_lines(*offered_versions_label(record))

    def render_count(self, record: RefusedConnection) -> str:
        return formatting.number(record.count)


def model_of(vendor: str, model: str) -> SafeString | str:
    return f"{vendor} {model}".strip() or formatting.dash(_("The station has not booted yet."))


class DeviationTable(Table):
    """Protocol violations; rows must have their station loaded."""

    what = tables.Column(verbose_name=gettext_lazy("Violation"), empty_values=())
    station = tables.Column(
        verbose_name=gettext_lazy("Station"),
        orderable=True,
        order_by=("station__identity",),
        attrs={"td": {"class": "rhs"}},
    )
    code = tables.Column(verbose_name=gettext_lazy("Our reply"), orderable=True, empty_values=(), attrs=WIDE)
    count = tables.Column(verbose_name=gettext_lazy("Count"), orderable=True, attrs=NUMBER_WIDE)
    first_at = MomentColumn(verbose_name=gettext_lazy("First"), orderable=True, attrs=NUMBER_WIDE)
    last_at = MomentColumn(verbose_name=gettext_lazy("Last"), orderable=True, attrs=NUMBER_WIDE)

    class Meta(Table.Meta):
        order_by = ()

    def render_what(self, record: Deviation) -> SafeString:
        return two_lines(format_html('<span class="wrap">{}</span>', rule_label(record)), record.action)

    def render_station(self, record: Deviation) -> SafeString:
        link = format_html('<a href="{}">{}</a>', record.station.get_absolute_url(), record.station.identity)
        times = ngettext("%(n)d time", "%(n)d times", record.count) % {"n": record.count}
        return format_html(
            '{}<span class="s o">{}</span><span class="s phone">{}</span>',
            link,
            model_of(record.station.vendor, record.station.model),
            times,
        )

    def render_code(self, record: Deviation) -> SafeString | str:
        return code_label(record) or formatting.dash(_("Several replies"))

    def render_count(self, record: Deviation) -> str:
        return formatting.number(record.count)


class DeviatingModelTable(Table):
    """Protocol violations summed up by model."""

    model = tables.Column(
        verbose_name=gettext_lazy("Model"),
        accessor="station__model",
        empty_values=(),
        orderable=True,
        order_by=("station__vendor", "station__model"),
    )
    stations = tables.Column(verbose_name=gettext_lazy("Stations"), orderable=True, attrs=NUMBER_WIDE)
    kinds = tables.Column(verbose_name=gettext_lazy("Rules"), orderable=True, attrs=NUMBER_WIDE)
    times = tables.Column(verbose_name=gettext_lazy("Count"), orderable=True, attrs=NUMBER)
    last = MomentColumn(verbose_name=gettext_lazy("Last"), orderable=True, attrs=NUMBER_WIDE)

    class Meta(Table.Meta):
        order_by = "-times"

    def render_model(self, record: dict[str, Any]) -> SafeString:
        vendor, model = record["station__vendor"], record["station__model"]
        url = model_url(vendor, model)
        if not url:
            return two_lines(model_of("", ""), "")
        return two_lines(format_html('<a href="{}">{}</a>', url, model or vendor), vendor if model else "")

    def render_stations(self, value: int) -> str:
        return formatting.number(value)

    def render_kinds(self, value: int) -> str:
        return formatting.number(value)

    def render_times(self, value: int) -> str:
        return formatting.number(value)


REFUSAL_CELLS = [
    Cell(gettext_lazy("Cause"), cause_label),
    Cell(gettext_lazy("Fix"), fix_label),
    Cell(gettext_lazy("Station"), lambda refusal: refusal.station.identity if refusal.station else ""),
    Cell(gettext_lazy("Identity"), lambda refusal: refusal.identity),
    Cell(gettext_lazy("Path"), lambda refusal: refusal.path),
    Cell(gettext_lazy("From"), lambda refusal: refusal.remote_address),
    Cell(gettext_lazy("Client"), lambda refusal: refusal.user_agent),
    Cell(gettext_lazy("Offered versions"), lambda refusal: refusal.subprotocols),
    Cell(gettext_lazy("Encrypted"), lambda refusal: refusal.is_tls),
    Cell(gettext_lazy("Authentication"), lambda refusal: refusal.authentication),
    Cell(gettext_lazy("Count"), lambda refusal: refusal.count),
    Cell(gettext_lazy("First"), lambda refusal: refusal.first_at, is_time=True),
    Cell(gettext_lazy("Last"), lambda refusal: refusal.last_at, is_time=True),
]


DEVIATION_CELLS = [
    Cell(gettext_lazy("Station"), lambda deviation: deviation.station.identity),
    Cell(gettext_lazy("Vendor"), lambda deviation: deviation.station.vendor),
    Cell(gettext_lazy("Model"), lambda deviation: deviation.station.model),
    Cell(gettext_lazy("Firmware"), lambda deviation: deviation.station.firmware_version),
    Cell(gettext_lazy("Action"), lambda deviation: deviation.action),
    Cell(gettext_lazy("Violation"), rule_label),
    Cell(gettext_lazy("Rule"), lambda deviation: deviation.what),
    Cell(gettext_lazy("Our reply"), code_label),
    Cell(gettext_lazy("Our handling"), lambda deviation: of_row(deviation).treatment),
    Cell(gettext_lazy("Count"), lambda deviation: deviation.count),
    Cell(gettext_lazy("First"), lambda deviation: deviation.first_at, is_time=True),
    Cell(gettext_lazy("Last"), lambda deviation: deviation.last_at, is_time=True),
]


DEVIATING_MODEL_CELLS = [
    Cell(gettext_lazy("Vendor"), lambda row: row["station__vendor"]),
    Cell(gettext_lazy("Model"), lambda row: row["station__model"]),
    Cell(gettext_lazy("Stations"), lambda row: row["stations"]),
    Cell(gettext_lazy("Rules"), lambda row: row["kinds"]),
    Cell(gettext_lazy("Count"), lambda row: row["times"]),
    Cell(gettext_lazy("Last"), lambda row: row["last"], is_time=True),
]
