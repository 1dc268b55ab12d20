"""The page that deactivates a station or activates it again."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from accounts.access.rights import Can
from chargers.stations.models import ChargingStation
from chargers.stations.services.activity import set_station_active
from cpms.common.errors import DomainError
from cpms.common.web.pages import AuthenticatedRequest


@login_required
@require_http_methods(["GET", "POST"])
def station_activity(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    """Out of use, after a question, or back into use."""
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
    said = _("%(station)s is in use again.") if is_active else _("%(station)s is deactivated.")
    messages.success(request, said % {"station": station.identity})
    return redirect(station)
