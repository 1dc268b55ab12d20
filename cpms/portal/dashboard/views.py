"""The dashboard."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from accounts.access.rights import Can, Role
from accounts.models import User
from chargers.onboarding.forms import may_add_stations
from chargers.stations.tables import ConnectorTable
from cpms.common.errors import DomainError
from cpms.common.web import formatting
from cpms.common.web.pages import AuthenticatedRequest
from cpms.portal import charts
from cpms.portal.dashboard.attention import troubles
from cpms.portal.dashboard.figures import figures, interesting_connectors, sessions_per_day
from cpms.portal.dashboard.power import power_of_day
from cpms.portal.drivers.views import own_page
from cpms.portal.frame.drivers import is_driver

MAX_PERIOD = 93  # days


EARLIEST_YEAR = 2000


def _dashboard(user: User) -> dict[str, Any]:
    told = figures(user)
    connectors = interesting_connectors(user) if told.connectors else []
    power = formatting.power(told.power_w) if told.power_w is not None else None
    return {
        "figures": told,
        "sees_sessions": bool(user.access.scope(Can.SEE_SESSIONS)),
        "power": power,
        "energy": formatting.energy(told.energy_today_wh),
        "per_session": told.energy_today_wh // told.sessions_today if told.sessions_today else None,
        "troubles": troubles(user) if told.stations else [],
        "connectors": connectors,
        "connector_table": ConnectorTable(
            connectors, orderable=False, order_by=(), exclude=("status_changed_at", "energy")
        ),
    }


@login_required
@require_safe
def dashboard(request: AuthenticatedRequest) -> HttpResponse:
    user = request.user
    if is_driver(user):
        return render(request, "portal/own.html", own_page(user))
    context = _dashboard(user)
    today = timezone.localdate()
    context |= {
        "may_add": may_add_stations(user),
        "has_team": bool(user.access.scope(Can.SEE_STATIONS)),
        "role_admin": Role.ADMIN.label,
        "today": today,
        "yesterday": today - timedelta(days=1),
        "week_ago": today - timedelta(days=6),
        "month_ago": today - timedelta(days=29),
    }
    return render(request, "portal/dashboard.html", context)


@login_required
@require_safe
def dashboard_live(request: AuthenticatedRequest) -> HttpResponse:
    """What changes on the dashboard, each part with its id, for an open page."""
    user = request.user
    return render(request, "portal/dashboard_live.html", _dashboard(user) | {"is_live": True})


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
    if (end - start).days >= MAX_PERIOD:
        raise DomainError(_("Choose at most %(days)d days.") % {"days": MAX_PERIOD})
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
            "table": charts.table([_("Day"), _("Sessions")], zip(days, map(formatting.number, values), strict=True)),
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
