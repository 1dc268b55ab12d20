"""Sample data for the style guide."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone

from chargers.stations.services.states import MEANINGS, STATUS_DISPLAYS, State
from chargers.vocabulary import ConnectorStatus
from cpms.common.web.panels import TimelineEntry
from cpms.portal.dashboard.attention import Issue
from cpms.portal.dashboard.figures import Figures, Part, Tile

LONG_NAME = "Underground garage Große Bleichen, level 2, row 14, spot 203"  # 60 characters


def samples() -> dict[str, Any]:
    now = timezone.now()
    parts = [
        Part("online", "Online", 2961, 98.6, 0.0),
        Part("offline", "Offline", 31, 1.0, -98.6),
        Part("unknown", str(State.UNKNOWN.label), 12, 0.4, -99.6),
    ]
    tiles = [Tile(state.value, str(state.label), str(MEANINGS[state]), 12 * n, "#") for n, state in enumerate(State)]
    return {
        "statuses": STATUS_DISPLAYS.values(),
        "long_name": LONG_NAME,
        "now": now,
        "before": now - timedelta(days=400),
        "figures": Figures(stations=3004, parts=parts, tiles=tiles),
        "issues": [
            Issue(
                "faulted",
                str(STATUS_DISPLAYS[ConnectorStatus.FAULTED].label),
                "DEPOT-A-03",
                "#",
                "connector 1",
                "Ground failure",
                now - timedelta(minutes=12),
            ),
            Issue("unknown", "Offline", LONG_NAME, "#", "", "connection was closed", now - timedelta(hours=30)),
        ],
        "trace": [
            TimelineEntry(now - timedelta(hours=2), "preparing", "Vehicle connected"),
            TimelineEntry(now - timedelta(hours=1), "charging", "Session started · meter 4,776,390 Wh", LONG_NAME),
        ],
    }
