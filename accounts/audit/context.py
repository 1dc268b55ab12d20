"""What the audit log adds to a change: the actor, the client's address, and the team that may see it."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime
from typing import Any

from django.http import HttpRequest

current_request: ContextVar[HttpRequest | None] = ContextVar("current_request", default=None)
_history: ContextVar[dict[str, Any] | None] = ContextVar("history", default=None)


@contextmanager
def recorded_as_history(*, at: datetime, actor: Any) -> Iterator[None]:
    """Record changes inside the block as made by this actor at this time. For demo data only."""
    token = _history.set({"timestamp": at, "actor": actor, "actor_email": actor and actor.signature})
    try:
        yield
    finally:
        _history.reset(token)


def add_request_details(fields: dict[str, Any]) -> dict[str, Any]:
    """Return the fields of an entry with the actor and the address of the current request.

    The actor is read here and not in the middleware, since the user of an API token is known only after that.
    """
    if (history := _history.get()) is not None:
        return fields | history
    request = current_request.get()
    if request is None:
        return fields
    fields = {"remote_addr": _address(request)} | fields
    user = getattr(request, "user", None)
    if fields.get("actor") is None and user is not None and user.is_authenticated:
        fields["actor_id"] = user.pk
        fields.pop("actor", None)
        fields["actor_email"] = user.signature
    return fields


def _address(request: HttpRequest) -> str | None:
    try:
        return str(ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")))
    except ValueError:
        return None


def team_of(instance: Any) -> int | None:
    """Return the id of the team whose administrators may see entries about an object; None if there is no such team.

    Entries about a user and their own objects belong to their team if they are in exactly one.
    """
    kind = instance._meta.model_name
    if kind == "team":
        return int(instance.pk)
    if kind == "circuit":
        return _int_or_none(instance.installation.team_id)
    if kind == "programkey":
        return _int_or_none(instance.program.team_id)
    if hasattr(instance, "team_id"):
        return _int_or_none(instance.team_id)
    user = instance if kind == "user" else getattr(instance, "user", None)
    teams = list(user.memberships.values_list("team_id", flat=True)[:2]) if user is not None and user.pk else []
    return teams[0] if len(teams) == 1 else None


def _int_or_none(key: Any) -> int | None:
    return None if key is None else int(key)
