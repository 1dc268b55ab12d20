"""The table of installations and the columns of its export."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from chargers.installations.models import Installation
from cpms.common.web.export import Cell
from cpms.common.web.formatting import dash, status
from cpms.common.web.tables import NUMBER_WIDE, WIDE, ExtraColumns, Table, two_lines

RIGHT_ON_PHONE = {"td": {"class": "rhs"}}


class InstallationTable(Table):
    name = tables.Column(verbose_name=_("Installation"), orderable=True)
    problem_count = tables.Column(
        verbose_name=_("Status"), orderable=True, order_by=("problem_count", "station_count"), attrs=RIGHT_ON_PHONE
    )
    address = tables.Column(
        verbose_name=_("Address"), empty_values=(), orderable=True, order_by=("city", "street"), attrs=WIDE
    )
    category = tables.Column(verbose_name=_("Category"), empty_values=(), orderable=True, attrs=WIDE)
    contact_name = tables.Column(verbose_name=_("Contact"), empty_values=(), orderable=True, attrs=WIDE)
    team = tables.Column(verbose_name=_("Team"), orderable=True, order_by=("team__name", "name"), attrs=WIDE)
    station_count = tables.Column(verbose_name=_("Stations"), orderable=True, attrs=NUMBER_WIDE)

    class Meta(Table.Meta):
        order_by = ("-problem_count", "name")

    def render_name(self, record: Installation) -> SafeString:
        link = format_html('<a href="{}">{}</a>', record.get_absolute_url(), record.name)
        return format_html('{}<span class="s phone">{}</span>', link, record.city)

    def render_problem_count(self, record: Any) -> SafeString:
        return health_cell(record)

    def render_address(self, record: Installation) -> SafeString:
        if not record.street and not record.city:
            return dash(gettext("No address entered."))
        return two_lines(record.street or record.city, record.city_line if record.street else "")

    def render_category(self, record: Installation) -> SafeString:
        parking = record.get_parking_display()
        if not record.category and not record.parking:
            return dash(gettext("No category chosen."))
        return two_lines(record.get_category_display() or parking, parking if record.category else "")

    def render_contact_name(self, record: Installation) -> SafeString:
        if not record.contact_name and not record.contact_phone:
            return dash(gettext("No contact entered."))
        return two_lines(
            record.contact_name or record.contact_phone, record.contact_phone if record.contact_name else ""
        )


def health_cell(installation: Any) -> SafeString:
    """Return the worst status among the stations of an installation, and how many of them are online."""
    stations, online = installation.station_count, installation.online_count
    offline = stations - online
    if not stations:
        return dash(gettext("No stations yet."))
    if installation.faulted_count:
        faulted = installation.faulted_count
        badge = status("faulted", ngettext("%(n)d faulted", "%(n)d faulted", faulted) % {"n": faulted})
    elif offline:
        badge = status("offline", ngettext("%(n)d offline", "%(n)d offline", offline) % {"n": offline})
    else:
        badge = status("online", gettext("All online"))
    return two_lines(badge, gettext("%(online)d of %(all)d online") % {"online": online, "all": stations})


class CircuitColumn(tables.Column):
    """The circuit of a station in the list of an installation's stations."""

    def render(self, record: Any) -> SafeString | str:
        return record.circuit.name if record.circuit else dash(gettext("Not on a circuit yet."))


CIRCUIT_COLUMN = ExtraColumns(
    {
        "circuit": CircuitColumn(
            verbose_name=_("Circuit"),
            empty_values=(),
            orderable=True,
            order_by=("circuit__name", "identity"),
            attrs=WIDE,
        )
    }
)
INSTALLATION_CELLS = [
    Cell(_("Name"), lambda place: place.name),
    Cell(_("Category"), lambda place: place.get_category_display()),
    Cell(_("Installation type"), lambda place: place.get_parking_display()),
    Cell(_("Street"), lambda place: place.street),
    Cell(_("Postal code"), lambda place: place.postal_code),
    Cell(_("City"), lambda place: place.city),
    Cell(_("Country"), lambda place: place.country),
    Cell(_("Latitude"), lambda place: place.latitude),
    Cell(_("Longitude"), lambda place: place.longitude),
    Cell(_("Time zone"), lambda place: str(place.zone)),
    Cell(_("Electrical grid type"), lambda place: place.grid_type),
    Cell(_("Phases"), lambda place: place.phases),
    Cell(_("Voltage (V)"), lambda place: place.voltage_v),
    Cell(_("Main breaker (A)"), lambda place: place.main_breaker_a),
    Cell(_("Contact"), lambda place: place.contact_name),
    Cell(_("Phone"), lambda place: place.contact_phone),
    Cell(_("Emergency contact"), lambda place: place.emergency_contact),
    Cell(_("Hotline for drivers"), lambda place: place.hotline),
    Cell(_("Opening hours"), lambda place: place.opening_hours),
    Cell(_("How to get there"), lambda place: place.access_notes),
    Cell(_("Team"), lambda place: place.team.name),
    Cell(_("Stations"), lambda place: place.station_count),
    Cell(_("Online"), lambda place: place.online_count),
    Cell(_("Faulted"), lambda place: place.faulted_count),
]
