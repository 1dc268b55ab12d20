"""Detect proxies missing from TRUSTED_PROXIES: their clients share one address, and with it one rate limit."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from django.utils import timezone

from maintenance.connections.models import UnnamedProxy

logger = logging.getLogger(__name__)
REPEAT_SECONDS = 3600.0
MAX_STORED = 100  # anybody can send the header, so the table must not grow without limit
RECENT = timedelta(days=7)
_recorded_at: dict[str, float] = {}  # monotonic seconds by address, in this process


def is_unnamed_proxy(address: str, forwarded_for: str) -> bool:
    """Whether an untrusted address sent X-Forwarded-For.

    The header of a trusted proxy has been resolved before, so that the address is one of those in the header.
    """
    return bool(forwarded_for) and address not in forwarded_for


def should_record(address: str) -> bool:
    """Whether this process has not recorded the address for an hour. The call marks it as recorded."""
    now = time.monotonic()
    if now - _recorded_at.get(address, -REPEAT_SECONDS) < REPEAT_SECONDS:
        return False
    if len(_recorded_at) >= MAX_STORED:
        _recorded_at.clear()
    _recorded_at[address] = now
    return True


def record_unnamed_proxy(address: str) -> None:
    """Log and store an address that sent X-Forwarded-For but is not in TRUSTED_PROXIES."""
    address = address[:64]
    logger.warning(
        "ignored X-Forwarded-For from an address that is not in TRUSTED_PROXIES: if it is your proxy, add it there",
        extra={"address": address},
    )
    now = timezone.now()
    if UnnamedProxy.objects.filter(address=address).update(last_at=now):
        return
    if len(UnnamedProxy.objects.order_by().values_list("pk")[:MAX_STORED]) < MAX_STORED:
        UnnamedProxy.objects.get_or_create(address=address)


def warn_about_unnamed_proxies() -> None:
    """Log the recent addresses of unnamed proxies at start."""
    rows = UnnamedProxy.objects.filter(last_at__gt=timezone.now() - RECENT).order_by("-last_at")
    if found := list(rows.values_list("address", flat=True)[:10]):
        logger.warning(
            "these addresses sent X-Forwarded-For but are not in TRUSTED_PROXIES: if one is your proxy, add it there",
            extra={"addresses": ", ".join(found)},
        )
