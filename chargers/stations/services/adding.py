"""Check who may add stations."""

from __future__ import annotations

from accounts.access.rights import Can
from accounts.models import User


def may_add_stations(user: User) -> bool:
    """Return whether there is a team or an installation that this user may add stations to."""
    scope = user.access.scope(Can.ADD_STATIONS)
    return scope.is_everything or bool(scope.teams or scope.installations)
