"""Read texts and numbers from URLs and forms, which clients can manipulate."""

from __future__ import annotations


def whole_number(text: str | None, *, max_digits: int = 18) -> int | None:
    """Return the text as a whole number, or None if it is not one.

    Args:
        text: only ASCII digits are accepted, without sign or spaces.
        max_digits: longer texts give None; a database key has room for 18 digits.
    """
    is_number = text is not None and text.isascii() and text.isdigit() and len(text) <= max_digits
    return int(text) if is_number and text is not None else None


def without_nul(text: str) -> str:
    """Remove NUL characters, which PostgreSQL cannot store."""
    return text.replace("\0", "")
