"""The lists of stations and connectors, and the page that deactivates a station or activates it again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access.rights import Can
from chargers.stations.models import ChargingStation
from chargers.stations.panels import ConnectorList, StationList
from chargers.stations.services.activity import set_station_active
from chargers.stations.services.adding import may_add_stations
from chargers.stations.services.ownership import own_stations
from cpms.common.errors import DomainError
from cpms.common.web.bulk import BulkMixin
from cpms.common.web.pages import AuthenticatedRequest


class StationListView(BulkMixin, StationList):
    template_name = "chargers/stations/station_list.html"
    list_name = "stations"

    def usually_hidden(self) -> Sequence[str]:
        user: Any = self.request.user
        is_of_one = not user.is_staff and len(user.access.team_ids) < 2
        return [*self.optional_columns, "team"] if is_of_one else self.optional_columns

    def tickable(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        return own_stations(rows, self.request.user).order_by("identity")

    def page_context(self, context: dict[str, Any]) -> dict[str, Any]:
        user: Any = self.request.user
        waiting = ChargingStation.objects.filter(team=None, handed_over_at=None).order_by()
        return super().page_context(context) | {
            "may_add": may_add_stations(user),
            "waiting": waiting.count() if user.is_staff else 0,
        }


class ConnectorListView(ConnectorList):
    template_name = "chargers/stations/connector_list.html"
    list_name = "connectors"


@login_required
@require_http_methods(["GET", "POST"])
def station_activity(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    """Deactivate a station after a confirmation, or activate it."""
    rows = ChargingStation.objects.reachable_by(request.user).select_related("team")
    station = get_object_or_404(rows.defer("password", "next_password"), pk=pk)
    if not request.user.access.may(Can.CONFIGURE, station):
        raise PermissionDenied(_("You may not change the technical settings of this station."))
    if request.method == "GET":
        return render(request, "chargers/stations/station_deactivate.html", {"station": station})
    is_active = request.POST.get("do") == "activate"
    try:
        set_station_active(station=station, is_active=is_active, actor=request.user)
    except DomainError as error:
        messages.error(request, str(error))
        return redirect(station)
    message = _("%(station)s activated.") if is_active else _("%(station)s deactivated.")
    messages.success(request, message % {"station": station.identity})
    return redirect(station)
