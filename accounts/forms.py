"""Forms of people: signing in, keys for programs."""

from __future__ import annotations

import zoneinfo
from datetime import timedelta
from typing import Any

from allauth.account.forms import LoginForm as AllauthLoginForm
from allauth.account.models import Login
from django import forms
from django.conf import settings
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from accounts import captcha, known_browsers
from accounts.factors import LONGEST_NAME
from accounts.models import Theme, User
from accounts.rights import ApiScope, Role
from accounts.services import LONGEST_PASSWORD, LONGEST_TOKEN_NAME
from accounts.sign_in import authenticate_person
from cpms.common.errors import DomainError
from cpms.common.web import formatting as look


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


TOKEN_ENDS = [
    ("30", _("In 30 days")),
    ("90", _("In 90 days")),
    ("365", _("In 1 year")),
    ("never", _("Never: anyone who gets the token can use it until you revoke it")),
]


class ApiTokenForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=LONGEST_TOKEN_NAME,
        help_text=_("A name by which you recognise the token later."),
    )
    ends = forms.ChoiceField(label=_("Expires"), choices=TOKEN_ENDS, initial="90", widget=forms.RadioSelect)
    scopes = forms.MultipleChoiceField(
        label=_("Permissions"),
        choices=(),
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Leave empty for full access."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scopes"].choices = scope_choices()  # type: ignore[attr-defined]

    @property
    def facts(self) -> dict[str, Any]:
        """What the service takes."""
        told = self.cleaned_data
        ends = None if told["ends"] == "never" else timezone.now() + timedelta(days=int(told["ends"]))
        return {"name": told["name"], "expires_at": ends, "scopes": told["scopes"]}


def scope_choices() -> list[tuple[str, str]]:
    """Scopes with their words, each in the language of the page."""
    return [
        (scope.value, format_html('{} <code class="muted">{}</code>', scope.label, scope.value)) for scope in ApiScope
    ]


class NewPasswordForm(forms.Form):
    """A new password, entered twice."""

    password1 = forms.CharField(
        label=_("New password"),
        max_length=LONGEST_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "class": "form-control"}),
        help_text=_("At least 8 characters. No common words, and no part of your name or e-mail."),
    )
    password2 = forms.CharField(
        label=_("Repeat new password"),
        max_length=LONGEST_PASSWORD,
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


class ChangePasswordForm(NewPasswordForm):
    old = forms.CharField(
        label=_("Current password"),
        max_length=LONGEST_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "class": "form-control"}),
    )
    with_tokens = forms.BooleanField(
        label=_("Also revoke my API tokens"),
        required=False,
        initial=True,
        help_text=_("Leave it on if somebody else may know your password. Your applications then need new tokens."),
    )
    field_order = ["old", "password1", "password2", "with_tokens"]


class ResetForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "username", "class": "form-control"}),
    )


class AddressForm(forms.Form):
    email = forms.EmailField(
        label=_("New e-mail"),
        max_length=254,
        help_text=_("Takes effect when you open the link we send you."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class PreferencesForm(forms.ModelForm):
    """How pages look and speak to one person."""

    language = forms.ChoiceField(
        label=_("Language"), choices=[("", _("Browser default")), *settings.LANGUAGES], required=False
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), required=False)
    theme = forms.ChoiceField(
        label=_("Appearance"), choices=[("", _("Remember in this browser")), *Theme.choices], required=False
    )
    date_format = forms.ChoiceField(label=_("Dates"), choices=[("", _("Match language")), *look.DATES], required=False)
    number_format = forms.ChoiceField(
        label=_("Numbers"), choices=[("", _("Match language")), *look.NUMBERS], required=False
    )

    class Meta:
        model = User
        fields = ["language", "time_zone", "theme", "date_format", "number_format"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        usual = _("Site default (%(zone)s)") % {"zone": settings.DISPLAY_TIME_ZONE}
        names = sorted(name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/"))
        own = self.instance.time_zone
        more = [] if not own or own in names else [own]  # set by hand once
        zones = [(name, name.replace("_", " ")) for name in [*more, "UTC", *names]]
        self.fields["time_zone"].choices = [("", usual), *zones]  # type: ignore[attr-defined]


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
        max_length=LONGEST_PASSWORD,
        strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password", "class": "form-control"}),
    )


class KeyForm(FirstFactorForm):
    name = forms.CharField(
        label=_("Name"),
        max_length=LONGEST_NAME,
        help_text=_("A name by which you recognise it, for example “Laptop” or “Blue key”."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )


class JoinForm(NewPasswordForm):
    """What a new person says who was invited."""

    first_name = forms.CharField(
        label=_("First name"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "given-name", "class": "form-control"}),
    )
    last_name = forms.CharField(
        label=_("Last name"),
        max_length=80,
        widget=forms.TextInput(attrs={"autocomplete": "family-name", "class": "form-control"}),
    )
    field_order = ["first_name", "last_name", "password1", "password2"]


class InviteForm(forms.Form):
    email = forms.EmailField(label=_("E-mail"), max_length=254, widget=forms.EmailInput(attrs={"autocomplete": "off"}))
    role = forms.ChoiceField(label=_("Role"), choices=Role.choices, initial=Role.VIEWER)
    language = forms.ChoiceField(
        label=_("Language"),
        choices=settings.LANGUAGES,
        help_text=_("Language of the invitation and of the new account."),
    )
