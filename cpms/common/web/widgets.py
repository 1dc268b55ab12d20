"""Form widgets that several apps use, with the CSS classes of our components."""

from __future__ import annotations

from typing import Any

from django import forms

SELECT = forms.Select(attrs={"class": "form-select"})
TEXT = forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"})
DATE = forms.DateInput(attrs={"class": "form-control", "type": "date"}, format="%Y-%m-%d")


class DateTimeLocalInput(forms.DateTimeInput):
    """The browser's input for date and time, to the minute, in the user's time zone."""

    input_type = "datetime-local"

    def __init__(self, attrs: dict[str, Any] | None = None) -> None:
        super().__init__(attrs={"class": "form-control"} if attrs is None else attrs, format="%Y-%m-%dT%H:%M")
