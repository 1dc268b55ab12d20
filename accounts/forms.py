"""Forms of people: signing in, keys for programs."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib.auth.forms import AuthenticationForm
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.services import LONGEST_TOKEN_NAME, authenticate_person
from cpms.common.errors import DomainError


class LoginForm(AuthenticationForm):
    """E-mail and password; what is wrong is said without telling which of the two."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["username"].widget.attrs |= {"class": "form-control", "autocomplete": "username", "type": "email"}
        self.fields["password"].widget.attrs |= {"class": "form-control", "autocomplete": "current-password"}

    def clean(self) -> dict[str, Any]:
        email, password = self.cleaned_data.get("username"), self.cleaned_data.get("password")
        if email is not None and password:
            address = self.request.META.get("REMOTE_ADDR", "") if self.request else ""
            try:
                self.user_cache = authenticate_person(email=email, password=password, address=address)
            except DomainError as error:
                raise ValidationError(str(error)) from None
        return self.cleaned_data


class ApiTokenForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=LONGEST_TOKEN_NAME,
        help_text=_("What the program is called, so that you recognise the token later."),
    )
