"""The browsers in which users are signed in: recorded, listed, and signed out remotely."""

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
from accounts.audit.services import Action, record_entry
from accounts.people.models import User
from accounts.sign_in.models import SignedInBrowser
from cpms.common.messaging.news import hint, person_group
from cpms.common.web.user_agents import RECORD_PREFIX, _names_of

logger = logging.getLogger(__name__)


SESSION_KEY = "browser"  # holds the primary key of the browser's row


SEEN_INTERVAL = timedelta(minutes=5)  # not every request of a page that polls may write


MAX_LAST_WRITES = 50_000


_last_writes: dict[int, float] = {}  # monotonic time of this process's last write, by row


def record_sign_in(request: HttpRequest, user: User) -> None:
    """Record that a browser has signed in."""
    session: Any = request.session
    if session.session_key is None:
        session.create()
    SignedInBrowser.objects.filter(pk=session.get(SESSION_KEY, 0)).delete()  # the browser was signed in already
    row = SignedInBrowser.objects.create(
        user=user,
        session_key=session.session_key,
        session_hash=user.get_session_auth_hash(),
        address=_address(request),
        agent=request.META.get("HTTP_USER_AGENT", "")[:300].replace("\0", ""),
    )
    session[SESSION_KEY] = row.pk


def record_sign_out(request: HttpRequest) -> None:
    """Delete the row of a browser; call it before the session ends."""
    SignedInBrowser.objects.filter(pk=request.session.get(SESSION_KEY, 0)).delete()


def record_new_session_key(request: HttpRequest, user: User) -> None:
    """Record the new session key of a browser that stays signed in after a change of password."""
    fields = {"session_key": request.session.session_key, "session_hash": user.get_session_auth_hash()}
    SignedInBrowser.objects.filter(pk=request.session.get(SESSION_KEY, 0)).update(**fields)


def record_last_seen(request: HttpRequest) -> None:
    """Record when a browser was last seen, at most every five minutes per process.

    The session itself is not saved, since that could undo what another request writes to it at the same time.
    """
    key, now = request.session.get(SESSION_KEY), time.monotonic()
    if not isinstance(key, int) or now - _last_writes.get(key, -1e9) < SEEN_INTERVAL.total_seconds():
        return
    if len(_last_writes) >= MAX_LAST_WRITES:
        _last_writes.clear()
    _last_writes[key] = now
    at = timezone.now()
    outdated = SignedInBrowser.objects.filter(pk=key, last_seen_at__lt=at - SEEN_INTERVAL)
    outdated.update(last_seen_at=at, address=_address(request))


def browsers_of(user: User) -> list[SignedInBrowser]:
    """Return the browsers in which a user is signed in, last seen first. Two queries."""
    rows = list(user.browsers.filter(session_hash=user.get_session_auth_hash()))
    alive = Session.objects.filter(session_key__in=[row.session_key for row in rows], expire_date__gt=timezone.now())
    keys = set(alive.values_list("session_key", flat=True))
    return [row for row in rows if row.session_key in keys]


def sign_out(*, browser: SignedInBrowser, actor: User) -> None:
    """Sign out one browser remotely. Its open pages go to the sign-in page immediately."""
    _end([browser], browser.user, actor)


@transaction.atomic
def sign_out_others(*, user: User, keep_session: str | None, actor: User | None = None) -> int:
    """Sign out all browsers of a user except one.

    Args:
        keep_session: the key of the session that stays; None to end all of them.
        actor: who asked for it, for the audit log; None if another entry records it already.

    Returns:
        How many browsers were signed out.
    """
    rows = list(user.browsers.exclude(session_key=keep_session or ""))
    _end(rows, user, actor)
    return len(rows)


def _end(rows: Sequence[SignedInBrowser], user: User, actor: User | None) -> None:
    with transaction.atomic():
        SignedInBrowser.objects.filter(pk__in=[row.pk for row in rows]).delete()
        for row in rows if actor is not None else ():
            where = "|".join([RECORD_PREFIX, *_names_of(row.agent), row.address or ""])
            changes = {"signed_in": [where, ""]}
            record_entry(user, actor=actor, team_id=team_of(user), changes=changes, action=Action.UPDATE)
        # After the commit: a session that is deleted only from the cache would be read from the database again.
        transaction.on_commit(partial(_delete_sessions, [row.session_key for row in rows]))
        hint(person_group(user.pk), {"type": "recheck"})
    logger.info("signed out from elsewhere", extra={"user": user.pk, "browsers": len(rows)})


def _delete_sessions(keys: Sequence[str]) -> None:
    store = import_module(settings.SESSION_ENGINE).SessionStore
    for key in keys:
        store(key).delete()


def delete_old_browsers() -> None:
    """Delete the rows of browsers whose sessions have expired."""
    long_ago = timezone.now() - timedelta(seconds=settings.SESSION_COOKIE_AGE) - SEEN_INTERVAL
    SignedInBrowser.objects.filter(last_seen_at__lt=long_ago).delete()


def _address(request: HttpRequest) -> str | None:
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:  # empty behind a unix socket
        return None
