"""Forms for signing in and for two-factor authentication."""

from __future__ import annotations

from typing import Any

from allauth.account.forms import LoginForm as AllauthLoginForm
from allauth.account.models import Login
from django import forms
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from accounts.people.models import User
from accounts.people.services import MAX_PASSWORD_LENGTH
from accounts.sign_in.services import captcha, known_browsers
from accounts.sign_in.services.factors import MAX_NAME_LENGTH
from accounts.sign_in.services.signing_in import authenticate_person
from cpms.common.errors import DomainError


class LoginForm(AllauthLoginForm):
    """Ask for e-mail, password and, if needed, a captcha. The error does not reveal which of them is wrong."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"] = forms.EmailField(label=_("E-mail"), max_length=254)
        self.fields["password"] = forms.CharField(label=_("Password"), strip=False, widget=forms.PasswordInput)
        self.fields["login"].widget.attrs |= {"class": "form-control", "autocomplete": "username"}
        self.fields["password"].widget.attrs |= {"class": "form-control", "autocomplete": "current-password"}
        self.order_fields(["login", "password"])
        self.client_address = str(self.request.META.get("REMOTE_ADDR", ""))
        email = str(self.data.get("login", ""))
        self.device = known_browsers.device_for(self.request, email)
        self._add_captcha_if_needed(email)

    def _add_captcha_if_needed(self, email: str) -> None:
        """Add the captcha if the failures so far require one, as hard as they require."""
        level = captcha.level_for(self.client_address, email, is_known=bool(self.device))
        if level is not None:
            self.fields["captcha"] = captcha.CaptchaField(label=_("Captcha"), level=level)

    def _clean_with_password(self, credentials: dict[str, Any]) -> dict[str, Any]:
        """Check the password. Allauth calls this only after the captcha was solved, so guessing costs work."""
        email = str(self.cleaned_data["login"])
        try:
            password = credentials["password"]
            self.user = authenticate_person(
                email=email, password=password, address=self.client_address, device=self.device
            )
        except DomainError as error:
            self._add_captcha_if_needed(email)
            raise ValidationError(str(error)) from None
        self._login = Login(user=self.user, email=email)
        return self.cleaned_data


class NewPasswordForm(forms.Form):
    """A new password, entered twice."""

    password1 = forms.CharField(
        label=_("New password"),
        max_length=MAX_PASSWORD_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "form-control"}),
        help_text=_("At least 8 characters. No common words, and no part of your name or e-mail."),
    )
    password2 = forms.CharField(
        label=_("Repeat new password"),
        max_length=MAX_PASSWORD_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "form-control"}),
    )

    def __init__(self, *args: Any, user: User | None = None, temp_key: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user = user

    def clean_password2(self) -> str:
        first, second = self.cleaned_data.get("password1"), str(self.cleaned_data["password2"])
        if first is not None and first != second:
            raise ValidationError(_("The passwords do not match."))
        return second

    def clean_password1(self) -> str:
        password = str(self.cleaned_data["password1"])
        validate_password(password, self.user)
        return password


class ResetForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "class": "form-control"}),
    )


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "class": "form-control", "inputmode": "numeric", "autofocus": True}
        ),
    )


class FirstFactorForm(forms.Form):
    """Base of the forms that add an app or a passkey. The first one of support staff needs an enrolment code."""

    enrolment_code = forms.CharField(
        label=_("Enrolment code"),
        max_length=40,
        required=False,
        help_text=_(
            "Support staff need one to set up two-factor authentication. The command “add_user --staff” prints it, or "
            "another member of the support staff issues it in the administration."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off", "class": "form-control mono"}),
    )

    def __init__(self, *args: Any, needs_enrolment_code: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not needs_enrolment_code:
            del self.fields["enrolment_code"]


class AppForm(FirstFactorForm):
    code = forms.CharField(
        label=_("Code from the app"),
        max_length=20,
        widget=forms.TextInput(
            attrs={"autocomplete": "one-time-code", "class": "form-control", "inputmode": "numeric"}
        ),
    )


class ConfirmForm(forms.Form):
    password = forms.CharField(
        label=_("Your password"),
        max_length=MAX_PASSWORD_LENGTH,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "class": "form-control"}),
    )


class KeyForm(FirstFactorForm):
    name = forms.CharField(
        label=_("Name"),
        max_length=MAX_NAME_LENGTH,
        help_text=_("A name by which you recognise it, for example “Laptop” or “Blue key”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
