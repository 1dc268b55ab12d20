"""Panels about a station's connection and its protocol violations."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import ngettext

from accounts.access.rights import Can
from accounts.models import User
from cpms.common.web.panels import Panel
from maintenance.connections.labels import cause_label, fix_label, model_url, of_row, station_report
from maintenance.connections.models import Deviation, RefusedConnection

MAX_VIOLATIONS, MAX_REFUSALS = 5, 2
DAY = timedelta(days=1)


def connection(station: Any, user: User) -> Panel:
    """Return the panel of a station's connection, with recent refusals and problems with its password.

    Args:
        station: with `presence` and `knows_password`.
    """
    context = {
        "station": station,
        "refusals": _refusals(station),
        "may_set_password": user.access.may(Can.SET_PASSWORDS, station) and station.handed_over_at is None,
    }
    return Panel("maintenance/connections/panels/connection.html", context, is_live=True)


def _refusals(station: Any) -> list[dict[str, Any]]:
    recent = RefusedConnection.objects.filter(station=station, last_at__gt=timezone.now() - DAY)
    rows = list(recent.order_by("-last_at")[:MAX_REFUSALS])
    for row in rows:
        row.station = station
    return [
        {
            "row": row,
            "times": ngettext("%(n)d time", "%(n)d times", row.count) % {"n": row.count},
            "cause": cause_label(row),
            "fix": fix_label(row),
        }
        for row in rows
    ]


def violations(station: Any, user: User) -> Panel | None:
    """Return the panel of the rules that a station violated last, with a report of all, or None if there are none."""
    rows = Deviation.objects.reachable_by(user).filter(station=station).order_by("-last_at", "-pk")
    found = []
    for row in rows:  # the rows of one station are limited to few
        row.station = station
        found.append(of_row(row))
    if not found:
        return None
    context = {
        "station": station,
        "violations": found[:MAX_VIOLATIONS],
        "more": max(0, len(found) - MAX_VIOLATIONS),
        "report": station_report(station, found),
        "model_url": model_url(station.vendor, station.model),
    }
    return Panel("maintenance/connections/panels/violations.html", context)
