"""Translation tables between OCPP's terms and our own."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

Translations = Mapping[str, str]  # plain strings, as they are stored
NO_TRANSLATIONS: Translations = MappingProxyType({})


def inverted(table: Translations) -> Translations:
    """Return a table that translates in the opposite direction."""
    return {theirs: ours for ours, theirs in table.items()}
