"""What pages show of stations: the lists of stations and connectors, and the panels of a station's page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery

from accounts.models import User
from chargers.stations.filtersets import ConnectorFilterSet, StationFilterSet
from chargers.stations.models import ChargingStation, Connector
from chargers.stations.services import overview
from chargers.stations.services.states import of_connector, of_station
from chargers.stations.tables import CONNECTOR_CELLS, STATION_CELLS, ConnectorTable, StationTable
from cpms.common.web.pages import ListPage
from cpms.common.web.panels import Panel
from cpms.common.web.tables import ExtraColumns, extended


class StationList(ListPage):
    """The stations that a person may see; a page adds its template and the columns of other apps."""

    model = ChargingStation
    table_class = StationTable
    filterset_class = StationFilterSet
    export_name = "stations"
    export_cells = STATION_CELLS

    def rows(self) -> QuerySet[Any]:
        stations = ChargingStation.objects.visible_to(self.request.user).with_presence()
        return stations.select_related("team").prefetch_related("connectors").defer("password")


class ConnectorList(ListPage):
    """The connectors that a person may see; a page adds its template and the columns of other apps."""

    model = Connector
    table_class = ConnectorTable
    filterset_class = ConnectorFilterSet
    export_name = "connectors"
    export_cells = CONNECTOR_CELLS

    def rows(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().rows().select_related("station").defer("station__password")
        stations = ChargingStation.objects.filter(pk=OuterRef("station_id")).with_presence()
        return rows.annotate(presence=Subquery(stations.values("presence")[:1]))


def facts(station: Any, connectors: list[Connector]) -> Panel:
    """The line below the title of a station's page: its status, where it is and whose it is."""
    status = of_station(station, station.presence, connectors)
    return Panel("chargers/stations/panels/facts.html", {"station": station, "status": status}, is_live=True)


def connector_cards(
    station: Any, connectors: Sequence[Connector], usage: Mapping[int, Panel], buttons: Mapping[int, Panel]
) -> Panel:
    """A card for each connector, with what other apps show in it.

    Args:
        usage: how a connector is used, by its number; a number that the station has no connector for gets a card, too.
        buttons: what can be done, by the number of the connector.
    """
    known = {connector.number for connector in connectors}
    cards: list[dict[str, Any]] = [
        {"connector": connector, "number": connector.number, "status": of_connector(connector, station.presence)}
        for connector in connectors
    ]
    cards += [{"connector": None, "number": number} for number in usage if number not in known]
    for card in cards:
        card |= {"usage": usage.get(card["number"]), "buttons": buttons.get(card["number"])}
    return Panel("chargers/stations/panels/connectors.html", {"cards": cards}, is_live=True)


def boot(station: ChargingStation) -> Panel:
    """What the station said about itself when it started."""
    return Panel("chargers/stations/panels/boot.html", {"station": station}, is_live=True)


def busy_connectors(user: User, count: int, extra: Sequence[ExtraColumns]) -> Panel:
    """Some connectors where something happens, and the way to all of them.

    Args:
        count: of all connectors.
    """
    connectors = overview.busy_connectors(user) if count else []
    for columns in extra:
        if connectors and columns.prepare is not None:
            columns.prepare(connectors, user)
    hidden = ("status_changed_at",)
    table = extended(ConnectorTable, connectors, extra=extra, hidden=hidden, orderable=False, order_by=())
    context = {"connectors": connectors, "table": table, "count": count}
    return Panel("chargers/stations/panels/busy_connectors.html", context, is_live=True)
