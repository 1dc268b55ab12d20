"""Forms for API tokens of people, and for applications of a team."""

from __future__ import annotations

from datetime import datetime, time, timedelta
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import ApiScope
from accounts.programs.models import Program
from accounts.programs.services.programs import MAX_NAME_LENGTH, OVERLAPS
from accounts.programs.services.tokens import MAX_TOKEN_NAME_LENGTH

TOKEN_EXPIRY_CHOICES = [
    ("30", _("In 30 days")),
    ("90", _("In 90 days")),
    ("365", _("In 1 year")),
    ("never", _("Never: anyone who gets the token can use it until you revoke it")),
]


class ApiTokenForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=MAX_TOKEN_NAME_LENGTH,
        help_text=_("A name by which you recognise the token later."),
    )
    ends = forms.ChoiceField(label=_("Expires"), choices=TOKEN_EXPIRY_CHOICES, initial="90", widget=forms.RadioSelect)
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
    def token_arguments(self) -> dict[str, Any]:
        """Return the keyword arguments of `issue_api_token`."""
        data = self.cleaned_data
        expires_at = None if data["ends"] == "never" else timezone.now() + timedelta(days=int(data["ends"]))
        return {"name": data["name"], "expires_at": expires_at, "scopes": data["scopes"]}


def scope_choices() -> list[tuple[str, str]]:
    """Return the scopes as choices, each with its translated label."""
    return [
        (scope.value, format_html('{} <code class="muted">{}</code>', scope.label, scope.value)) for scope in ApiScope
    ]


EXPIRY_CHOICES = [
    ("30", _("In 30 days")),
    ("90", _("In 90 days")),
    ("365", _("In 1 year")),
    ("date", _("On a date you choose")),
    ("never", _("Never: anyone who gets the key can use it until you revoke it")),
]


AUTHENTICATION_CHOICES = [
    (Program.Way.KEY, _("Key: the application sends it with each request")),
    (Program.Way.OAUTH, _("OAuth 2 client: the application exchanges its secret for access tokens valid for one hour")),
]


OVERLAP_LABELS = {
    0: _("Immediately"),
    1: _("In one hour"),
    24: _("In 24 hours"),
    72: _("In 72 hours"),
}


class ExpiryMixin(forms.Form):
    """Fields for the expiry of a new key."""

    ends = forms.ChoiceField(
        label=_("Expires"),
        choices=EXPIRY_CHOICES,
        initial="90",
        widget=forms.RadioSelect,
        help_text=_("Administrators of the team get an e-mail 14 days and one day before."),
    )
    last_day = forms.DateField(
        label=_("Last day"),
        required=False,
        widget=forms.DateInput(attrs={"type": "date"}, format="%Y-%m-%d"),
    )

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        if data.get("ends") == "date" and not data.get("last_day") and "last_day" not in self.errors:
            self.add_error("last_day", gettext("Choose the last day."))
        elif data.get("ends") == "date" and data.get("last_day") and data["last_day"] < timezone.localdate():
            self.add_error("last_day", gettext("Choose a day in the future."))
        return data

    @property
    def expires_at(self) -> datetime | None:
        """Return when the key expires: for a chosen day its end, in the user's time zone."""
        ends, day = self.cleaned_data["ends"], self.cleaned_data["last_day"]
        if ends == "never":
            return None
        if ends == "date":
            return timezone.make_aware(datetime.combine(day + timedelta(days=1), time.min))
        return timezone.now() + timedelta(days=int(ends))


class ProgramForm(forms.Form):
    name = forms.CharField(
        label=_("Name"),
        max_length=MAX_NAME_LENGTH,
        help_text=_("The name of the application."),
    )
    scopes = forms.MultipleChoiceField(
        label=_("Permissions"),
        choices=(),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Choose no more than the application needs."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["scopes"].choices = scope_choices()  # type: ignore[attr-defined]


class ProgramAddForm(ProgramForm, ExpiryMixin):
    way = forms.ChoiceField(
        label=_("Authentication"),
        choices=AUTHENTICATION_CHOICES,
        initial=Program.Way.KEY.value,
        widget=forms.RadioSelect,
    )
    field_order = ["name", "way", "scopes", "ends", "last_day"]


class RotateForm(ExpiryMixin):
    overlap_hours = forms.TypedChoiceField(
        label=_("Old key expires"),
        coerce=int,
        choices=[(hours, OVERLAP_LABELS[hours]) for hours in OVERLAPS],
        initial=24,
        widget=forms.RadioSelect,
        help_text=_("Until then both keys work, so that you can switch without a break."),
    )
    field_order = ["overlap_hours", "ends", "last_day"]
