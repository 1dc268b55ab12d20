"""Forms to add, edit, assign and hand over a station."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db.models import QuerySet, TextChoices
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.access.rights import Can
from accounts.models import Team, User
from chargers.credentials.forms import PasswordField
from chargers.hardware.models import HardwareModel
from chargers.installations.models import Circuit, Installation
from chargers.installations.services.placing import may_move, may_wire
from chargers.onboarding.services.registration import MAX_CONNECTORS
from chargers.stations.models import MAX_CONNECTOR_CURRENT_A, ChargingStation
from chargers.stations.services.identities import MAX_IDENTITY_LENGTH
from chargers.vocabulary import ConnectorFormat, ConnectorStandard, PhaseRotation, PowerType

IDENTITY_HELP = gettext_lazy(
    "Also called ChargeBox ID. Enter exactly the same ID on the station, including upper and lower case. "
    "Letters a to z, digits and * - _ = : + | @ . are allowed. Many stations accept only 20 characters."
)


def _with_unknown(choices: type[TextChoices]) -> list[tuple[str, Any]]:
    return [("", gettext_lazy("Unknown")), *choices.choices]


def teams_administered_by(user: User) -> QuerySet[Team]:
    """Return the teams that this user may add stations to."""
    scope = user.access.scope(Can.ADD_STATIONS)
    return Team.objects.all() if scope.is_everything else Team.objects.filter(pk__in=scope.teams)


def installations_for_new_stations(user: User) -> QuerySet[Installation]:
    """Return the installations that this user may add stations to."""
    return Installation.objects.within(user.access.scope(Can.ADD_STATIONS))


class RatingForm(forms.Form):
    """The electrical values of one connector. The rated power is entered in kW, as data sheets state it."""

    evse_id = forms.CharField(
        label=gettext_lazy("EVSE ID"),
        max_length=48,
        required=False,
        help_text=gettext_lazy("For example DE*ABC*E1234. Needed for roaming and public maps."),
    )
    standard = forms.ChoiceField(label=gettext_lazy("Type"), choices=_with_unknown(ConnectorStandard), required=False)
    format = forms.ChoiceField(label=gettext_lazy("Format"), choices=_with_unknown(ConnectorFormat), required=False)
    power_type = forms.ChoiceField(label=gettext_lazy("Current"), choices=_with_unknown(PowerType), required=False)
    max_power_kw = forms.DecimalField(
        label=gettext_lazy("Rated power (kW)"), min_value=0, max_value=10_000, decimal_places=3, required=False
    )
    max_current_a = forms.DecimalField(
        label=gettext_lazy("Rated current (A)"),
        min_value=1,
        max_value=MAX_CONNECTOR_CURRENT_A,
        decimal_places=1,
        required=False,
        help_text=gettext_lazy("Per phase, as connected to the circuit."),
    )
    phases = forms.TypedChoiceField(
        label=gettext_lazy("Connected phases"),
        choices=[("", gettext_lazy("Unknown")), ("1", "1"), ("2", "2"), ("3", "3")],
        coerce=int,
        empty_value=None,
        required=False,
    )
    phase_rotation = forms.ChoiceField(
        label=gettext_lazy("Phase rotation"),
        choices=_with_unknown(PhaseRotation),
        required=False,
        help_text=gettext_lazy("Which phases of the circuit are connected to L1, L2 and L3 of the station."),
    )

    def __init__(self, data: Any = None, *, number: int, initial: dict[str, Any] | None = None) -> None:
        super().__init__(data, prefix=f"connector-{number}", initial=initial)
        self.number = number

    @property
    def rating(self) -> dict[str, Any]:
        """The values for `set_ratings`."""
        data = dict(self.cleaned_data)
        power_kw = data.pop("max_power_kw")
        return data | {"number": self.number, "max_power_w": None if power_kw is None else round(power_kw * 1000)}


class HardwareForm(forms.Form):
    """The hardware model of a station."""

    hardware_model = forms.ModelChoiceField(
        label=gettext_lazy("Hardware model"),
        queryset=HardwareModel.objects.all(),
        required=False,
        empty_label=gettext_lazy("Not in the catalogue"),
    )


class StationAddForm(forms.Form):
    team = forms.ModelChoiceField(label=gettext_lazy("Team"), queryset=Team.objects.none())
    installation = forms.ModelChoiceField(
        label=gettext_lazy("Installation"),
        queryset=Installation.objects.none(),
        required=False,
        empty_label=gettext_lazy("none"),
    )
    identity = forms.CharField(
        label=gettext_lazy("Identity"),
        max_length=MAX_IDENTITY_LENGTH,
        help_text=IDENTITY_HELP,
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        required=False,
        help_text=gettext_lazy("Local name, for example a parking spot, house or row. You can edit it later."),
    )
    password = PasswordField()
    connectors = forms.IntegerField(
        label=gettext_lazy("Connectors"),
        min_value=1,
        max_value=MAX_CONNECTORS,
        initial=2,
        help_text=gettext_lazy(
            "How many vehicles can be connected at the same time. More connectors are added when the station "
            "reports them."
        ),
    )

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fill_team(user)
        installation: Any = self.fields["installation"]
        installation.queryset = installations_for_new_stations(user).select_related("team")
        installation.required = self.is_for_installations
        if "team" in self.fields:
            installation.label_from_instance = lambda place: f"{place.name} · {place.team.name}"
        if not installation.queryset.exists():
            del self.fields["installation"]

    def _fill_team(self, user: User) -> None:
        teams = list(teams_administered_by(user)[:2])
        self.is_for_installations = not teams  # by the service role of an installation
        self.only_team = teams[0] if len(teams) == 1 else None
        if len(teams) > 1:
            self.fields["team"].queryset = teams_administered_by(user)  # type: ignore[attr-defined]
        else:
            del self.fields["team"]

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        installation, team = data.get("installation"), data.get("team")
        if installation and team and installation.team_id != team.pk:
            self.add_error("installation", _("This installation belongs to another team."))
        return data

    def clean_identity(self) -> str:
        identity: str = self.cleaned_data["identity"]
        if ChargingStation.objects.filter(identity=identity).exists():
            raise ValidationError(_("The identity “%(identity)s” is taken.") % {"identity": identity})
        return identity

    @property
    def chosen_team(self) -> Team:
        """Return the installation's team, which may differ from the user's own, else the chosen or only team."""
        installation, team = self.cleaned_data.get("installation"), self.cleaned_data.get("team")
        chosen: Any = installation.team if installation else team or self.only_team
        return chosen


class CircuitStationForm(forms.Form):
    """A new station on a circuit. Its identity is its serial number."""

    identity = forms.CharField(
        label=gettext_lazy("Serial number (identity)"), max_length=MAX_IDENTITY_LENGTH, help_text=IDENTITY_HELP
    )
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        required=False,
        help_text=gettext_lazy("Parking spot or apartment number."),
    )
    password = PasswordField()
    connectors = forms.IntegerField(label=gettext_lazy("Connectors"), min_value=1, max_value=MAX_CONNECTORS, initial=1)


class StationEditForm(forms.Form):
    """Edit the name, installation and circuit of a station, as far as the user may."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        required=False,
        help_text=gettext_lazy("Local name, for example a parking spot, house or row."),
    )
    installation = forms.ModelChoiceField(
        label=gettext_lazy("Installation"),
        queryset=Installation.objects.none(),
        required=False,
        empty_label=gettext_lazy("none"),
        help_text=gettext_lazy("Access to an installation includes all of its stations."),
    )
    circuit = forms.ModelChoiceField(
        label=gettext_lazy("Circuit"),
        queryset=Circuit.objects.none(),
        required=False,
        empty_label=gettext_lazy("not known"),
    )

    def __init__(self, *args: Any, user: User, station: ChargingStation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        installation: Any = self.fields["installation"]
        circuit: Any = self.fields["circuit"]
        installation.queryset = Installation.objects.filter(team=station.team_id)
        circuit.queryset = Circuit.objects.filter(installation=station.installation_id)
        circuit.label_from_instance = lambda row: row.name
        if not may_move(user, station) or not installation.queryset.exists():
            del self.fields["installation"]
        if not may_wire(user, station, None) or not circuit.queryset.exists():
            del self.fields["circuit"]


class StationIdentityForm(forms.Form):
    identity = forms.CharField(
        label=gettext_lazy("Identity"), max_length=MAX_IDENTITY_LENGTH, strip=False, help_text=IDENTITY_HELP
    )


class TeamChoiceField(forms.ModelChoiceField):
    def label_from_instance(self, obj: Any) -> str:
        return f"{obj.name} ({obj.handle})"


class StationAssignForm(forms.Form):
    team = TeamChoiceField(
        label=gettext_lazy("Team"),
        queryset=Team.objects.order_by("name", "pk"),
        help_text=gettext_lazy("Its administrators will see the station in their list."),
    )


class StationHandOverForm(forms.Form):
    team = forms.ModelChoiceField(
        label=gettext_lazy("New team"),
        queryset=Team.objects.none(),
        help_text=gettext_lazy("One of the teams that you administer."),
    )
    is_sure = forms.BooleanField(
        label=gettext_lazy("I have read what moves and what stays."),
        error_messages={"required": gettext_lazy("Read what moves and what stays, then tick this box.")},
    )

    def __init__(self, *args: Any, user: User, station: ChargingStation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        team: Any = self.fields["team"]
        team.queryset = teams_administered_by(user).exclude(stations=station.pk)
