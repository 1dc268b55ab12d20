"""The pictures on the page of a station."""

from __future__ import annotations

from accounts.models import User
from chargers.pictures.services import may_edit_pictures
from chargers.stations.models import ChargingStation
from cpms.common.web.panels import Panel


def pictures(station: ChargingStation, user: User) -> Panel:
    """The pictures of a station, and a link to add one."""
    context = {
        "station": station,
        "pictures": list(station.pictures.defer("content")),
        "may_edit": may_edit_pictures(user, station),
    }
    return Panel("chargers/pictures/panels/pictures.html", context)
