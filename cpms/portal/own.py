"""What somebody sees who may charge and nothing else: his own sessions, and where he may charge (Z12)."""

from __future__ import annotations

from typing import Any

from accounts.models import User
from accounts.rights import Can
from chargers.models import ChargingStation
from sessions.models import ChargingSession
from sessions.tables import SessionTable

SHOWN_SESSIONS, MOST_PLACES = 10, 200


def is_driver(user: User) -> bool:
    return bool(user.scope(Can.SEE_OWN)) and not user.scope(Can.SEE_STATIONS)


def own_page(user: User) -> dict[str, Any]:
    sessions = ChargingSession.objects.visible_to(user).select_related("station", "tag", "tag__user", "team")
    latest = list(sessions.defer("station__password").order_by("-started_at")[:SHOWN_SESSIONS])
    places = ChargingStation.objects.allowed(user, Can.CHARGE).in_view_of(user).select_related("installation")
    return {
        "latest": latest,
        "table": SessionTable(latest, orderable=False),
        "places": list(places.defer("password").order_by("installation__name", "identity")[:MOST_PLACES]),
    }
