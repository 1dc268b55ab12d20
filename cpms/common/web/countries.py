"""Countries by their codes of ISO 3166-1, with their names in the reader's language."""

from __future__ import annotations

from collections.abc import Iterator

from django import forms
from django.utils.translation import gettext_lazy as _
from django_countries import countries


def is_country(code: str) -> bool:
    """Whether this is the code of a country, or empty."""
    return not code or code in countries


def country_name(code: str) -> str:
    """Return the country's name in the reader's language; a code that is none as it is."""
    return str(countries.name(code)) or code


def _choices() -> Iterator[tuple[str, str]]:
    yield "", ""
    yield from ((country.code, country.name) for country in countries)


class CountryField(forms.TypedChoiceField):
    """Choose a country by its name; what comes out is its code, or nothing."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(choices=_choices, required=False, empty_value="", label=_("Country"), **kwargs)  # type: ignore[arg-type]

    def to_python(self, value: object) -> str:
        return super().to_python(value).upper()
