"""Checks that installations and circuits share."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from chargers.installations.models import FUSE_STEP_A, MAX_FUSE_A, MIN_FUSE_A
from cpms.common.errors import DomainError, refuse


def fuse(field: str, amperes: Decimal | int | float | str) -> Decimal:
    """Return the rating of a fuse or breaker in amperes.

    Raises:
        DomainError: it is not between 1 and 6,000 A, or no multiple of 0.1 A (`fields` names the field).
    """
    exact = Decimal(str(amperes))
    if not MIN_FUSE_A <= exact <= MAX_FUSE_A:
        refuse(field, _("The fuse rating must be 1 to 6,000 A."))
    if exact != exact.quantize(FUSE_STEP_A):
        refuse(field, _("Enter the fuse rating in steps of 0.1 A."))
    return exact


def clean(row: Any, *, exclude: list[str], multiline: tuple[str, ...] = ()) -> None:
    """Validate a row against its model's fields and reject characters that cannot be printed.

    Args:
        exclude: fields that are not validated.
        multiline: fields whose text may have line breaks.

    Raises:
        DomainError: a value is wrong (`fields` names which).
    """
    try:
        row.clean_fields(exclude=exclude)
    except ValidationError as error:
        name, texts = next(iter(error.message_dict.items()))
        raise DomainError(texts[0], fields={name: texts[0]}) from None
    for field in row._meta.concrete_fields:
        value = getattr(row, field.attname)
        if isinstance(value, str):
            lines = value.splitlines() if field.name in multiline else [value]
            if not all(line.isprintable() for line in lines):
                refuse(field.name, _("Only printable characters are allowed."))
