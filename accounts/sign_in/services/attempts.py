"""Rate limit for attempts at passwords, codes and links."""

from __future__ import annotations

import ipaddress
import logging

from django.conf import settings
from django.core.cache import cache
from django.utils.crypto import salted_hmac
from django.utils.translation import ngettext

from cpms.common.errors import DomainError

logger = logging.getLogger(__name__)


ATTEMPT_WINDOW_SECONDS = 60


class TooManyAttempts(DomainError):
    """Too many attempts in a short time (HTTP 429)."""

    retry_after_seconds: int = ATTEMPT_WINDOW_SECONDS


def count_attempt(
    what: str, address: str, email: str, *, most: int | None = None, seconds: int = ATTEMPT_WINDOW_SECONDS
) -> str:
    """Count an attempt before anything is checked, so that parallel attempts are all counted.

    Args:
        what: the kind of attempt; each kind has its own counters.
        address: the client's IP address.
        most: the number of attempts allowed; LOGIN_ATTEMPTS_PER_MINUTE by default.
        seconds: the length of the window.

    Returns:
        The cache key of the counter, for `clear_attempts`.

    Raises:
        TooManyAttempts: there were more attempts from this network for this e-mail address.
    """
    name = f"{network_of(address)} {email.strip().lower()}"
    key = f"{what}-{salted_hmac(what, name, algorithm='sha256').hexdigest()}"
    try:
        cache.add(key, 0, seconds)
        count = cache.incr(key)
    except ValueError:  # the counter expired between the two calls
        return key
    except Exception as error:  # a failing cache must not lock everybody out
        logger.warning("sign-in attempts are not counted", extra={"cause": type(error).__name__})
        return key
    if count > (settings.LOGIN_ATTEMPTS_PER_MINUTE if most is None else most):
        minutes = max(1, seconds // 60)
        sentence = ngettext(
            "Too many attempts. Please wait a minute.", "Too many attempts. Please wait %(n)d minutes.", minutes
        )
        raise TooManyAttempts(sentence % {"n": minutes})
    return key


def clear_attempts(key: str) -> None:
    """Reset the counter after a success."""
    try:
        cache.delete(key)
    except Exception as error:
        logger.warning("sign-in attempts are not counted", extra={"cause": type(error).__name__})


def network_of(address: str) -> str:
    """Return the network that attempts are counted for: a client usually controls a whole /64 of IPv6 addresses."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)
