"""Columns about sessions, for the lists of stations, connectors and tags."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from urllib.parse import urlencode

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cpms.common.web import formatting
from cpms.common.web.export import Cell
from cpms.common.web.tables import NUMBER_WIDE, WIDE, ExtraColumns
from sessions.ledger.services.running import attach_power, attach_sessions, attach_tag_usage


def _power_w(record: Any) -> int | None:
    """Return the power of a station or of a connector's session, if known."""
    source = record.session if hasattr(record, "session") else record
    power_w: int | None = getattr(source, "power_w", None)
    return power_w


def _in_thousands(value: int | None) -> Decimal | None:
    return None if value is None else Decimal(value) / 1000


class PowerColumn(tables.Column):
    """The current power of a station or connector, if known."""

    def __init__(self) -> None:
        super().__init__(verbose_name="kW", empty_values=(), attrs=NUMBER_WIDE)

    def render(self, record: Any) -> SafeString:
        power_w = _power_w(record)
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


class SessionCountColumn(tables.Column):
    """The number of sessions with a tag, linked to them."""

    def __init__(self) -> None:
        super().__init__(verbose_name=gettext_lazy("Sessions"), empty_values=(), orderable=False, attrs=NUMBER_WIDE)

    def render(self, record: Any) -> SafeString:
        if not record.session_count:
            return formatting.dash(_("Not used yet."))
        url = f"{reverse('sessions:session_list')}?{urlencode({'id_tag': record.value})}"
        return format_html('<a href="{}">{}</a>', url, formatting.number(record.session_count))


class LastUsedColumn(tables.Column):
    """When the last session with a tag started."""

    def __init__(self) -> None:
        super().__init__(verbose_name=gettext_lazy("Last used"), empty_values=(), orderable=False, attrs=WIDE)

    def render(self, record: Any) -> SafeString:
        return formatting.moment(record.last_used_at, never=_("Not used yet."))


TAG_USAGE = ExtraColumns({"last_used": LastUsedColumn(), "sessions": SessionCountColumn()}, attach_tag_usage)
POWER = Cell(gettext_lazy("Power (kW)"), lambda row: _in_thousands(_power_w(row)), column="power")
ENERGY = Cell(
    gettext_lazy("Energy (kWh)"), lambda row: _in_thousands(row.session and row.session.energy_wh), column="energy"
)
STATION_POWER = ExtraColumns({"power": PowerColumn()}, attach_power, before="model", cells=[POWER])
CONNECTOR_POWER = ExtraColumns({"power": PowerColumn()}, attach_sessions)
CONNECTOR_USAGE = ExtraColumns(
    {"power": PowerColumn(), "energy": EnergyColumn()}, attach_sessions, cells=[POWER, ENERGY]
)
