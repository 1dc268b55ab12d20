"""Validation of single-line texts: names and labels appear in e-mail subjects, file headers and log lines."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from cpms.common.errors import DomainError

# Line and paragraph separators, other control characters, and marks that change the text direction.
NOT_IN_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def check_lines(**texts: str) -> None:
    """Validate texts by field name.

    Raises:
        DomainError: a text contains a line break or another control character (`fields` names it).
    """
    wrong = {name: _sentence() for name, text in texts.items() if NOT_IN_A_LINE.search(text)}
    if wrong:
        raise DomainError(_sentence(), fields=wrong)


def line_refusal(text: str) -> str:
    """Return an error message if the text contains control characters, otherwise an empty text."""
    return _sentence() if NOT_IN_A_LINE.search(text) else ""


def validate_line(value: Any) -> None:
    """Validate the value of a form field."""
    if isinstance(value, str) and NOT_IN_A_LINE.search(value):
        raise ValidationError(_sentence(), code="control_characters")


def _sentence() -> str:
    return _("Line breaks and other control characters are not allowed here.")
