"""The form field for the value of a tag."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError

from chargers.tags.services.adding import MAX_TAG_LENGTH, length_refusal


class TagValueField(forms.CharField):
    """Reject a value that is too long; a limit in the browser would silently cut off a pasted value.

    The initial value may be longer: a station may have sent it.
    """

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.widget.attrs |= {"autocomplete": "off", "spellcheck": "false"}

    def clean(self, value: Any) -> Any:
        cleaned = super().clean(value)
        if len(cleaned) > MAX_TAG_LENGTH and cleaned != self.initial:
            raise ValidationError(length_refusal())
        return cleaned
