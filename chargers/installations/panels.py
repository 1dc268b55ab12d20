"""The panels of an installation's page."""

from __future__ import annotations

from django.utils.translation import gettext_lazy, ngettext

from accounts.access.rights import Can
from accounts.models import User
from chargers.installations.forms import MoveForm
from chargers.installations.models import Installation
from chargers.installations.services.placing import place_stations
from chargers.installations.tables import tree
from chargers.stations.models import ChargingStation
from cpms.common.web.bulk import BulkAction
from cpms.common.web.panels import Panel

MAX_STATIONS = 500


def stations(installation: Installation, user: User) -> Panel:
    """The stations of an installation that the user may see, with their circuits."""
    rows = ChargingStation.objects.visible_to(user).filter(installation=installation).select_related("circuit")
    context = {
        "installation": installation,
        "stations": rows.defer("password", "next_password").order_by("identity")[:MAX_STATIONS],
        "may_add": user.access.may(Can.ADD_STATIONS, installation),
    }
    return Panel("chargers/installations/panels/stations.html", context)


def circuits(installation: Installation, user: User) -> Panel:
    """The tree of an installation's circuits."""
    context = {
        "installation": installation,
        "branches": tree(list(installation.circuits.order_by("name"))),
        "may_wire": user.access.may(Can.CONFIGURE_PLACES, installation),
    }
    return Panel("chargers/installations/panels/circuits.html", context)


def address(installation: Installation) -> Panel:
    """The address and the contact of an installation."""
    return Panel("chargers/installations/panels/address.html", {"installation": installation})


MOVE_TO_CIRCUIT = BulkAction(
    "move",
    gettext_lazy("Move to circuit…"),
    lambda n: ngettext("Move %(n)d station?", "Move %(n)d stations?", n) % {"n": n},
    gettext_lazy("Users with access to the installation get access to its stations. Select stations of one team."),
    lambda rows, user, data: place_stations(stations=rows, actor=user, **data["place"]),
    lambda n: ngettext("%(n)d station moved.", "%(n)d stations moved.", n) % {"n": n},
    lambda user: bool(user.access.scope(Can.CONFIGURE_PLACES)),
    MoveForm,
    gettext_lazy("Move stations"),
)
