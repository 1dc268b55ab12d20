"""What the audit trail adds to a change: by whom, from where, and whose affair it is."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from django.http import HttpRequest

request_now: ContextVar[HttpRequest | None] = ContextVar("request_now", default=None)
_history: ContextVar[dict[str, Any] | None] = ContextVar("history", default=None)


@contextmanager
def recorded_as_history(*, at: datetime, actor: Any) -> Iterator[None]:
    """Write down what is changed inside as done by this person at this time. For demo data only."""
    token = _history.set({"timestamp": at, "actor": actor, "actor_email": actor and actor.signature})
    try:
        yield
    finally:
        _history.reset(token)


def complete(facts: dict[str, Any]) -> dict[str, Any]:
    """The person and the address of the request that is being answered. An API token's person is known only later than
    the request begins, so he is looked for here."""
    if (history := _history.get()) is not None:
        return facts | history
    request = request_now.get()
    if request is None:
        return facts
    facts = {"remote_addr": _address(request)} | facts
    user = getattr(request, "user", None)
    if facts.get("actor") is None and user is not None and user.is_authenticated:
        facts["actor_id"] = user.pk
        facts.pop("actor", None)
        facts["actor_email"] = user.signature
    return facts


def _address(request: HttpRequest) -> str | None:
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None


def team_of(instance: Any) -> int | None:
    """Whose affair an object is. A person's own things are his team's where he is in just one."""
    kind = instance._meta.model_name
    if kind == "team":
        return int(instance.pk)
    if kind == "circuit":
        return _whole(instance.installation.team_id)
    if kind == "programkey":
        return _whole(instance.program.team_id)
    if hasattr(instance, "team_id"):
        return _whole(instance.team_id)
    user = instance if kind == "user" else getattr(instance, "user", None)
    teams = list(user.memberships.values_list("team_id", flat=True)[:2]) if user is not None and user.pk else []
    return teams[0] if len(teams) == 1 else None


def _whole(key: Any) -> int | None:
    return None if key is None else int(key)
