"""Exceptions by which services refuse a request, with messages for the user."""

from collections.abc import Mapping
from typing import NoReturn


class DomainError(Exception):
    """A service refuses a request because of a rule.

    Args:
        message: the sentence for the user, translated.
        fields: messages by input field, if fields are invalid.
    """

    def __init__(self, message: str, *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})


class NotAllowed(DomainError):
    """The user may see the object but may not do this to it (403)."""


def refuse(field: str, sentence: str) -> NoReturn:
    """Refuse an input because of one field.

    Raises:
        DomainError: always; the sentence is also that of the field.
    """
    raise DomainError(sentence, fields={field: sentence})
