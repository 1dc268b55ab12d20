"""The 'no' of a service, in words for the person who asked."""

from collections.abc import Mapping
from typing import NoReturn


class DomainError(Exception):
    """A rule says no.

    Args:
        message: the sentence for the person (already translated).
        fields: the same, per input field, where the fault is one field's.
    """

    def __init__(self, message: str, *, fields: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.fields = dict(fields or {})


class NotAllowed(DomainError):
    """The person may see the object but may not do this to it (403)."""


def refuse(field: str, sentence: str) -> NoReturn:
    """Refuse an input because of one field.

    Raises:
        DomainError: always, with the sentence at that field.
    """
    raise DomainError(sentence, fields={field: sentence})
