"""Columns with current power and energy, for the lists of stations and connectors."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from cpms.common.web import formatting
from cpms.common.web.tables import NUMBER_WIDE, ExtraColumns
from sessions.ledger.services.running import attach_power, attach_sessions


class PowerColumn(tables.Column):
    """The current power of a station or connector, if known."""

    def __init__(self) -> None:
        super().__init__(verbose_name="kW", empty_values=(), attrs=NUMBER_WIDE)

    def render(self, record: Any) -> SafeString:
        source = record.session if hasattr(record, "session") else record
        power_w = getattr(source, "power_w", None)
        if power_w is None:
            return formatting.dash(_("No session is running, or the station does not measure its power."))
        return format_html('<span data-v="kw-{}">{}</span>', record.pk, formatting.kw(power_w))


class EnergyColumn(tables.Column):
    """The energy of the running session of a connector, linked to that session."""

    def __init__(self) -> None:
        super().__init__(verbose_name="kWh", empty_values=(), attrs=NUMBER_WIDE)

    def render(self, record: Any) -> SafeString:
        if record.session is None:
            return formatting.dash(_("No session is running."))
        return format_html(
            '<a href="{}" title="{}">{}</a>',
            record.session.get_absolute_url(),
            _("Open the session"),
            formatting.kwh(record.session.energy_wh),
        )


STATION_POWER = ExtraColumns({"power": PowerColumn()}, attach_power, before="model")
CONNECTOR_POWER = ExtraColumns({"power": PowerColumn()}, attach_sessions)
CONNECTOR_USAGE = ExtraColumns({"power": PowerColumn(), "energy": EnergyColumn()}, attach_sessions)
