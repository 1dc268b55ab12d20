"""The dashboard. Its panels come from the apps that own their data."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from accounts.access.rights import Can
from accounts.models import User
from chargers.stations import panels as station_panels
from chargers.stations.services.adding import may_add_stations
from cpms.common.web import formatting
from cpms.common.web.pages import AuthenticatedRequest
from cpms.common.web.panels import Panel
from cpms.portal.dashboard.attention import issues
from cpms.portal.dashboard.figures import Figures, figures
from cpms.portal.drivers.views import own_page
from cpms.portal.frame.drivers import is_driver
from sessions.insights import panels as insight_panels
from sessions.ledger.panels.columns import CONNECTOR_POWER


def _panels(user: User, counts: Figures) -> dict[str, Panel]:
    """Return the panels by their position on the page."""
    kpis = {
        "figures": counts,
        "sees_sessions": bool(user.access.scope(Can.SEE_SESSIONS)),
        "power": formatting.power(counts.power_w) if counts.power_w is not None else None,
        "energy": formatting.energy(counts.energy_today_wh),
        "per_session": counts.energy_today_wh // counts.sessions_today if counts.sessions_today else None,
    }
    attention = {"issues": issues(user) if counts.stations else []}
    return {
        "facts": Panel("portal/dashboard/panels/facts.html", {"figures": counts}, is_live=True),
        "kpis": Panel("portal/dashboard/panels/figures.html", kpis, is_live=True),
        "attention": Panel("portal/dashboard/panels/attention.html", attention, is_live=True),
        "presence": Panel("portal/dashboard/panels/presence.html", {"figures": counts}, is_live=True),
        "connectors": station_panels.busy_connectors(user, counts.connectors, [CONNECTOR_POWER]),
    }


@login_required
@require_safe
def dashboard(request: AuthenticatedRequest) -> HttpResponse:
    user = request.user
    if is_driver(user):
        return render(request, "portal/drivers/own.html", own_page(user))
    counts = figures(user)
    context = {
        **_panels(user, counts),
        "has_stations": counts.stations > 0,
        "sees_sessions": bool(user.access.scope(Can.SEE_SESSIONS)),
        "may_add": may_add_stations(user),
        "has_team": bool(user.access.scope(Can.SEE_STATIONS)),
        "power_of_day": insight_panels.power_of_day(),
        "sessions_per_day": insight_panels.sessions_per_day(),
    }
    return render(request, "portal/dashboard/dashboard.html", context)


@login_required
@require_safe
def dashboard_live(request: AuthenticatedRequest) -> HttpResponse:
    """Render the panels again, for an open page."""
    panels = _panels(request.user, figures(request.user))
    return render(request, "panels.html", {"panels": panels.values(), "is_live": True})
