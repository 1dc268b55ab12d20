"""Forms of people: signing in, keys for programs."""

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
    """E-mail, password and, where it is asked for, the captcha; what is wrong is said without telling which."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["login"] = forms.EmailField(label=_("E-mail"), max_length=254)
        self.fields["password"] = forms.CharField(label=_("Password"), strip=False, widget=forms.PasswordInput)
        self.fields["login"].widget.attrs |= {"class": "form-control", "autocomplete": "username"}
        self.fields["password"].widget.attrs |= {"class": "form-control", "autocomplete": "current-password"}
        self.order_fields(["login", "password"])
        self.source = str(self.request.META.get("REMOTE_ADDR", ""))
        email = str(self.data.get("login", ""))
        self.device = known_browsers.device_for(self.request, email)
        self._ask_for_captcha(email)

    def _ask_for_captcha(self, email: str) -> None:
        """As hard as the failures so far demand."""
        level = captcha.level_for(self.source, email, is_known=bool(self.device))
        if level is not None:
            self.fields["captcha"] = captcha.CaptchaField(label=_("Check against robots"), level=level)

    def _clean_with_password(self, credentials: dict[str, Any]) -> dict[str, Any]:
        """Only reached with a right captcha: who has none learns nothing about a password."""
        email = str(self.cleaned_data["login"])
        try:
            password = credentials["password"]
            self.user = authenticate_person(email=email, password=password, address=self.source, device=self.device)
        except DomainError as error:
            self._ask_for_captcha(email)
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
    """Of an app or a passkey; support staff's first one needs an enrolment code."""

    enrolment_code = forms.CharField(
        label=_("Enrolment code"),
        max_length=40,
        required=False,
        help_text=_(
            "Support staff needs one for the first second factor. The command “add_user --staff” prints it, or another "
            "member of the support staff issues it in the administration."
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
