"""Forms of a team's settings."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from accounts.features import FEATURES
from accounts.models import BillingDetails, StationPasswords, Team
from accounts.team_services import BILLING_FIELDS
from cpms.common.web.countries import CountryField


class TeamForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=120)
    handle = forms.SlugField(
        label=_("Handle"),
        max_length=60,
        help_text=_("Short name of the team in the API and on the command line. Old handles keep working."),
    )
    station_passwords = forms.ChoiceField(
        label=_("Station passwords"),
        choices=StationPasswords.choices,
        widget=forms.RadioSelect,
        help_text=Team._meta.get_field("station_passwords").help_text,
    )


class BillingForm(forms.ModelForm):
    country = CountryField()

    class Meta:
        model = BillingDetails
        fields = BILLING_FIELDS


class SecurityForm(forms.Form):
    is_demanded = forms.BooleanField(
        label=_("Require two-factor authentication"),
        required=False,
        help_text=Team._meta.get_field("requires_two_factor").help_text,
    )


class FeaturesForm(forms.Form):
    on = forms.MultipleChoiceField(
        label=_("Features"),
        required=False,
        choices=[(feature.key, feature.label) for feature in FEATURES],
        widget=forms.CheckboxSelectMultiple,
    )


class DomainForm(forms.Form):
    domain = forms.CharField(label=_("Domain"), max_length=253, help_text=_("The part after the @ in your addresses."))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["domain"].widget.attrs |= {"autocapitalize": "none", "spellcheck": "false"}
