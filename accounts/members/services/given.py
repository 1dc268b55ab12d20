"""Who needs to know that access was given registers here, since accounts imports none of the apps above it."""

from __future__ import annotations

from collections.abc import Callable

from accounts.access.models import Grant

_listeners: list[Callable[[Grant], None]] = []


def register(listener: Callable[[Grant], None]) -> None:
    """Have a function called in the transaction that gives access."""
    _listeners.append(listener)


def announce(grant: Grant) -> None:
    """Call the listeners with a grant that was just created."""
    for listener in _listeners:
        listener(grant)
