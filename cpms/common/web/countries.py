"""Countries by ISO 3166-1 code, with their names in the user's language."""

from __future__ import annotations

from collections.abc import Iterator

from django import forms
from django.utils.translation import gettext_lazy as _
from django_countries import countries


def is_country(code: str) -> bool:
    """Return whether the code is empty or that of a country."""
    return not code or code in countries


def country_name(code: str) -> str:
    """Return the country's name in the user's language, or the code itself if it is unknown."""
    return str(countries.name(code)) or code


def _choices() -> Iterator[tuple[str, str]]:
    yield "", ""
    yield from ((country.code, country.name) for country in countries)


class CountryField(forms.TypedChoiceField):
    """A choice of countries by name. The value is a country code or empty."""

    def __init__(self, **kwargs: object) -> None:
        super().__init__(choices=_choices, required=False, empty_value="", label=_("Country"), **kwargs)  # type: ignore[arg-type]

    def to_python(self, value: object) -> str:
        return super().to_python(value).upper()
