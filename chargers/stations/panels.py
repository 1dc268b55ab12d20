"""The lists of stations and connectors for pages of several apps, and the panels of a station's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy, ngettext

from accounts.access.rights import Can
from accounts.models import User
from chargers.stations.filtersets import ConnectorFilterSet, StationFilterSet
from chargers.stations.models import ChargingStation, Connector
from chargers.stations.services import overview
from chargers.stations.services.activity import set_stations_active
from chargers.stations.services.ownership import is_own
from chargers.stations.services.ratings import rating_label
from chargers.stations.services.states import connector_badge, station_badge, with_attention, with_status_rank
from chargers.stations.tables import CONNECTOR_CELLS, STATION_CELLS, ConnectorTable, StationTable
from cpms.common.web.bulk import BulkAction
from cpms.common.web.pages import ListPage
from cpms.common.web.panels import Panel
from cpms.common.web.tables import ExtraColumns, extended

WRONG_FIRST = ("attention", "-offline_since", "identity")


class StationList(ListPage):
    """The stations that a user may see; a page adds its template and the columns of other apps."""

    model = ChargingStation
    table_class = StationTable
    filterset_class = StationFilterSet
    optional_columns = ("serial_number", "protocol", "created_at")
    export_name = "stations"
    export_cells = STATION_CELLS

    def rows(self) -> QuerySet[Any]:
        visible = ChargingStation.objects.visible_to
        if self.request.GET.get("deactivated"):
            visible = ChargingStation.objects.visible_with_deactivated
        stations = visible(self.request.user).with_presence()
        rows = stations.select_related("team", "installation").prefetch_related("connectors")
        return with_attention(rows).defer("password", "next_password").order_by(*WRONG_FIRST)

    def export_rows(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return rows.order_by("identity")  # read in parts by key

    def decorate(self, records: list[Any]) -> None:
        user: Any = self.request.user
        for station in records:
            station.is_tickable = is_own(station, user)
            station.is_shared = not station.is_tickable


class ConnectorList(ListPage):
    """The connectors that a user may see; a page adds its template and the columns of other apps."""

    model = Connector
    table_class = ConnectorTable
    filterset_class = ConnectorFilterSet
    export_name = "connectors"
    export_cells = CONNECTOR_CELLS

    def rows(self) -> QuerySet[Any]:
        visible = Connector.objects.visible_to
        if self.request.GET.get("deactivated"):
            visible = Connector.objects.visible_with_deactivated
        rows: QuerySet[Any] = (
            visible(self.request.user).with_presence().select_related("station__team", "station__installation")
        )
        rows = rows.defer("station__password", "station__next_password")
        return with_status_rank(rows)


def summary(station: Any, connectors: list[Connector]) -> Panel:
    """The line below the title of a station's page: its status, name, installation, team and protocol."""
    status = station_badge(station, station.presence, connectors)
    return Panel("chargers/stations/panels/facts.html", {"station": station, "status": status}, is_live=True)


def connector_cards(
    station: Any, connectors: Sequence[Connector], usage: Mapping[int, Panel], buttons: Mapping[int, Panel]
) -> Panel:
    """A card for each connector, with what other apps show in it.

    Args:
        usage: how a connector is used, by its number. A number without a known connector gets a card, too.
        buttons: the buttons of a connector, by its number.
    """
    known = {connector.number for connector in connectors}
    cards: list[dict[str, Any]] = [
        {
            "connector": connector,
            "number": connector.number,
            "status": connector_badge(connector, station.presence),
            "rating": rating_label(connector),
        }
        for connector in connectors
    ]
    cards += [{"connector": None, "number": number} for number in usage if number not in known]
    for card in cards:
        card |= {"usage": usage.get(card["number"]), "buttons": buttons.get(card["number"])}
    return Panel("chargers/stations/panels/connectors.html", {"cards": cards}, is_live=True)


def boot(station: ChargingStation) -> Panel:
    """The details that the station reported when it started."""
    return Panel("chargers/stations/panels/boot.html", {"station": station}, is_live=True)


def busy_connectors(user: User, count: int, extra: Sequence[ExtraColumns]) -> Panel:
    """Connectors with a fault or a session, and a link to the list of all connectors.

    Args:
        count: the number of all connectors.
    """
    connectors = overview.busy_connectors(user) if count else []
    for columns in extra:
        if connectors and columns.prepare is not None:
            columns.prepare(connectors, user)
    hidden = ("status_changed_at",)
    table = extended(ConnectorTable, connectors, extra=extra, hidden=hidden, orderable=False, order_by=())
    context = {"connectors": connectors, "table": table, "count": count}
    return Panel("chargers/stations/panels/busy_connectors.html", context, is_live=True)


def _may_configure(user: User) -> bool:
    return bool(user.access.scope(Can.CONFIGURE))


ACTIVITY_ACTIONS = (
    BulkAction(
        "activate",
        gettext_lazy("Activate"),
        lambda n: ngettext("Activate %(n)d station?", "Activate %(n)d stations?", n) % {"n": n},
        gettext_lazy("They can be used again and are included in lists and totals."),
        lambda rows, user, _data: set_stations_active(stations=rows, is_active=True, actor=user),
        lambda n: ngettext("%(n)d station activated.", "%(n)d stations activated.", n) % {"n": n},
        _may_configure,
    ),
    BulkAction(
        "deactivate",
        gettext_lazy("Deactivate"),
        lambda n: ngettext("Deactivate %(n)d station?", "Deactivate %(n)d stations?", n) % {"n": n},
        gettext_lazy(
            "They cannot be used and are excluded from lists and totals. Running sessions continue. Nothing is deleted."
        ),
        lambda rows, user, _data: set_stations_active(stations=rows, is_active=False, actor=user),
        lambda n: ngettext("%(n)d station deactivated.", "%(n)d stations deactivated.", n) % {"n": n},
        _may_configure,
        is_dangerous=True,
    ),
)
