"""Changes to teams, people and their keys, and how attempts are counted."""

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
    """Somebody tries passwords too quickly (429)."""

    retry_after_seconds: int = ATTEMPT_WINDOW_SECONDS


def count_attempt(
    what: str, address: str, email: str, *, most: int | None = None, seconds: int = ATTEMPT_WINDOW_SECONDS
) -> str:
    """Counts before anything is checked, so that a hundred tries at once are a hundred tries. Returns its key.

    Args:
        most: how many there may be; LOGIN_ATTEMPTS_PER_MINUTE where nothing is said.
        seconds: within how long.

    Raises:
        TooManyAttempts: more of this source for this e-mail address.
    """
    name = f"{network_of(address)} {email.strip().lower()}"
    key = f"{what}-{salted_hmac(what, name, algorithm='sha256').hexdigest()}"
    try:
        cache.add(key, 0, seconds)
        count = cache.incr(key)
    except ValueError:  # it expired between the two
        return key
    except Exception as error:  # a cache that is away must not lock everybody out
        logger.warning("log-in attempts are not counted", extra={"cause": type(error).__name__})
        return key
    if count > (settings.LOGIN_ATTEMPTS_PER_MINUTE if most is None else most):
        minutes = max(1, seconds // 60)
        sentence = ngettext(
            "Too many attempts. Please wait a minute.", "Too many attempts. Please wait %(n)d minutes.", minutes
        )
        raise TooManyAttempts(sentence % {"n": minutes})
    return key


def forget_attempts(key: str) -> None:
    """Who succeeded begins anew."""
    try:
        cache.delete(key)
    except Exception as error:
        logger.warning("log-in attempts are not counted", extra={"cause": type(error).__name__})


def network_of(address: str) -> str:
    """Who has one IPv6 address has 2^64 of them."""
    try:
        ip = ipaddress.ip_address(address)
    except ValueError:
        return address
    return str(ipaddress.ip_network((ip, 64), strict=False)) if ip.version == 6 else str(ip)
