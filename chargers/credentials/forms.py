"""Forms for the password of a station."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from chargers.credentials.services import MAX_PASSWORD_LENGTH


class PasswordField(forms.CharField):
    """A station's password. It is displayed, since users must type it at the station."""

    def __init__(self, **kwargs: Any) -> None:
        attributes = {"autocomplete": "off", "spellcheck": "false", "class": "mono"}
        super().__init__(
            label=gettext_lazy("Password"),
            max_length=MAX_PASSWORD_LENGTH,
            min_length=8,
            widget=forms.TextInput(attrs=attributes),
            help_text=gettext_lazy(
                "The station signs in with this password. If the station does not accept one this long, use at least "
                "16 characters; shorter passwords can be guessed."
            ),
            **kwargs,
        )


class StationPasswordForm(forms.Form):
    password = PasswordField()
