"""Forms of access to installations and stations."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.access.rights import Can, GrantRole
from accounts.models import User
from chargers.grants.services.grants import Place, roles_to_give
from chargers.installations.models import Installation
from chargers.tags.services.adding import MAX_TAG_LENGTH
from cpms.common.web.widgets import DateTimeLocalInput

MIN_YEAR, MAX_YEAR = 2000, 2999
ROLE_SUMMARIES: dict[GrantRole, Promise] = {
    GrantRole.OWNER: gettext_lazy("Can charge, view all sessions, operate stations and grant access to others."),
    GrantRole.SERVICE: gettext_lazy("Can operate and configure stations, but not charge or view sessions of others."),
    GrantRole.USER: gettext_lazy("Can charge with a tag and view their own sessions."),
}
# The fields that each radio field chooses from, with the error if the chosen one is empty.
MISSING: dict[str, dict[str, Promise]] = {
    "place": {
        "installation": gettext_lazy("Choose an installation."),
        "station": gettext_lazy("Enter the ID of a station."),
    },
    "recipient": {
        "email": gettext_lazy("Enter the e-mail address of a person."),
        "to_team": gettext_lazy("Enter the handle of a team."),
    },
}


class EndField(forms.DateTimeField):
    def __init__(self) -> None:
        super().__init__(
            label=gettext_lazy("Ends"),
            widget=DateTimeLocalInput({}),
            required=False,
            help_text=gettext_lazy("Leave empty for no end date."),
        )

    def clean(self, value: Any) -> datetime | None:
        moment: datetime | None = super().clean(value)
        if moment is not None and not MIN_YEAR <= moment.year <= MAX_YEAR:
            raise ValidationError(_("Enter a valid date/time."))
        return moment


def role_choices(roles: Iterable[str] = tuple(GrantRole.values)) -> list[tuple[str, SafeString]]:
    """Return the roles with their label and, below it, what they can do."""
    return [
        (role.value, format_html('{}<span class="s">{}</span>', role.label, ROLE_SUMMARIES[role]))
        for role in GrantRole
        if role in roles
    ]


class RoleField(forms.ChoiceField):
    def __init__(self) -> None:
        super().__init__(label=gettext_lazy("Role"), choices=role_choices, widget=forms.RadioSelect)


class GrantAddForm(forms.Form):
    """Grant access to the given place; without one, the user chooses an installation or a station.

    Two radio fields decide which field names the place and which names the recipient. The other fields are ignored.
    """

    place = forms.ChoiceField(
        label=gettext_lazy("Access to"),
        choices=[("installation", gettext_lazy("Installation")), ("station", gettext_lazy("Station"))],
        initial="installation",
        widget=forms.RadioSelect,
    )
    installation = forms.ModelChoiceField(
        label=gettext_lazy("Installation"),
        queryset=Installation.objects.none(),
        required=False,
        empty_label="",
        widget=forms.Select({"data-shown-for": "place=installation"}),
    )
    station = forms.CharField(
        label=gettext_lazy("Station"),
        max_length=48,
        required=False,
        widget=forms.TextInput({"data-shown-for": "place=station"}),
        help_text=gettext_lazy("ID of the station."),
    )
    recipient = forms.ChoiceField(
        label=gettext_lazy("Recipient"),
        choices=[("email", gettext_lazy("Person")), ("to_team", gettext_lazy("Team"))],
        initial="email",
        widget=forms.RadioSelect,
    )
    email = forms.EmailField(
        label=gettext_lazy("Person"),
        max_length=254,
        required=False,
        widget=forms.EmailInput({"data-shown-for": "recipient=email"}),
        help_text=gettext_lazy(
            "E-mail of an existing user. With the role User, people without an account are invited."
        ),
    )
    to_team = forms.CharField(
        label=gettext_lazy("Team"),
        max_length=60,
        required=False,
        widget=forms.TextInput({"data-shown-for": "recipient=to_team"}),
        help_text=gettext_lazy(
            "Handle of another team. Members can do what both this role and their own role in that team allow."
        ),
    )
    role = RoleField()
    ends_at = EndField()

    def __init__(self, *args: Any, user: User, place: Place | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if place is not None:
            del self.fields["place"], self.fields["installation"], self.fields["station"]
            self.fields["role"].choices = role_choices(roles_to_give(user, place))  # type: ignore[attr-defined]
            return
        scope = user.access.scope(Can.MANAGE_ACCESS)
        installation: Any = self.fields["installation"]
        installation.queryset = Installation.objects.within(scope)
        if not (scope.is_everything or scope.teams or scope.installations):
            self.fields["place"].initial = "station"

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or {}
        choices = [(radio, name) for radio, names in MISSING.items() if radio in self.fields for name in names]
        for radio, name in choices:
            if data.get(radio) != name:
                self.errors.pop(name, None)
                data[name] = self.fields[name].clean("")
            elif not data.get(name) and name not in self.errors:
                self.add_error(name, str(MISSING[radio][name]))
        return data


class GrantEditForm(forms.Form):
    role = RoleField()
    ends_at = EndField()

    def __init__(self, *args: Any, user: User, place: Place, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["role"].choices = role_choices(roles_to_give(user, place))  # type: ignore[attr-defined]


class DriverTagForm(forms.Form):
    value = forms.CharField(
        label=gettext_lazy("RFID tag"),
        max_length=MAX_TAG_LENGTH,
        required=False,
        help_text=gettext_lazy("The number of the card. Leave empty to create a virtual tag."),
    )
    label = forms.CharField(label=gettext_lazy("Additional note"), max_length=120, required=False)
    is_teams = forms.BooleanField(
        label=gettext_lazy("Tag of the team"),
        required=False,
        initial=True,
        help_text=gettext_lazy("Otherwise it is the person's own and also charges where others grant them access."),
    )

    def __init__(self, *args: Any, may_be_teams: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not may_be_teams:
            del self.fields["is_teams"]
