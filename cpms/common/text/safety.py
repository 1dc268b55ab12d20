"""Detection of text that PostgreSQL cannot store. JSON input may contain it."""

from __future__ import annotations

import re
from typing import Any

UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
MAX_DEPTH = 64


def is_storable(value: Any, depth: int = 0) -> bool:
    """Return whether a value read from JSON has no NUL, no lone surrogate, and is not nested too deeply."""
    if isinstance(value, str):
        return not UNSTORABLE.search(value)
    if depth > MAX_DEPTH:
        return False
    if isinstance(value, dict):
        return all(is_storable(key) and is_storable(item, depth + 1) for key, item in value.items())
    if isinstance(value, list):
        return all(is_storable(item, depth + 1) for item in value)
    return True
