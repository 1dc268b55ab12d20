"""Texts and numbers as they come from addresses and forms, which anybody may change."""

from __future__ import annotations


def whole_number(text: str | None, *, max_digits: int = 18) -> int | None:
    """Return the whole number that a text is, or None.

    Args:
        text: only ASCII digits count; signs, spaces and other scripts' digits do not.
        max_digits: a longer text is refused; 18 digits fit into a key of the database.
    """
    is_number = text is not None and text.isascii() and text.isdigit() and len(text) <= max_digits
    return int(text) if is_number and text is not None else None


def without_nul(text: str) -> str:
    """Remove NUL characters, which PostgreSQL stores in no text."""
    return text.replace("\0", "")
