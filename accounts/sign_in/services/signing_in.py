"""Check passwords and client secrets, and slow down guessing.

A source is the client's IPv4 address or IPv6 /64 network. There are three counters: attempts per minute of a source at
an account, and per hour the number of different accounts a source failed at and the failures at an account from all
sources. Pages and API share them.
"""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.auth import authenticate
from django.core.cache import cache
from django.utils.crypto import salted_hmac
from django.utils.translation import gettext as _

from accounts.people.models import User
from accounts.people.services import MAX_PASSWORD_LENGTH
from accounts.sign_in.services import alarms
from accounts.sign_in.services.attempts import TooManyAttempts, clear_attempts, count_attempt, network_of
from cpms.common.errors import DomainError

logger = logging.getLogger(__name__)
HOUR = 60 * 60
WRONG_KEYS_PER_MINUTE = 60  # per source; slows down applications with an old key


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed attempts of the current hour."""

    of_source: int = 0
    at_account: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was counted before its password was checked."""

    pair: str
    counted: tuple[str, ...]
    mark: str  # cache key, set if this source had not tried this account within the hour

    def succeeded(self) -> None:
        """Undo the counting, since only failures are counted."""
        clear_attempts(self.pair)
        try:
            for key in self.counted:
                if cache.decr(key) < 0:
                    cache.delete(key)
            if self.mark:
                cache.delete(self.mark)
        except ValueError:  # the hour has ended
            pass
        except Exception as error:
            _log_uncounted(error)


def authenticate_person(*, email: str, password: str, address: str, device: str = "") -> User:
    """Return the active user with this e-mail address and password. Used by the sign-in page and the token endpoint.

    Args:
        address: the client's IP address.
        device: the id of a browser that signed in to this account before; failures of others do not block it.

    Raises:
        TooManyAttempts: one of the three counters is over its limit.
        DomainError: the e-mail address or the password is wrong; the message does not reveal which.
    """
    attempt = start_attempt(source=address, account=email, device=device)
    if len(password) <= MAX_PASSWORD_LENGTH and "\0" not in email:
        user = authenticate(None, username=email.strip(), password=password)
        if isinstance(user, User):
            attempt.succeeded()
            return user
    raise DomainError(_("Wrong e-mail or password."))


def start_attempt(*, source: str, account: str, device: str = "", what: str = "login") -> Attempt:
    """Count an attempt before anything is checked, so that parallel attempts are all counted.

    Args:
        source: the client's IP address.
        device: the id of a browser that signed in to this account before; only its own attempts can block it.
        what: the kind of attempt; each kind has its own counters per minute.

    Raises:
        TooManyAttempts: the source tried this account, or different accounts, too often. An account that was tried too
            often from everywhere allows unknown sources one attempt a minute.
    """
    is_under_attack = not device and _read(_account_key(account)) >= settings.LOGIN_FAILURES_PER_ACCOUNT
    pair = count_attempt(what, device or source, account, most=1 if is_under_attack else None)
    counted = [_source_key(source), _account_key(account)]
    at_account = [_count(key) for key in counted][1]
    accounts, mark = _count_account(source, account)
    if mark:
        counted.append(_accounts_key(source))
    if at_account > settings.LOGIN_FAILURES_PER_ACCOUNT:
        alarms.raise_alarm(alarms.ACCOUNT, about=account.strip().lower(), count=at_account)
    if accounts > settings.LOGIN_ACCOUNTS_PER_SOURCE:
        _refuse_source(source, accounts, is_refused=not device)
    return Attempt(pair, tuple(counted), mark)


def count_wrong_key(*, source: str, key: str) -> None:
    """Count an invalid API key. Valid keys are never blocked.

    Raises:
        TooManyAttempts: the source sent too many invalid keys.
    """
    count_attempt("key", source, "", most=WRONG_KEYS_PER_MINUTE)
    accounts, _mark = _count_account(source, f"key {key}")
    if accounts > settings.LOGIN_ACCOUNTS_PER_SOURCE:
        _refuse_source(source, accounts, is_refused=True)


def _refuse_source(source: str, accounts: int, *, is_refused: bool) -> None:
    alarms.raise_alarm(alarms.SOURCE, about=network_of(source), count=accounts)
    if not is_refused:
        return
    error = TooManyAttempts(
        _("Too many different accounts were tried from your network. Try again later or from another network.")
    )
    error.retry_after_seconds = HOUR - int(time.time()) % HOUR
    raise error


def recent_failures(source: str, account: str) -> Failures | None:
    """Return the failures of the current hour, or None if the cache is unavailable."""
    keys = [_source_key(source), _account_key(account)]
    try:
        found = cache.get_many(keys)
    except Exception as error:
        _log_uncounted(error)
        return None
    return Failures(found.get(keys[0], 0), found.get(keys[1], 0) if account else 0)


def source_keys(source: str) -> list[str]:
    """Return the cache keys of the counters of a source."""
    return [_source_key(source), _accounts_key(source)]


def _count_account(source: str, account: str) -> tuple[int, str]:
    """Return how many different accounts this source has tried, and the mark of this one if it is new."""
    mark = _key("tried", f"{network_of(source)} {account.strip().lower()}")
    try:
        if cache.add(mark, 1, HOUR):
            return _count(_accounts_key(source)), mark
    except Exception as error:
        _log_uncounted(error)
    return _read(_accounts_key(source)), ""


def _count(key: str) -> int:
    try:
        cache.add(key, 0, HOUR)
        return int(cache.incr(key))
    except ValueError:  # the counter expired between the two calls
        return 0
    except Exception as error:  # a failing cache must not lock everybody out
        _log_uncounted(error)
        return 0


def _read(key: str) -> int:
    try:
        return int(cache.get(key, 0))
    except Exception as error:
        _log_uncounted(error)
        return 0


def _source_key(source: str) -> str:
    return _key("source", network_of(source))


def _accounts_key(source: str) -> str:
    return _key("accounts", network_of(source))


def _account_key(account: str) -> str:
    return _key("account", account.strip().lower())


def _key(kind: str, name: str) -> str:
    """Return a cache key for the current hour. Addresses are hashed, so that the cache holds none in plain text."""
    hashed = salted_hmac(f"sign-in {kind}", f"{int(time.time()) // HOUR} {name}", algorithm="sha256").hexdigest()
    return f"sign-in-{hashed}"


def _log_uncounted(error: Any) -> None:
    logger.warning("sign-in attempts are not counted", extra={"cause": type(error).__name__})
