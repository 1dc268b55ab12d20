"""Forms of installations and circuits."""

from __future__ import annotations

import zoneinfo
from collections.abc import Iterator
from functools import cache
from typing import Any, NamedTuple

from django import forms
from django.conf import settings
from django.db.models import Q, QuerySet
from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can
from accounts.models import Team, User
from chargers.credentials.services import PASSWORD_FIELDS
from chargers.installations.models import FUSE_STEP_A, Circuit, Installation
from chargers.installations.services.circuits import circuits_to_move_to, fed_by
from chargers.installations.services.installations import INSTALLATION_FIELDS, SUPPLY_FIELDS, editable_fields
from chargers.installations.services.placing import MAX_OFFERED
from chargers.stations.models import ChargingStation
from cpms.common.web.bulk import BulkForm
from cpms.common.web.countries import CountryField
from cpms.common.web.formatting import amperes


def teams_for_new_installations(user: User) -> QuerySet[Team]:
    """Return the teams where this user may add installations: as a member, or by the service role on one of them."""
    scope = user.access.scope(Can.ADD_PLACES)
    if scope.is_everything:
        return Team.objects.all()
    served = Installation.objects.filter(pk__in=scope.installations)
    return Team.objects.filter(Q(pk__in=scope.teams) | Q(pk__in=served.values("team")))


class Section(NamedTuple):
    """A group of fields under one heading.

    Attributes:
        warning: what a wrong value can cause.
        why_locked: why the user cannot edit its fields.
    """

    title: Promise
    fields: list[forms.BoundField]
    warning: str = ""
    why_locked: str = ""


SECTIONS: tuple[tuple[Promise, tuple[str, ...]], ...] = (
    (
        _("Place"),
        (
            "name", "category", "parking", "street", "postal_code", "city", "country", "latitude", "longitude",
            "time_zone",
        ),
    ),
    (_("Electrical supply"), SUPPLY_FIELDS),
    (_("For drivers"), ("hotline", "opening_hours", "access_notes")),
    (_("Contacts"), ("contact_name", "contact_phone", "emergency_contact")),
)  # fmt: skip
SUPPLY_WARNING = _(
    "Wrong values can trip breakers, raise warnings and cause faults. Enter what an electrician has confirmed. "
    "The value may be lower than the breaker that is built in, never higher."
)


@cache
def time_zones() -> list[str]:
    """Return the names of all time zones that belong to a place, and UTC."""
    areas = ("Africa", "America", "Antarctica", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific")
    return ["UTC", *sorted(name for name in zoneinfo.available_timezones() if name.partition("/")[0] in areas)]


class InstallationForm(forms.ModelForm):
    country = CountryField()
    time_zone = forms.ChoiceField(
        label=_("Time zone"), required=False, help_text=_("Days and prices are counted in this time zone.")
    )

    class Meta:
        model = Installation
        fields = INSTALLATION_FIELDS
        widgets = {"access_notes": forms.Textarea(attrs={"rows": 3})}

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._fill_time_zone()
        for name in ("category", "parking"):
            field: Any = self.fields[name]
            field.choices = [("", gettext("Not chosen")), *(choice for choice in field.choices if choice[0])]
        if self.instance.pk is not None:
            editable = editable_fields(self.instance, user)
            for name in self.fields.keys() - editable:
                self.fields[name].disabled = True

    def _fill_time_zone(self) -> None:
        """Preselect the default for a new installation. An existing one without a time zone keeps following it."""
        field: Any = self.fields["time_zone"]
        current, names = self.instance.time_zone, time_zones()
        choices = [(name, name.replace("_", " ")) for name in names]
        if current and current not in names:  # an alias, such as CET
            choices.insert(0, (current, current))
        if self.instance.pk is None:
            field.initial = settings.TIME_ZONE
        elif not current:
            choices.insert(0, ("", gettext("Default (%(zone)s)") % {"zone": settings.TIME_ZONE}))
        field.choices = choices

    def sections(self) -> Iterator[Section]:
        """Yield the fields under their headings."""
        for title, names in SECTIONS:
            is_supply = names == SUPPLY_FIELDS
            yield Section(
                title,
                [self[name] for name in names],
                warning=str(SUPPLY_WARNING) if is_supply else "",
                why_locked=self._why_locked(is_supply) if self.fields[names[0]].disabled else "",
            )

    def _why_locked(self, is_supply: bool) -> str:
        if is_supply:
            return gettext("Only administrators and service partners of the team can edit the electrical supply.")
        return gettext("Only administrators of the team and owners can edit the name, address and contacts.")


class InstallationAddForm(InstallationForm):
    team = forms.ModelChoiceField(label=_("Team"), queryset=Team.objects.none())
    field_order = ["team"]

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, user=user, **kwargs)
        teams = list(teams_for_new_installations(user)[:2])
        if len(teams) == 1:
            del self.fields["team"]
            self.only_team = teams[0]
        else:
            self.fields["team"].queryset = teams_for_new_installations(user)  # type: ignore[attr-defined]

    @property
    def chosen_team(self) -> Team:
        team: Team = self.cleaned_data.get("team") or self.only_team
        return team


class CircuitForm(forms.ModelForm):
    class Meta:
        model = Circuit
        fields = ["name", "parent", "max_current_a", "phases"]

    def __init__(self, *args: Any, installation: Installation, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        parent: Any = self.fields["parent"]
        active = installation.circuits.filter(deactivated_at=None)
        parent.queryset = (active | installation.circuits.filter(pk=self.instance.parent_id)).exclude(
            pk=self.instance.pk
        )
        parent.label_from_instance = lambda circuit: circuit.name
        parent.empty_label = _("none (main breaker)")
        self.fields["phases"].initial = installation.phases
        self.fields["max_current_a"].widget.attrs["step"] = FUSE_STEP_A


class MoveForm(BulkForm):
    """Asks for the installation, with or without a circuit, that the ticked stations are moved to."""

    place = forms.ChoiceField(label=_("Installation and circuit"))

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        teams = {row.team_id for row in self.rows}
        places = Installation.objects.allowed(self.user, Can.CONFIGURE_PLACES).filter(team__in=teams)
        self.places: dict[str, dict[str, Any]] = {}
        choices: list[tuple[str, Any]] = [("", gettext("Select"))]
        for installation in places.prefetch_related("circuits").order_by("name", "pk"):
            options = [(f"{installation.pk}", gettext("No circuit"), None)]
            options += [
                (f"{installation.pk}-{one.pk}", one.name, one)
                for one in installation.circuits.all()
                if not one.deactivated_at
            ]
            self.places |= {key: {"installation": installation, "circuit": circuit} for key, _label, circuit in options}
            choices.append((installation.name, [(key, label) for key, label, _circuit in options]))
        self.fields["place"].choices = choices  # type: ignore[attr-defined]

    def clean_place(self) -> dict[str, Any]:
        return self.places[self.cleaned_data["place"]]


class CircuitDeactivateForm(forms.Form):
    """The circuit that takes all that hangs on a circuit which is deactivated; without a field if nothing does."""

    move_to = forms.ModelChoiceField(
        label=_("Move them to"), queryset=Circuit.objects.none(), empty_label=_("Choose a circuit")
    )

    def __init__(self, *args: Any, circuit: Circuit, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        children, stations = fed_by(circuit)
        candidates = circuits_to_move_to(circuit)
        self.has_other_circuit = candidates.exists()
        field: Any = self.fields["move_to"]
        field.queryset = candidates
        field.label_from_instance = lambda row: f"{row.name} ({amperes(row.max_current_a)} A)"
        if not children and not stations:
            del self.fields["move_to"]


class PlaceStationsForm(forms.Form):
    """Ticks the stations to move."""

    stations = forms.ModelMultipleChoiceField(
        label=_("Stations"),
        queryset=ChargingStation.objects.none(),
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": _("Tick at least one station.")},
    )

    def __init__(self, *args: Any, stations: QuerySet[ChargingStation], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.offered = list(stations[:MAX_OFFERED])
        field: Any = self.fields["stations"]
        field.queryset = ChargingStation.objects.filter(pk__in=[row.pk for row in self.offered]).defer(*PASSWORD_FIELDS)
        self.ticked = set(self.data.getlist("stations")) if self.is_bound else set()  # type: ignore[attr-defined]
