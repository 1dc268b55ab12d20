"""Panels that show anomalies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from accounts.access.rights import Can
from accounts.models import User
from chargers.anomalies.models import Oddity
from cpms.common.web.panels import Panel

MAX_SHOWN = 5


def latest_anomalies(station: Any, user: User, describe: Callable[[Oddity], Panel | None]) -> Panel | None:
    """Return a panel with the newest anomalies of a station; None if there are none.

    Users who may not see sessions see only the kind of each anomaly.

    Args:
        describe: returns a panel of another app to show instead of the anomaly's note, or None.
    """
    rows = Oddity.objects.filter(station=station).order_by("-received_at")[:MAX_SHOWN]
    if user.access.may(Can.SEE_SESSIONS, station):
        anomalies = [{"row": row, "detail": describe(row), "note": row.note} for row in rows]
    else:
        anomalies = [{"row": row} for row in rows.defer("note", "facts", "payload")]
    if not anomalies:
        return None
    return Panel("chargers/anomalies/panels/latest_anomalies.html", {"anomalies": anomalies})
