"""Where people are signed in: written down, shown, and ended from elsewhere."""

from __future__ import annotations

import ipaddress
import logging
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from importlib import import_module
from typing import Any

from django.conf import settings
from django.contrib.sessions.models import Session
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from accounts.audit.context import team_of
from accounts.audit.services import Action, note
from accounts.people.models import User
from accounts.sign_in.models import SignedInBrowser
from cpms.common.messaging.news import hint, person_group
from cpms.common.web.user_agents import RECORD_PREFIX, _names_of

logger = logging.getLogger(__name__)


KEY = "browser"  # in the browser's session: which row it is


SEEN_EVERY = timedelta(minutes=5)  # a page that asks every second must not write every second


MAX_REMEMBERED = 50_000


_noted: dict[int, float] = {}  # when this process wrote last that a browser was seen, by its row


def note_sign_in(request: HttpRequest, user: User) -> None:
    """A browser is signed in from now on."""
    session: Any = request.session
    if session.session_key is None:
        session.create()
    SignedInBrowser.objects.filter(pk=session.get(KEY, 0)).delete()  # it was signed in already
    row = SignedInBrowser.objects.create(
        user=user,
        session_key=session.session_key,
        session_hash=user.get_session_auth_hash(),
        address=_address(request),
        agent=request.META.get("HTTP_USER_AGENT", "")[:300].replace("\0", ""),
    )
    session[KEY] = row.pk


def note_sign_out(request: HttpRequest) -> None:
    """To be called before the session ends."""
    SignedInBrowser.objects.filter(pk=request.session.get(KEY, 0)).delete()


def note_new_key(request: HttpRequest, user: User) -> None:
    """The browser stays signed in, but its session has another key: the password was changed in it."""
    facts = {"session_key": request.session.session_key, "session_hash": user.get_session_auth_hash()}
    SignedInBrowser.objects.filter(pk=request.session.get(KEY, 0)).update(**facts)


def note_seen(request: HttpRequest) -> None:
    """Write down that a browser asked for something, at most every five minutes of each process.

    The session itself is not written: that could undo what another request writes into it at the same time.
    """
    key, now = request.session.get(KEY), time.monotonic()
    if not isinstance(key, int) or now - _noted.get(key, -1e9) < SEEN_EVERY.total_seconds():
        return
    if len(_noted) >= MAX_REMEMBERED:
        _noted.clear()
    _noted[key] = now
    at = timezone.now()
    late = SignedInBrowser.objects.filter(pk=key, last_seen_at__lt=at - SEEN_EVERY)
    late.update(last_seen_at=at, address=_address(request))


def browsers_of(user: User) -> list[SignedInBrowser]:
    """Where this person is signed in now, what was seen last first: two queries."""
    rows = list(user.browsers.filter(session_hash=user.get_session_auth_hash()))
    alive = Session.objects.filter(session_key__in=[row.session_key for row in rows], expire_date__gt=timezone.now())
    keys = set(alive.values_list("session_key", flat=True))
    return [row for row in rows if row.session_key in keys]


def sign_out(*, browser: SignedInBrowser, actor: User) -> None:
    """End one signing-in from elsewhere: its next request is nobody's, and its open pages leave at once."""
    _end([browser], browser.user, actor)


@transaction.atomic
def sign_out_others(*, user: User, but: str | None, actor: User | None = None) -> int:
    """End all of a person's but one.

    Args:
        but: the key of the session that stays; None for none of them.
        actor: who asks for it, for the audit trail; None where something else is written there already.

    Returns:
        How many there were.
    """
    rows = list(user.browsers.exclude(session_key=but or ""))
    _end(rows, user, actor)
    return len(rows)


def _end(rows: Sequence[SignedInBrowser], user: User, actor: User | None) -> None:
    with transaction.atomic():
        SignedInBrowser.objects.filter(pk__in=[row.pk for row in rows]).delete()
        for row in rows if actor is not None else ():
            where = "|".join([RECORD_PREFIX, *_names_of(row.agent), row.address or ""])
            note(user, actor=actor, team_id=team_of(user), changes={"signed_in": [where, ""]}, action=Action.UPDATE)
        # After the commit: a session that is gone from the cache only would be read from the database again.
        transaction.on_commit(partial(_drop, [row.session_key for row in rows]))
        hint(person_group(user.pk), {"type": "recheck"})
    logger.info("signed out from elsewhere", extra={"user": user.pk, "browsers": len(rows)})


def _drop(keys: Sequence[str]) -> None:
    store = import_module(settings.SESSION_ENGINE).SessionStore
    for key in keys:
        store(key).delete()


def forget_old_browsers() -> None:
    """A session that nobody used for as long as it lives has ended by itself."""
    long_ago = timezone.now() - timedelta(seconds=settings.SESSION_COOKIE_AGE) - SEEN_EVERY
    SignedInBrowser.objects.filter(last_seen_at__lt=long_ago).delete()


def _address(request: HttpRequest) -> str | None:
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:  # behind a unix socket there is none
        return None
