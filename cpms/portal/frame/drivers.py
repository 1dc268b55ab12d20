"""Drivers: users who charge at stations of other teams and may do nothing else there."""

from __future__ import annotations

from accounts.access.rights import Can
from accounts.models import Grant, User


def is_driver(user: User) -> bool:
    """Whether a user is in no team, may see no station, and has or had access to charge, or a tag."""
    if user.is_staff or user.is_program or user.access.roles or user.access.scope(Can.SEE_STATIONS):
        return False
    return bool(user.access.active_grants) or Grant.objects.received_by(user).exists() or user.tags.exists()


def charges_elsewhere(user: User) -> bool:
    """Whether a user has a grant that allows charging but not seeing the station."""
    return any(held.allows(Can.CHARGE) and not held.allows(Can.SEE_STATIONS) for held in user.access.active_grants)
