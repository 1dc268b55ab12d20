"""The parts of an installation's pages: their head with the tabs, and the panels of the overview."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.access.rights import Can
from accounts.models import User
from chargers.installations.forms import MoveForm
from chargers.installations.models import Installation
from chargers.installations.services import health, wiring
from chargers.installations.services.installations import editable_fields
from chargers.installations.services.placing import place_stations
from cpms.common.web.bulk import BulkAction
from cpms.common.web.panels import Panel

MAX_STATIONS = 500  # in the tree of circuits


class Tab(NamedTuple):
    label: str
    url: str
    is_current: bool


def page_context(installation: Installation, user: User, current: str) -> dict[str, Any]:
    """Return the context of `installation_base.html`, the head that all pages of an installation share.

    Args:
        current: the name of the tab's URL.
    """
    return {
        "installation": installation,
        "tabs": tabs(installation, user, current),
        "may_share": user.access.may(Can.MANAGE_ACCESS, installation),
        "may_add_stations": user.access.may(Can.ADD_STATIONS, installation),
    }


def tabs(installation: Installation, user: User, current: str) -> list[Tab]:
    """Return the pages of an installation that the user may open."""
    names = [("installation_detail", _("Overview"), True), ("installation_stations", _("Stations"), True)]
    names += [
        ("installation_sessions", _("Sessions"), may_see_sessions(installation, user)),
        ("installation_cards", _("Tags"), installation.team_id in user.access.team_ids or user.is_staff),
        ("installation_access", _("Access"), user.access.may(Can.MANAGE_ACCESS, installation)),
        ("installation_edit", _("Settings"), bool(editable_fields(installation, user))),
    ]
    return [
        Tab(label, reverse(f"places:{name}", args=[installation.pk]), name == current)
        for name, label, is_open in names
        if is_open
    ]


def may_see_sessions(installation: Installation, user: User) -> bool:
    """Return whether the user may see the sessions of the installation or of one of its stations."""
    if user.access.may(Can.SEE_SESSIONS, installation):
        return True
    return Installation.objects.allowed(user, Can.SEE_SESSIONS).filter(pk=installation.pk).exists()


def live(installation: Installation, user: User) -> list[Panel]:
    """How the stations are now: the figures, and what needs attention."""
    context = {"installation": installation, "health": health.health_of(installation, user)}
    return [
        Panel("chargers/installations/panels/figures.html", context, is_live=True),
        Panel("chargers/installations/panels/attention.html", context, is_live=True),
    ]


def circuits(installation: Installation, user: User, *, hides_deactivated: bool = True) -> Panel:
    """The tree of an installation's circuits with the stations on them."""
    rows, stations = installation.circuits.order_by("name"), health.stations_at(installation, user)
    if hides_deactivated:
        rows, stations = rows.filter(deactivated_at=None), stations.filter(deactivated_at=None)
    shown = list(stations.prefetch_related("connectors").order_by("identity")[:MAX_STATIONS])
    listed = list(rows)
    context = {
        "installation": installation,
        "branches": wiring.tree(listed, shown),
        "main_overload": wiring.main_overload(installation, listed, shown),
        "unplaced": [station for station in shown if station.circuit_id is None],
        "is_cut": len(shown) == MAX_STATIONS,
        "hides_deactivated": hides_deactivated,
        "may_wire": user.access.may(Can.CONFIGURE_PLACES, installation),
        "may_add": user.access.may(Can.ADD_STATIONS, installation),
    }
    return Panel("chargers/installations/panels/circuits.html", context)


def facts(installation: Installation) -> list[Panel]:
    """The address, what drivers are told, the contacts and the supply of an installation."""
    names = ("address", "drivers", "contacts", "supply")
    return [Panel(f"chargers/installations/panels/{name}.html", {"installation": installation}) for name in names]


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
