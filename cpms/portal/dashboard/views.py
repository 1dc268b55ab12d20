"""The dashboard, and the page that shows every component."""

from __future__ import annotations

from datetime import date, timedelta

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.access.rights import Can
from accounts.models import User
from chargers.stations.panels import busy_connectors
from chargers.stations.services.adding import may_add_stations
from cpms.common.errors import DomainError
from cpms.common.web import charts
from cpms.common.web import formatting as look
from cpms.common.web.pages import AuthenticatedRequest
from cpms.common.web.panels import Panel
from cpms.portal.dashboard.attention import troubles
from cpms.portal.dashboard.figures import Figures, figures, interesting_connectors, sessions_per_day
from cpms.portal.dashboard.power import power_of_day
from cpms.portal.drivers.views import own_page
from cpms.portal.frame.drivers import is_driver
from sessions.ledger.panels.columns import CONNECTOR_POWER

LONGEST_PERIOD = 93  # days


EARLIEST_YEAR = 2000


def _panels(user: User, counts: Figures) -> dict[str, Panel]:
    """Return the panels by their places on the page."""
    connectors = interesting_connectors(user) if counts.connectors else []
    shown = {
        "figures": counts,
        "sees_sessions": bool(user.access.scope(Can.SEE_SESSIONS)),
        "power": look.power(counts.power_w) if counts.power_w is not None else None,
        "energy": look.energy(counts.energy_today_wh),
        "per_session": counts.energy_today_wh // counts.sessions_today if counts.sessions_today else None,
    }
    attention = {"troubles": troubles(user) if counts.stations else []}
    return {
        "facts": Panel("portal/dashboard/panels/facts.html", {"figures": counts}, is_live=True),
        "kpis": Panel("portal/dashboard/panels/figures.html", shown, is_live=True),
        "attention": Panel("portal/dashboard/panels/attention.html", attention, is_live=True),
        "presence": Panel("portal/dashboard/panels/presence.html", {"figures": counts}, is_live=True),
        "connectors": busy_connectors(connectors, counts.connectors, [CONNECTOR_POWER]),
    }


@login_required
@require_safe
def dashboard(request: AuthenticatedRequest) -> HttpResponse:
    user = request.user
    if is_driver(user):
        return render(request, "portal/drivers/own.html", own_page(user))
    counts, today = figures(user), timezone.localdate()
    context = {
        **_panels(user, counts),
        "has_stations": counts.stations > 0,
        "sees_sessions": bool(user.access.scope(Can.SEE_SESSIONS)),
        "may_add": may_add_stations(user),
        "has_team": bool(user.access.scope(Can.SEE_STATIONS)),
        "today": today,
        "yesterday": today - timedelta(days=1),
        "month_ago": today - timedelta(days=29),
    }
    return render(request, "portal/dashboard/dashboard.html", context)


@login_required
@require_safe
def dashboard_live(request: AuthenticatedRequest) -> HttpResponse:
    """The panels of the dashboard, for an open page."""
    panels = _panels(request.user, figures(request.user))
    return render(request, "panels.html", {"panels": panels.values(), "is_live": True})


def _day(text: str | None, default: date) -> date:
    """Raises:
    DomainError: it is no day, or one that has not begun.
    """
    try:
        day = date.fromisoformat(text) if text else default
    except ValueError:
        raise DomainError(_("Enter a day as year, month and day.")) from None
    if day > timezone.localdate():
        raise DomainError(_("Choose today or an earlier day: nothing is known of the future."))
    if day.year < EARLIEST_YEAR:
        raise DomainError(_("Choose a day after the year %(year)d.") % {"year": EARLIEST_YEAR - 1})
    return day


def _refusal(error: DomainError) -> JsonResponse:
    """For static/js/charts.js, which shows the sentence beside the fields."""
    return JsonResponse({"error": str(error)}, status=400)


def _period(first: str | None, last: str | None) -> tuple[date, date]:
    """Raises:
    DomainError: it is longer than can be drawn, or no period of the past.
    """
    end = _day(last, timezone.localdate())
    start = _day(first, end - timedelta(days=6))
    if start > end:
        raise DomainError(_("The period ends before it begins."))
    if (end - start).days >= LONGEST_PERIOD:
        raise DomainError(_("Choose at most %(days)d days.") % {"days": LONGEST_PERIOD})
    return start, end


@login_required
@require_safe
def dashboard_sessions(request: AuthenticatedRequest) -> JsonResponse:
    """Sessions per day; the last seven days unless a period is given."""
    user = request.user
    try:
        first, last = _period(request.GET.get("from"), request.GET.get("to"))
    except DomainError as error:
        return _refusal(error)
    values = sessions_per_day(user, first, last)
    days = [charts.day_label(first + timedelta(days=n)) for n in range(len(values))]
    return JsonResponse(
        {
            "days": days,
            "values": values,
            "open": last == timezone.localdate(),
            "empty": "" if any(values) else _("No session began in this period."),
            "table": charts.table([_("Day"), _("Sessions")], zip(days, map(look.number, values), strict=True)),
        }
    )


@login_required
@require_safe
def dashboard_power(request: AuthenticatedRequest) -> JsonResponse:
    """The total charging power over one day."""
    user = request.user
    try:
        day = _day(request.GET.get("day"), timezone.localdate())
    except DomainError as error:
        return _refusal(error)
    start, end = charts.day_bounds(day)
    rows = power_of_day(user, day)
    is_large = max((power for _at, power in rows), default=0) >= 1_000_000
    unit, divisor, places = ("MW", 1_000_000, 2) if is_large else ("kW", 1000, 1)
    points = charts.with_gaps(((at, power / divisor) for at, power in rows), timedelta(minutes=3))
    series = charts.Series(_("Power"), unit, places, "--power", points, is_filled=True)
    told = charts.over_time([series], start, end, [unit], _("No power was recorded on this day."))
    quarters = rows[::15]
    told["table"] = charts.table(
        [_("Time"), f"{_('Power')} ({unit})"],
        ([charts.clock(at)[:5], charts.shown(power / divisor, places)] for at, power in quarters),
    )
    return JsonResponse(told)
