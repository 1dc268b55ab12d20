"""The number at the bell."""

from __future__ import annotations

from accounts.models import User
from maintenance.notifications.models import Notification

MAX_COUNTED = 99


def unread(user: User) -> str:
    """Return how many notifications a person has not read, as the bell shows it; empty for none."""
    count = Notification.objects.visible_to(user).unread().order_by()[: MAX_COUNTED + 1].count()
    return f"{MAX_COUNTED}+" if count > MAX_COUNTED else str(count or "")
