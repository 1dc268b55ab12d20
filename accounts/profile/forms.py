"""Forms for a user's password, e-mail address and preferences."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from accounts.people.models import Theme, User
from accounts.people.services import MAX_PASSWORD_LENGTH
from accounts.sign_in.forms import NewPasswordForm
from cpms.common.web import formatting


class ChangePasswordForm(NewPasswordForm):
    old = forms.CharField(
        label=_("Current password"),
        max_length=MAX_PASSWORD_LENGTH,
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


class AddressForm(forms.Form):
    email = forms.EmailField(
        label=_("New e-mail"),
        max_length=254,
        help_text=_("Takes effect when you open the link we send you."),
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
    )


class PreferencesForm(forms.ModelForm):
    """Language, time zone, theme and formats of a user."""

    language = forms.ChoiceField(
        label=_("Language"), choices=[("", _("Browser default")), *settings.LANGUAGES], required=False
    )
    time_zone = forms.ChoiceField(label=_("Time zone"), required=False)
    theme = forms.ChoiceField(
        label=_("Appearance"), choices=[("", _("Remember in this browser")), *Theme.choices], required=False
    )
    date_format = forms.ChoiceField(
        label=_("Dates"), choices=[("", _("Match language")), *formatting.DATES], required=False
    )
    number_format = forms.ChoiceField(
        label=_("Numbers"), choices=[("", _("Match language")), *formatting.NUMBERS], required=False
    )

    class Meta:
        model = User
        fields = ["language", "time_zone", "theme", "date_format", "number_format"]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        default_label = _("Site default (%(zone)s)") % {"zone": settings.DISPLAY_TIME_ZONE}
        names = sorted(name for name in zoneinfo.available_timezones() if "/" in name and not name.startswith("Etc/"))
        current = self.instance.time_zone
        extra = [] if not current or current in names else [current]  # set in the admin or by an older version
        zones = [(name, name.replace("_", " ")) for name in [*extra, "UTC", *names]]
        self.fields["time_zone"].choices = [("", default_label), *zones]  # type: ignore[attr-defined]
