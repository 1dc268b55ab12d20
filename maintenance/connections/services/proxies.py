"""Proxies that nobody named: behind them every client looks like the proxy, so that limits per source hit everybody."""

from __future__ import annotations

import logging
import time
from datetime import timedelta

from django.utils import timezone

from maintenance.connections.models import UnnamedProxy

logger = logging.getLogger(__name__)
AGAIN_SECONDS = 3600.0
MAX_KEPT = 100  # anybody may send the header
RECENT = timedelta(days=7)
_noted: dict[str, float] = {}  # by address, in this process


def is_unnamed_proxy(address: str, forwarded_for: str) -> bool:
    """Whether somebody at this address sent X-Forwarded-For in vain. Of a named proxy the address is in the header."""
    return bool(forwarded_for) and address not in forwarded_for


def is_due(address: str) -> bool:
    """Whether this process has not noted the address for an hour; asking marks it as noted."""
    now = time.monotonic()
    if now - _noted.get(address, -AGAIN_SECONDS) < AGAIN_SECONDS:
        return False
    if len(_noted) >= MAX_KEPT:
        _noted.clear()
    _noted[address] = now
    return True


def note_unnamed_proxy(address: str) -> None:
    """Remember an address that sent X-Forwarded-For without being named in TRUSTED_PROXIES."""
    address = address[:64]
    logger.warning(
        "X-Forwarded-For came from an address that is not in TRUSTED_PROXIES, and was not believed: "
        "if it is your proxy, name it there",
        extra={"address": address},
    )
    now = timezone.now()
    if UnnamedProxy.objects.filter(address=address).update(last_at=now):
        return
    if len(UnnamedProxy.objects.order_by().values_list("pk")[:MAX_KEPT]) < MAX_KEPT:
        UnnamedProxy.objects.get_or_create(address=address)


def warn_about_unnamed_proxies() -> None:
    """At the start: say which addresses came like that within a week."""
    rows = UnnamedProxy.objects.filter(last_at__gt=timezone.now() - RECENT).order_by("-last_at")
    if found := list(rows.values_list("address", flat=True)[:10]):
        logger.warning(
            "these addresses sent X-Forwarded-For and are not in TRUSTED_PROXIES: if one is your proxy, name it there",
            extra={"addresses": ", ".join(found)},
        )
