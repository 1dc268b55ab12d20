"""Forms of installations and circuits."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can
from accounts.models import Team, User
from chargers.installations.models import FUSE_STEP_A, Circuit, Installation
from chargers.installations.services.installations import INSTALLATION_FIELDS, editable_fields
from cpms.common.web.bulk import BulkForm
from cpms.common.web.countries import CountryField


def teams_for_new_installations(user: User) -> QuerySet[Team]:
    """Return the teams where this user may add installations: as a member, or by the service role on one of them."""
    scope = user.access.scope(Can.ADD_PLACES)
    if scope.is_everything:
        return Team.objects.all()
    served = Installation.objects.filter(pk__in=scope.installations)
    return Team.objects.filter(Q(pk__in=scope.teams) | Q(pk__in=served.values("team")))


class InstallationForm(forms.ModelForm):
    country = CountryField()

    class Meta:
        model = Installation
        fields = INSTALLATION_FIELDS

    def __init__(self, *args: Any, user: User, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk is not None:
            editable = editable_fields(self.instance, user)
            for name in self.fields.keys() - editable:
                self.fields[name].disabled = True


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
        parent.queryset = installation.circuits.exclude(pk=self.instance.pk)
        parent.label_from_instance = lambda circuit: circuit.name
        parent.empty_label = _("none (main breaker)")
        self.fields["phases"].initial = 3
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
            options += [(f"{installation.pk}-{one.pk}", one.name, one) for one in installation.circuits.all()]
            self.places |= {key: {"installation": installation, "circuit": circuit} for key, _label, circuit in options}
            choices.append((installation.name, [(key, label) for key, label, _circuit in options]))
        self.fields["place"].choices = choices  # type: ignore[attr-defined]

    def clean_place(self) -> dict[str, Any]:
        return self.places[self.cleaned_data["place"]]
