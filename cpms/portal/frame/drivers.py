"""Who charges at stations of others, and does nothing else with them."""

from __future__ import annotations

from accounts.access.rights import Can
from accounts.models import Grant, User


def is_driver(user: User) -> bool:
    """Whether somebody is in no team, sees no station as a whole, and charges or charged somewhere."""
    if user.is_staff or user.is_program or user.access.roles or user.access.scope(Can.SEE_STATIONS):
        return False
    return bool(user.access.active_grants) or Grant.objects.received_by(user).exists() or user.tags.exists()


def charges_elsewhere(user: User) -> bool:
    """Whether somebody was given the right to charge, and no more, at stations of others."""
    return any(held.allows(Can.CHARGE) and not held.allows(Can.SEE_STATIONS) for held in user.access.active_grants)
