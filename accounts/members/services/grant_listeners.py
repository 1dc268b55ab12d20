"""Listeners for new grants. Apps above accounts register here, since accounts must not import them."""

from __future__ import annotations

from collections.abc import Callable

from accounts.access.models import Grant

_listeners: list[Callable[[Grant], None]] = []


def register(listener: Callable[[Grant], None]) -> None:
    """Call a function for every new grant, in the transaction that creates it."""
    _listeners.append(listener)


def announce(grant: Grant) -> None:
    """Call the listeners with a grant that was just created."""
    for listener in _listeners:
        listener(grant)
