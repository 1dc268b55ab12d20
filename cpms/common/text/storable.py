"""Text that no database can keep: what comes in as JSON may hold it, and PostgreSQL would answer with an error."""

from __future__ import annotations

import re
from typing import Any

NOT_STORABLE = re.compile("[\x00\ud800-\udfff]")
DEEPEST = 64


def is_storable(value: Any, depth: int = 0) -> bool:
    """Whether a value read from JSON has no NUL, no half of a surrogate pair, and is not absurdly deep."""
    if isinstance(value, str):
        return not NOT_STORABLE.search(value)
    if depth > DEEPEST:
        return False
    if isinstance(value, dict):
        return all(is_storable(key) and is_storable(item, depth + 1) for key, item in value.items())
    if isinstance(value, list):
        return all(is_storable(item, depth + 1) for item in value)
    return True
