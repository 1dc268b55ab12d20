"""Records who exports data. This package imports no app, so the app that stores the record registers itself here."""

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
    """A file that a user is about to download.

    Attributes:
        name: the name of the list, the same in every language.
        right: the right that is needed at a station for its rows to be in the file.
        form: "csv", "xlsx" or "json".
        filters: the active filters with their values; a value is empty if it may be a secret.
        teams: the teams whose rows are exported, if known; otherwise derived from the right.
    """

    person: User
    model: type[Model]
    name: str
    right: str
    form: str
    filters: dict[str, str]
    teams: Sequence[int | None] | None = None


_listeners: list[Callable[[Download], None]] = []


def register(listener: Callable[[Download], None]) -> None:
    """Register a function that is called before each download. An exception stops the download."""
    _listeners.append(listener)


def record_download(download: Download) -> None:
    """Call the registered functions. Call it before the first byte is sent, so that aborted downloads are recorded."""
    for listener in _listeners:
        listener(download)


def active_filter_values(form: forms.BaseForm) -> dict[str, str]:
    """Return the active filters of a valid form with their values.

    Choices, times and numbers keep their value. Free text is left out, since it may be a tag, which allows charging, or
    a person's name or address.
    """
    values = {}
    for name, field in form.fields.items():
        chosen = form.cleaned_data.get(name)
        if chosen not in (None, "", [], ()):
            values[name] = _safe_value(field, chosen)[:MAX_VALUE_LENGTH]
    return values


def _safe_value(field: forms.Field, chosen: Any) -> str:
    if isinstance(chosen, Model):
        return str(chosen.pk)
    if isinstance(chosen, datetime):
        return chosen.astimezone(timezone.get_default_timezone()).isoformat(timespec="seconds")
    if isinstance(chosen, bool | date | int | Decimal):
        return str(chosen)
    if isinstance(field, forms.ChoiceField) and not isinstance(field, forms.ModelChoiceField):
        return ",".join(map(str, chosen)) if isinstance(chosen, list) else str(chosen)
    return ""
