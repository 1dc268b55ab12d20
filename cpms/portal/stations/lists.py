"""Pages of stations: what the station is, what charges at it, what was asked of it, what it said."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import OuterRef, QuerySet, Subquery, Sum
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.translation import gettext as _

from chargers.models import ChargingStation, Connector
from chargers.onboarding.forms import may_add_stations
from chargers.onboarding.tables import PoolTable
from chargers.stations.filtersets import ConnectorFilterSet, StationFilterSet
from chargers.stations.tables import CONNECTOR_CELLS, STATION_CELLS, ConnectorTable, StationTable
from cpms.common.web.pages import ListPage
from cpms.portal.stations.charging import attach_sessions
from sessions.ledger.services.charging import FRESH
from sessions.models import ChargingSession


class StationListView(ListPage):
    model = ChargingStation
    table_class = StationTable
    filterset_class = StationFilterSet
    template_name = "chargers/stations/station_list.html"
    export_name = "stations"
    export_cells = STATION_CELLS

    def rows(self) -> QuerySet[Any]:
        stations = ChargingStation.objects.visible_to(self.request.user).with_presence()
        return stations.select_related("team").prefetch_related("connectors").defer("password")

    def decorate(self, records: list[Any]) -> None:
        """The power of what charges at the stations of this page."""
        running = (
            ChargingSession.objects.reachable_by(self.request.user)
            .open()
            .filter(station__in=[record.pk for record in records], last_sample_at__gt=timezone.now() - FRESH)
        )
        powers = dict(running.order_by().values_list("station").annotate(power=Sum("power_w")))
        for record in records:
            record.power_w = powers.get(record.pk)

    def page_context(self, context: dict[str, Any]) -> dict[str, Any]:
        user = self.request.user
        if not user.is_staff and len(user.access.team_ids) < 2:  # type: ignore[union-attr]
            context["table"].exclude = ("team",)
        waiting = ChargingStation.objects.filter(team=None, handed_over_at=None).order_by()
        return {
            "may_add": may_add_stations(user),  # type: ignore[arg-type]
            "waiting": waiting.count() if user.is_staff else 0,
        }


class PoolListView(ListPage):
    """Stations that came by themselves and wait for a team; for support staff, as nobody else sees them."""

    model = ChargingStation
    table_class = PoolTable
    filterset_class = StationFilterSet
    template_name = "chargers/onboarding/pool_list.html"
    export_name = "waiting-stations"
    export_cells = STATION_CELLS

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if request.user.is_authenticated and not request.user.is_staff:
            raise PermissionDenied(_("Only support staff may look into the pool."))
        return super().dispatch(request, *args, **kwargs)

    def rows(self) -> QuerySet[Any]:
        waiting = ChargingStation.objects.visible_to(self.request.user).filter(team=None, handed_over_at=None)
        return waiting.with_presence().prefetch_related("connectors").defer("password", "next_password")


class ConnectorListView(ListPage):
    model = Connector
    table_class = ConnectorTable
    filterset_class = ConnectorFilterSet
    template_name = "chargers/stations/connector_list.html"
    export_name = "connectors"
    export_cells = CONNECTOR_CELLS

    def rows(self) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().rows().select_related("station").defer("station__password")
        stations = ChargingStation.objects.filter(pk=OuterRef("station_id")).with_presence()
        return rows.annotate(presence=Subquery(stations.values("presence")[:1]))

    def decorate(self, records: list[Any]) -> None:
        attach_sessions(records, self.request.user)  # type: ignore[arg-type]
