"""Forms of access to installations and stations."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.access.rights import Can, GrantRole
from accounts.models import User
from chargers.grants.services.grants import Place, roles_to_give
from chargers.installations.models import Installation
from chargers.tags.services.adding import MAX_TAG_LENGTH
from cpms.common.web.widgets import DateTimeLocalInput

MIN_YEAR, MAX_YEAR = 2000, 2999


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


class RoleField(forms.ChoiceField):
    def __init__(self) -> None:
        super().__init__(
            label=gettext_lazy("Role"),
            choices=GrantRole.choices,
            widget=forms.RadioSelect,
            help_text=gettext_lazy("See Roles for what each role can do."),
        )


class GrantAddForm(forms.Form):
    """Grant access to the given place; without one, the user chooses an installation or a station."""

    installation = forms.ModelChoiceField(
        label=gettext_lazy("Installation"), queryset=Installation.objects.none(), required=False, empty_label=""
    )
    station = forms.CharField(
        label=gettext_lazy("Station"),
        max_length=48,
        required=False,
        help_text=gettext_lazy("ID of a single station, instead of a whole installation."),
    )
    email = forms.EmailField(
        label=gettext_lazy("Person"),
        max_length=254,
        required=False,
        help_text=gettext_lazy(
            "E-mail of an existing user. With the role User, people without an account are invited."
        ),
    )
    to_team = forms.CharField(
        label=gettext_lazy("Team"),
        max_length=60,
        required=False,
        help_text=gettext_lazy(
            "Handle of another team, instead of a person. Members can do what both this role and their own allow."
        ),
    )
    role = RoleField()
    ends_at = EndField()

    def __init__(self, *args: Any, user: User, place: Place | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role: Any = self.fields["role"]
        if place is not None:
            del self.fields["installation"], self.fields["station"]
            allowed = roles_to_give(user, place)
            role.choices = [choice for choice in GrantRole.choices if choice[0] in allowed]
            return
        installation: Any = self.fields["installation"]
        installation.queryset = Installation.objects.within(user.access.scope(Can.MANAGE_ACCESS))


class GrantEditForm(forms.Form):
    role = RoleField()
    ends_at = EndField()

    def __init__(self, *args: Any, user: User, place: Place, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        role: Any = self.fields["role"]
        allowed = roles_to_give(user, place)
        role.choices = [choice for choice in GrantRole.choices if choice[0] in allowed]


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
