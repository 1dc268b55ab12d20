"""Tables and export columns of stations and connectors."""

from __future__ import annotations

from typing import Any, ClassVar

import django_tables2 as tables
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chargers.stations.models import ChargingStation, Connector, Presence
from chargers.stations.services import states
from chargers.stations.services.states import away_text
from chargers.vocabulary import error_label
from cpms.common.web import formatting
from cpms.common.web.export import Cell
from cpms.common.web.tables import NUMBER_WIDE, WIDE, MomentColumn, Table, two_lines


def status_badge(station: Any) -> states.StatusBadge:
    return states.station_badge(station, station.presence, list(station.connectors.all()))


def link(station: ChargingStation, within: str = "station") -> SafeString:
    return format_html(
        '<a href="{}" id="{}-{}">{}</a>', station.get_absolute_url(), within, station.pk, station.identity
    )


def row_class(record: Any) -> str:
    """Return the CSS class of a row, by which what is wrong stands out."""
    kind = status_badge(record).kind
    return f"row-{kind}" if kind in ("faulted", Presence.OFFLINE) else ""


class StationTable(Table):
    """Rows need the annotation `presence` and prefetched connectors."""

    identity = tables.Column(verbose_name=gettext_lazy("Station"), orderable=True)
    team = tables.Column(
        verbose_name=gettext_lazy("Team"), orderable=True, order_by=("team__name", "identity"), attrs=WIDE
    )
    installation = tables.Column(
        verbose_name=gettext_lazy("Installation"),
        empty_values=(),
        orderable=True,
        order_by=("installation__name", "identity"),
        attrs=WIDE,
    )
    status = tables.Column(
        verbose_name=gettext_lazy("Status"),
        empty_values=(),
        orderable=True,
        order_by=("status_rank", "-offline_since", "identity"),
        attrs={"td": {"class": "rhs"}},
    )
    model = tables.Column(
        verbose_name=gettext_lazy("Model · firmware"),
        empty_values=(),
        orderable=True,
        order_by=("vendor", "model", "firmware_version"),
        attrs=WIDE,
    )
    last_heard_at = MomentColumn(
        verbose_name=gettext_lazy("Last seen"),
        orderable=True,
        has_age=True,
        never=gettext_lazy("The station has never connected."),
        attrs=NUMBER_WIDE,
    )

    serial_number = tables.Column(
        verbose_name=gettext_lazy("Serial number"), empty_values=(), orderable=True, attrs=WIDE
    )
    protocol = tables.Column(verbose_name=gettext_lazy("Protocol"), orderable=True, attrs=WIDE)
    created_at = MomentColumn(verbose_name=gettext_lazy("Added"), orderable=True, has_age=True, attrs=NUMBER_WIDE)

    class Meta(Table.Meta):
        row_attrs: ClassVar = {"class": row_class}

    def render_identity(self, record: Any) -> SafeString:
        parts = [record.name] if record.name else []
        if getattr(record, "is_shared", False) and record.team is not None:
            parts.append(_("shared by %(team)s") % {"team": record.team.name})
        if record.deactivated_at is not None:
            parts.append(_("deactivated"))
        note = " · ".join(parts)
        if record.has_weak_password:
            return two_lines(link(record), format_html("{} {}", note, formatting.status("warn", _("Weak password"))))
        return two_lines(link(record), note)

    def render_serial_number(self, value: str) -> Any:
        return value or formatting.dash(_("The station has not booted yet."))

    def render_installation(self, record: ChargingStation) -> SafeString:
        if record.installation is None:
            return formatting.dash(_("The station is in no installation."))
        return two_lines(record.installation.name, record.installation.city_line)

    def render_status(self, record: Any) -> SafeString:
        badge = status_badge(record)
        note = " · ".join(filter(None, (away_text(record), badge.note)))
        return format_html(
            '<span data-v="st-{}">{}</span><span class="s">{}</span>', record.pk, badge.html, note or "\u00a0"
        )

    def render_model(self, record: ChargingStation) -> SafeString:
        name = f"{record.vendor} {record.model}".strip()
        return two_lines(name or formatting.dash(_("The station has not booted yet.")), record.firmware_version)


class ConnectorTable(Table):
    """Rows need their station and its `presence`."""

    station = tables.Column(
        verbose_name=gettext_lazy("Station"), orderable=True, order_by=("station__identity", "number")
    )
    number = tables.Column(verbose_name=gettext_lazy("No."), attrs={"th": {"class": "num o"}, "td": {"class": "num o"}})
    status = tables.Column(
        verbose_name=gettext_lazy("Status"),
        empty_values=(),
        orderable=True,
        order_by=("status_rank", "station__identity", "number"),
        attrs={"td": {"class": "rhs"}},
    )
    status_changed_at = tables.Column(
        verbose_name=gettext_lazy("Since"), orderable=True, empty_values=(), attrs=NUMBER_WIDE
    )

    class Meta(Table.Meta):
        order_by = "station"

    def render_station(self, record: Connector) -> SafeString:
        label = _("connector %(number)d") % {"number": record.number}
        return format_html(
            '{}<span class="s o">{}</span><span class="s phone">{}{}</span>',
            link(record.station, f"connector-{record.number}"),
            record.station.name or "\u00a0",
            label,
            f" · {record.station.name}" if record.station.name else "",
        )

    def render_status(self, record: Any) -> SafeString:
        badge = states.connector_badge(record, record.presence)
        return format_html(
            '<span data-v="st-{}">{}</span>{}', record.pk, badge.html, two_lines("", badge.note) if badge.note else ""
        )

    def render_status_changed_at(self, value: Any) -> SafeString:
        if value is None:
            return formatting.dash(_("The connector has not reported a status yet."))
        span = formatting.long_span(timezone.now() - value)
        return two_lines(formatting.moment(value, with_date=True), _("for %(span)s") % {"span": span})


STATION_CELLS = [
    Cell(gettext_lazy("Identity"), lambda station: station.identity, column="identity"),
    Cell(gettext_lazy("Name"), lambda station: station.name, column="identity"),
    Cell(gettext_lazy("Team"), lambda station: station.team.name if station.team else "", column="team"),
    Cell(
        gettext_lazy("Installation"),
        lambda station: station.installation.name if station.installation else "",
        column="installation",
    ),
    Cell(gettext_lazy("Connection"), lambda station: Presence(station.presence).label, column="status"),
    Cell(gettext_lazy("Status"), lambda station: status_badge(station).label, column="status"),
    Cell(gettext_lazy("Detail"), lambda station: status_badge(station).note_in_files, column="status"),
    Cell(gettext_lazy("Connectors"), lambda station: len(station.connectors.all()), column="status"),
    Cell(gettext_lazy("Vendor"), lambda station: station.vendor, column="model"),
    Cell(gettext_lazy("Model"), lambda station: station.model, column="model"),
    Cell(gettext_lazy("Firmware"), lambda station: station.firmware_version, column="model"),
    Cell(gettext_lazy("Serial number"), lambda station: station.serial_number, column="serial_number"),
    Cell(gettext_lazy("Protocol"), lambda station: station.get_protocol_display(), column="protocol"),
    Cell(gettext_lazy("Charge box serial number"), lambda station: station.charge_box_serial_number),
    Cell(gettext_lazy("Meter type"), lambda station: station.meter_type),
    Cell(gettext_lazy("Meter serial number"), lambda station: station.meter_serial_number),
    Cell("ICCID", lambda station: station.iccid),
    Cell(gettext_lazy("Weak password"), lambda station: station.has_weak_password, column="identity"),
    Cell(gettext_lazy("Last seen"), lambda station: station.last_heard_at, is_time=True, column="last_heard_at"),
    Cell(gettext_lazy("Added"), lambda station: station.created_at, is_time=True, column="created_at"),
]


CONNECTOR_CELLS = [
    Cell(gettext_lazy("Identity"), lambda connector: connector.station.identity, column="station"),
    Cell(gettext_lazy("Name"), lambda connector: connector.station.name, column="station"),
    Cell(gettext_lazy("Connector"), lambda connector: connector.number, column="number"),
    Cell(gettext_lazy("Connection"), lambda connector: Presence(connector.presence).label, column="status"),
    Cell(gettext_lazy("Status"), lambda connector: connector.get_status_display(), column="status"),
    Cell(gettext_lazy("Error"), lambda connector: error_label(connector.error_code), column="status"),
    Cell(
        gettext_lazy("Since"), lambda connector: connector.status_changed_at, is_time=True, column="status_changed_at"
    ),
]
