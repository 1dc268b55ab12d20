"""Forms of stations."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Team, User
from accounts.rights import Can
from chargers.models import ChargingStation
from chargers.services.passwords import LONGEST_PASSWORD
from chargers.services.registration import LONGEST_IDENTITY, MOST_CONNECTORS


def teams_administered_by(user: User) -> QuerySet[Team]:
    """Where this person may add stations."""
    scope = user.scope(Can.ADD_STATIONS)
    return Team.objects.all() if scope.is_everything else Team.objects.filter(pk__in=scope.teams)


class PasswordField(forms.CharField):
    """To be read and typed at the station, so it is not hidden."""

    def __init__(self, **kwargs: Any) -> None:
        attributes = {"autocomplete": "off", "spellcheck": "false", "class": "mono"}
        super().__init__(
            label=gettext_lazy("Password"),
            max_length=LONGEST_PASSWORD,
            min_length=8,
            widget=forms.TextInput(attrs=attributes),
            help_text=gettext_lazy(
                "The station proves itself with it. Many stations take 16 to 20 letters and digits."
            ),
            **kwargs,
        )


class StationAddForm(forms.Form):
    team = forms.ModelChoiceField(label=gettext_lazy("Team"), queryset=Team.objects.none())
    identity = forms.CharField(
        label=gettext_lazy("Identity"),
        max_length=LONGEST_IDENTITY,
        help_text=gettext_lazy("Also called ChargeBox ID. The station must be set to exactly the same, case included."),
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        required=False,
        help_text=gettext_lazy("What people call it: parking spot, house or row. Can be changed later."),
    )
    password = PasswordField()
    connectors = forms.IntegerField(
        label=gettext_lazy("Connectors"),
        min_value=1,
        max_value=MOST_CONNECTORS,
        initial=2,
        help_text=gettext_lazy("How many vehicles can be plugged in. More are added when the station reports them."),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = list(teams_administered_by(user)[:2])
        if len(teams) == 1:
            del self.fields["team"]
            self.only_team = teams[0]
        else:
            self.fields["team"].queryset = teams_administered_by(user)  # type: ignore[attr-defined]

    def clean_identity(self) -> str:
        identity: str = self.cleaned_data["identity"]
        if ChargingStation.objects.filter(identity=identity).exists():
            raise ValidationError(_("The identity “%(identity)s” is taken.") % {"identity": identity})
        return identity

    @property
    def chosen_team(self) -> Team:
        team: Team = self.cleaned_data.get("team") or self.only_team
        return team


class StationEditForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        required=False,
        help_text=gettext_lazy("What people call it: parking spot, house or row."),
    )


class StationPasswordForm(forms.Form):
    password = PasswordField()
