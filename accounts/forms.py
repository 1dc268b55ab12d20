"""Forms of people: signing in, keys for programs."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import LoginForm as AllauthLoginForm
from allauth.account.models import Login
from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts import captcha
from accounts.services import LONGEST_TOKEN_NAME, authenticate_person
from cpms.common.errors import DomainError


class LoginForm(AllauthLoginForm):
    """E-mail, password and, where it is asked for, the captcha; what is wrong is said without telling which."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"] = forms.EmailField(label=_("E-mail"), max_length=254)
        self.fields["password"] = forms.CharField(label=_("Password"), strip=False, widget=forms.PasswordInput)
        self.fields["login"].widget.attrs |= {"class": "form-control", "autocomplete": "username"}
        self.fields["password"].widget.attrs |= {"class": "form-control", "autocomplete": "current-password"}
        self.order_fields(["login", "password"])
        self.source = str(self.request.META.get("REMOTE_ADDR", ""))
        if captcha.is_needed(self.source, str(self.data.get("login", ""))):
            self.fields["captcha"] = captcha.CaptchaField(label=_("Check against robots"))

    def _clean_with_password(self, credentials: dict[str, Any]) -> dict[str, Any]:
        """Only reached with a right captcha: who has none learns nothing about a password."""
        email = str(self.cleaned_data["login"])
        try:
            self.user = authenticate_person(email=email, password=credentials["password"], address=self.source)
        except DomainError as error:
            captcha.note_failure(self.source, email)
            if "captcha" not in self.fields and captcha.is_needed(self.source, email):
                self.fields["captcha"] = captcha.CaptchaField(label=_("Check against robots"))
            raise ValidationError(str(error)) from None
        self._login = Login(user=self.user, email=email)
        return self.cleaned_data


class ApiTokenForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=LONGEST_TOKEN_NAME,
        help_text=_("What the program is called, so that you recognise the token later."),
    )
