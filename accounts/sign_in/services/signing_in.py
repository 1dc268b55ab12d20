"""Check a password or a client's secret, and slow down whoever guesses.

Three counters: (source, account) by the minute, and by the hour the different accounts that one source failed at and
the failures at one account from everywhere. Pages and API share them.
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
from accounts.sign_in.services.attempts import TooManyAttempts, count_attempt, forget_attempts, network_of
from cpms.common.errors import DomainError

logger = logging.getLogger(__name__)
HOUR = 60 * 60
WRONG_KEYS_PER_MINUTE = 60  # of one source; a program with an old key is told to slow down


@dataclass(frozen=True, slots=True)
class Failures:
    """Failed attempts of the last hour, or None for both when the cache is unavailable."""

    of_source: int = 0
    at_account: int = 0


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that was counted before its password was checked."""

    pair: str
    counted: tuple[str, ...]
    mark: str  # set when this source had not tried this account before

    def succeeded(self) -> None:
        """Take back what was counted: only failures count."""
        forget_attempts(self.pair)
        try:
            for key in self.counted:
                if cache.decr(key) < 0:
                    cache.delete(key)
            if self.mark:
                cache.delete(self.mark)
        except ValueError:  # the hour has ended
            pass
        except Exception as error:
            _not_counted(error)


def authenticate_person(*, email: str, password: str, address: str, device: str = "") -> User:
    """Return the active person with this address and password: for the sign-in page, the admin and the token endpoint.

    Args:
        address: where the attempt comes from.
        device: of a browser that signed in to this account before; it is not stopped by what others do.

    Raises:
        TooManyAttempts: one of the three counters is over its limit.
        DomainError: address and password do not match; which of the two is wrong is not said.
    """
    attempt = begin_attempt(source=address, account=email, device=device)
    if len(password) <= MAX_PASSWORD_LENGTH and "\0" not in email:
        user = authenticate(None, username=email.strip(), password=password)
        if isinstance(user, User):
            attempt.succeeded()
            return user
    raise DomainError(_("E-mail address and password do not fit."))


def begin_attempt(*, source: str, account: str, device: str = "", what: str = "login") -> Attempt:
    """Count an attempt before anything is checked, so that a hundred at once are a hundred.

    Args:
        device: of a browser that signed in to this account before: only its own attempts count against it.

    Raises:
        TooManyAttempts: too many of this source for this account, or of this source for different accounts. Where an
            account has been tried too often, a source that it does not know has one attempt a minute.
    """
    is_hit = not device and _read(_account_key(account)) >= settings.LOGIN_FAILURES_PER_ACCOUNT
    pair = count_attempt(what, device or source, account, most=1 if is_hit else None)
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
    """Count an API key that is not valid. Valid ones are never refused for it.

    Raises:
        TooManyAttempts: too many wrong ones of this source.
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


def failures(source: str, account: str) -> Failures | None:
    """Return the failures of the last hour, or None when they are not known."""
    keys = [_source_key(source), _account_key(account)]
    try:
        found = cache.get_many(keys)
    except Exception as error:
        _not_counted(error)
        return None
    return Failures(found.get(keys[0], 0), found.get(keys[1], 0) if account else 0)


def source_keys(source: str) -> list[str]:
    """Return the names of the counters of a source."""
    return [_source_key(source), _accounts_key(source)]


def _count_account(source: str, account: str) -> tuple[int, str]:
    """Return how many different accounts this source has tried, and the mark of this one if it is new."""
    mark = _key("tried", f"{network_of(source)} {account.strip().lower()}")
    try:
        if cache.add(mark, 1, HOUR):
            return _count(_accounts_key(source)), mark
    except Exception as error:
        _not_counted(error)
    return _read(_accounts_key(source)), ""


def _count(key: str) -> int:
    try:
        cache.add(key, 0, HOUR)
        return int(cache.incr(key))
    except ValueError:  # it expired between the two
        return 0
    except Exception as error:  # a cache that is away must not lock everybody out
        _not_counted(error)
        return 0


def _read(key: str) -> int:
    try:
        return int(cache.get(key, 0))
    except Exception as error:
        _not_counted(error)
        return 0


def _source_key(source: str) -> str:
    return _key("source", network_of(source))


def _accounts_key(source: str) -> str:
    return _key("accounts", network_of(source))


def _account_key(account: str) -> str:
    return _key("account", account.strip().lower())


def _key(kind: str, name: str) -> str:
    """Of this hour; the cache keeps no address in the clear."""
    hashed = salted_hmac(f"sign-in {kind}", f"{int(time.time()) // HOUR} {name}", algorithm="sha256").hexdigest()
    return f"sign-in-{hashed}"


def _not_counted(error: Any) -> None:
    logger.warning("log-in attempts are not counted", extra={"cause": type(error).__name__})
