"""What pages show of anomalies."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from accounts.access.rights import Can
from accounts.models import User
from chargers.anomalies.models import Oddity
from cpms.common.web.panels import Panel

MAX_SHOWN = 5


def latest_anomalies(station: Any, user: User, describe: Callable[[Oddity], Panel | None]) -> Panel | None:
    """The newest unusual reports of a station; None where there are none.

    People who may not see sessions read only what kind of report it was.

    Args:
        describe: returns what another app knows about a report, which is shown in place of its note.
    """
    rows = Oddity.objects.filter(station=station).order_by("-received_at")[:MAX_SHOWN]
    if user.access.may(Can.SEE_SESSIONS, station):
        anomalies = [{"row": row, "detail": describe(row), "note": row.note} for row in rows]
    else:
        anomalies = [{"row": row} for row in rows.defer("note", "facts", "payload")]
    if not anomalies:
        return None
    return Panel("chargers/anomalies/panels/latest_anomalies.html", {"anomalies": anomalies})
