"""Tell a user's own stations, which belong to their teams, from those that others share with them."""

from __future__ import annotations

from typing import Any

from django.db.models import Case, CharField, Q, QuerySet, TextChoices, Value, When
from django.utils.translation import gettext_lazy as _

from accounts.models import User
from chargers.stations.models import ChargingStation


class Ownership(TextChoices):
    OWN = "own", _("Own")
    SHARED = "shared", _("Shared with you")


def is_own(station: ChargingStation, user: User) -> bool:
    """Return whether the station belongs to a team of the user; for support staff, to any team."""
    return station.team_id is not None and (user.access.sees_all_teams or station.team_id in user.access.roles)


def own_stations(stations: QuerySet[Any], user: User) -> QuerySet[Any]:
    """Return those of the stations that are the user's own, see `is_own`."""
    return stations.filter(_is_own(user))


def with_ownership(rows: QuerySet[Any], user: User, path: str = "") -> QuerySet[Any]:
    """Annotate rows with `ownership`; `path` leads to the station and ends with two underscores."""
    own = When(_is_own(user, path), then=Value(Ownership.OWN))
    return rows.annotate(ownership=Case(own, default=Value(Ownership.SHARED), output_field=CharField()))


def _is_own(user: User, path: str = "") -> Q:
    return Q(
        **{f"{path}team__isnull": False} if user.access.sees_all_teams else {f"{path}team__in": user.access.team_ids}
    )
