"""Helpers to search the message log by action."""

from __future__ import annotations

from chargers import protocols


def canonical_action(action: str) -> str:
    """Return an action in the spelling of OCPP, whatever case it was typed in."""
    return protocols.spelling_of(action)


def use_partial_index(*, action: str = "", is_to_station: bool = False, has_error: bool = False) -> bool:
    """Whether a partial index of the message log covers a search for these criteria."""
    return (bool(action) and not protocols.is_usual(action)) or is_to_station or has_error
