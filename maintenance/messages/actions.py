"""How messages are searched for by their action: how it is written, and how frequent it is."""

from __future__ import annotations

from chargers import protocols


def written(action: str) -> str:
    """As OCPP writes it, in whatever case it was typed."""
    return protocols.spelling_of(action)


def are_rare(*, action: str = "", is_to_station: bool = False, has_error: bool = False) -> bool:
    """Whether messages that fulfil all of this are in one of the indexes of the few that somebody looks for."""
    return (bool(action) and not protocols.is_usual(action)) or is_to_station or has_error
