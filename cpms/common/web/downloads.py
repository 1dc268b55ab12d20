"""Records who exports data. This package imports no app, so the app that writes the record registers itself here."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any, NamedTuple

from django import forms
from django.db.models import Model
from django.utils import timezone

if TYPE_CHECKING:
    from accounts.models import User

MAX_VALUE_LENGTH = 120


class Download(NamedTuple):
    """A file that somebody is about to get.

    Attributes:
        name: of the list, the same in every language.
        right: what one must be allowed to do with a place for its rows to be in the file.
        form: "csv", "xlsx", "json".
        filters: those in force, each with its value; empty where the value may be a secret.
        teams: whose rows they are, where that is known; otherwise it is told from the right.
    """

    person: User
    model: type[Model]
    name: str
    right: str
    form: str
    filters: dict[str, str]
    teams: Sequence[int | None] | None = None


_noted_by: list[Callable[[Download], None]] = []


def register(note: Callable[[Download], None]) -> None:
    """Have a function called before each download. What it raises stops the download."""
    _noted_by.append(note)


def tell(download: Download) -> None:
    """Before the first byte goes: a download that breaks off, or was never read to its end, is known of as well."""
    for note in _noted_by:
        note(download)


def filters_told(form: forms.BaseForm) -> dict[str, str]:
    """The filters in force of a valid form.

    Choices, times and numbers keep their value. What somebody types freely is left out, since it may be a tag, which
    opens a station, or a person's name or address.
    """
    told = {}
    for name, field in form.fields.items():
        chosen = form.cleaned_data.get(name)
        if chosen not in (None, "", [], ()):
            told[name] = _harmless(field, chosen)[:MAX_VALUE_LENGTH]
    return told


def _harmless(field: forms.Field, chosen: Any) -> str:
    if isinstance(chosen, Model):
        return str(chosen.pk)
    if isinstance(chosen, datetime):
        return chosen.astimezone(timezone.get_default_timezone()).isoformat(timespec="seconds")
    if isinstance(chosen, bool | date | int | Decimal):
        return str(chosen)
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
        return ",".join(map(str, chosen)) if isinstance(chosen, list) else str(chosen)
    return ""
