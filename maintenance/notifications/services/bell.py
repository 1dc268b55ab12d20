"""The number at the bell."""

from __future__ import annotations

from accounts.models import User
from maintenance.notifications.models import Notification

MOST_COUNTED = 99


def unread(user: User) -> str:
    """Return how many notifications a person has not read, as the bell shows it; empty for none."""
    count = Notification.objects.visible_to(user).unread().order_by()[: MOST_COUNTED + 1].count()
    return f"{MOST_COUNTED}+" if count > MOST_COUNTED else str(count or "")
