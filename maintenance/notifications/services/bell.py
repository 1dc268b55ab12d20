"""The number of unread notifications."""

from __future__ import annotations

from accounts.models import User
from maintenance.notifications.models import Notification

MAX_COUNTED = 99


def unread(user: User) -> str:
    """Return the number of a user's unread notifications, as the bell shows it; empty for none."""
    count = Notification.objects.visible_to(user).unread().order_by()[: MAX_COUNTED + 1].count()
    return f"{MAX_COUNTED}+" if count > MAX_COUNTED else str(count or "")
