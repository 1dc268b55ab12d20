"""Names and labels are one line: they stand in subjects of mails, headers of files and lines of logs."""

from __future__ import annotations

import re
from typing import Any

from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _

from cpms.common.errors import DomainError

# Line and paragraph ends, other controls, and marks that turn the direction of what follows.
NOT_IN_A_LINE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def check_lines(**texts: str) -> None:
    """
    Raises:
        DomainError: one of these texts holds a line break or another control character (`fields` names it).
    """
    wrong = {name: _sentence() for name, text in texts.items() if NOT_IN_A_LINE.search(text)}
    if wrong:
        raise DomainError(_sentence(), fields=wrong)


def line_refusal(text: str) -> str:
    """Return the sentence that says why this text cannot be a name; nothing where it can."""
    return _sentence() if NOT_IN_A_LINE.search(text) else ""


def validate_line(value: Any) -> None:
    """The same for a form's field."""
    if isinstance(value, str) and NOT_IN_A_LINE.search(value):
        raise ValidationError(_sentence(), code="control_characters")


def _sentence() -> str:
    return _("Line breaks and other control characters are not allowed here.")
