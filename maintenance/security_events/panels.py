"""Panels about security events."""

from __future__ import annotations

from typing import Any

from accounts.access.rights import Can
from accounts.models import User
from cpms.common.web.panels import Panel
from maintenance.security_events.labels import event_label
from maintenance.security_events.models import SecurityEvent

MAX_SHOWN = 3


def alerts(station: Any, user: User) -> Panel:
    """Return the panel of a station's critical security events that are not acknowledged."""
    rows = list(SecurityEvent.objects.alerts().filter(station=station).order_by("-pk")[: MAX_SHOWN + 1])
    context = {
        "station": station,
        "alerts": [{"row": row, "label": event_label(row.type)} for row in rows[:MAX_SHOWN]],
        "are_more": len(rows) > MAX_SHOWN,
        "until": rows[0].pk if rows else 0,
        "may_acknowledge": user.access.may(Can.OPERATE, station) and "security_events" not in user.access.features_off,
    }
    return Panel("maintenance/security_events/panels/alerts.html", context, is_live=True)
