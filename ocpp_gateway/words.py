"""Tables of words: what one vocabulary says, in another."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

Words = Mapping[str, str]  # plain texts, as they are stored
NO_WORDS: Words = MappingProxyType({})


def turned_round(words: Words) -> Words:
    """Return a table that translates the other way."""
    return {theirs: ours for ours, theirs in words.items()}
