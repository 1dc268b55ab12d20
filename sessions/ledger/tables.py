"""The table and the export columns of sessions."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

import django_tables2 as tables
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chargers.vocabulary import stop_reason_label
from cpms.common.web import formatting
from cpms.common.web.export import Cell
from cpms.common.web.tables import NUMBER_WIDE, WIDE, Table, two_lines
from sessions.ledger.labels import authorization_label, not_billed_cell
from sessions.ledger.models import ChargingSession, flag_labels
from sessions.ledger.services.charging import is_fresh


def status_badge(session: ChargingSession) -> SafeString:
    """Return the status of a session as a badge; its title explains why the session needs review."""
    if session.is_open:
        if session.power_w and is_fresh(session):
            return formatting.status("charging", _("Charging"), is_live=True)
        return formatting.status(
            "preparing", _("Running"), title=_("The session is in progress, but no power was measured recently.")
        )
    if session.has_flags:
        return formatting.status("warn", _("Needs review"), title=", ".join(session.flag_labels))
    return formatting.status("good", _("Completed"))


class SessionTable(Table):
    number = tables.Column(verbose_name=gettext_lazy("Session"), accessor="pk")
    state = tables.Column(verbose_name=gettext_lazy("Status"), empty_values=(), attrs={"td": {"class": "rhs"}})
    started_at = tables.Column(verbose_name=gettext_lazy("Start"), orderable=True, attrs=WIDE)
    tag = tables.Column(verbose_name=gettext_lazy("Tag"), empty_values=(), attrs=WIDE)
    duration = tables.Column(verbose_name=gettext_lazy("Duration"), empty_values=(), attrs=NUMBER_WIDE)
    energy_wh = tables.Column(verbose_name="kWh", orderable=True, attrs=NUMBER_WIDE)
    max_power_w = tables.Column(
        verbose_name=gettext_lazy("Max. kW"), orderable=True, empty_values=(), attrs=NUMBER_WIDE
    )

    class Meta(Table.Meta):
        order_by = ()

    def render_number(self, record: ChargingSession) -> SafeString:
        link = format_html(
            '<a href="{}" id="session-{}" class="nowrap">{}</a>',
            record.get_absolute_url(),
            record.pk,
            formatting.grouped(record.pk),
        )
        return two_lines(link, self.location(record))

    def location(self, session: ChargingSession) -> str:
        if not session.connector_number:
            return str(session.station)
        return _("%(station)s, connector %(number)d") % {
            "station": session.station,
            "number": session.connector_number,
        }

    def render_state(self, record: ChargingSession) -> SafeString:
        flags = record.flag_labels
        note = flags[0] if flags else ""
        return format_html(
            '<span data-v="st-{}">{}</span><span class="s o">{}</span><span class="s phone">{} kWh</span>',
            record.pk,
            status_badge(record),
            note or "\u00a0",
            formatting.kwh(record.energy_wh),
        )

    def render_started_at(self, record: ChargingSession) -> SafeString:
        at = format_html(
            '<time class="nowrap" datetime="{}" title="{}">{}</time>',
            record.started_at.isoformat(),
            formatting.full_time(record.started_at),
            formatting.date_time(record.started_at),
        )
        end = (
            _("to %(time)s") % {"time": formatting.short_time(record.stopped_at)}
            if record.stopped_at
            else _("in progress")
        )
        return two_lines(at, end)

    def render_tag(self, record: ChargingSession) -> SafeString:
        if record.tag is not None and record.tag.label:
            return two_lines(record.tag.label, format_html('<span class="mono">{}</span>', record.id_tag))
        if not record.id_tag:
            return formatting.dash(_("The station sent no tag."))
        return format_html('<span class="mono wrap">{}</span>', record.id_tag)

    def render_duration(self, record: ChargingSession) -> SafeString:
        return format_html(
            '<span title="{}">{}</span>', _("days:hours:minutes:seconds"), formatting.dhms(record.duration)
        )

    def render_energy_wh(self, record: ChargingSession) -> SafeString:
        return format_html(
            '<span data-v="kwh-{}" title="{} Wh">{}</span>',
            record.pk,
            formatting.number(record.energy_wh),
            formatting.kwh(record.energy_wh),
        )

    def render_max_power_w(self, record: ChargingSession) -> SafeString | str:
        if record.max_power_w is None:
            return formatting.dash(_("The station does not measure its power."))
        return formatting.kw(record.max_power_w)


class StationSessionTable(SessionTable):
    """Sessions on the station's own page, without the name of the station in each row."""

    class Meta(SessionTable.Meta):
        exclude = ("max_power_w",)
        attrs = {"class": "tbl cardtbl still"}

    def location(self, session: ChargingSession) -> str:
        return _("connector %(number)d") % {"number": session.connector_number} if session.connector_number else ""


def duration_cell(started_at: datetime, stopped_at: datetime | None) -> str:
    """Return the duration until now or the end, never negative, as in `ChargingSession.duration`."""
    return formatting.dhms((stopped_at or timezone.now()) - started_at)


def kwh_cell(energy_wh: int) -> Decimal:
    return round(Decimal(energy_wh) / 1000, 2)


def flags_cell(flags: list[str]) -> str:
    return ", ".join(flag_labels(flags)) if flags else ""


def as_reported_cell(name: str) -> Callable[[dict[str, str] | None], str]:
    """Return a function for the value as the station reported it, if it was interpreted differently."""
    return lambda as_reported: (as_reported or {}).get(name, "")


SESSION_CELLS = [  # by field, without model instances, because an export may have a million rows
    Cell(gettext_lazy("Session"), None, ["pk"]),
    Cell(gettext_lazy("Station"), None, ["station__identity"]),
    Cell(gettext_lazy("Station name"), None, ["station__name"]),
    Cell(gettext_lazy("Connector"), None, ["connector_number"]),
    Cell(gettext_lazy("Tag"), None, ["id_tag"]),
    Cell(gettext_lazy("Tag label"), None, ["tag__label"]),
    Cell(gettext_lazy("Start"), None, ["started_at"], is_time=True),
    Cell(gettext_lazy("End"), None, ["stopped_at"], is_time=True),
    Cell(gettext_lazy("Duration (d:h:m:s)"), duration_cell, ["started_at", "stopped_at"]),
    Cell(gettext_lazy("Energy (kWh)"), kwh_cell, ["energy_wh"]),
    Cell(gettext_lazy("Energy (Wh)"), None, ["energy_wh"]),
    Cell(gettext_lazy("Max. power (W)"), None, ["max_power_w"]),
    Cell(gettext_lazy("Meter start (Wh)"), None, ["meter_start_wh"]),
    Cell(gettext_lazy("Meter end (Wh)"), None, ["meter_stop_wh"]),
    Cell(gettext_lazy("State of charge (%)"), None, ["state_of_charge"]),
    Cell(gettext_lazy("Ended by"), stop_reason_label, ["stop_reason"]),
    Cell(gettext_lazy("Authorization"), authorization_label, ["authorization"]),
    Cell(gettext_lazy("Needs review because"), flags_cell, ["flags"]),
    Cell(
        gettext_lazy("Not billed because"),
        not_billed_cell,
        ["is_billable", "authorization", "flags", "start_received_at"],
    ),
    Cell(gettext_lazy("Start by the station's clock"), None, ["reported_started_at"], is_time=True),
    Cell(gettext_lazy("End by the station's clock"), None, ["reported_stopped_at"], is_time=True),
    Cell(gettext_lazy("Meter start as reported"), as_reported_cell("meter_start"), ["as_reported"]),
    Cell(gettext_lazy("Meter end as reported"), as_reported_cell("meter_stop"), ["as_reported"]),
]
