"""The form of a tag: its values, where it is valid, and in which time windows."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.dates import WEEKDAYS_ABBR
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.models import Team, User
from chargers.tags.fields import TagValueField
from chargers.tags.models import Tag
from chargers.tags.services import editing
from chargers.tags.services.choosing import chosen_places
from chargers.tags.services.scope import TagScope
from chargers.tags.services.windows import MAX_WINDOWS, checked_windows
from cpms.common.errors import DomainError
from cpms.common.text.typed import whole_number
from cpms.common.web.widgets import DateTimeLocalInput

DEFAULT_WINDOW = {"days": [1, 2, 3, 4, 5], "from": "08:00", "to": "18:00"}
ROW_KEY = re.compile(r"\d{1,3}")
HELP_ON_NEW = gettext_lazy(
    "The number that a card reader shows; not case-sensitive. Leave empty to create a virtual tag."
)
HELP_ON_EDIT = gettext_lazy("The number that a card reader shows; not case-sensitive.")


class PlacesField(forms.MultipleChoiceField):
    """Stations, installations and groups in one list, such as `station:12`; the service checks each of them."""

    def valid_value(self, value: str) -> bool:
        return True


class TagForm(forms.Form):
    team = forms.ModelChoiceField(label=gettext_lazy("Team"), queryset=Team.objects.none())
    value = TagValueField(label=gettext_lazy("RFID tag"), required=False, help_text=HELP_ON_NEW)
    label = forms.CharField(label=gettext_lazy("Additional note"), max_length=120, required=False)
    kind = forms.ChoiceField(label=gettext_lazy("RFID tag type"), choices=Tag.Kind.choices, initial=Tag.Kind.OTHER)
    person = forms.ModelChoiceField(
        label=gettext_lazy("Person"),
        queryset=User.objects.none(),
        required=False,
        empty_label=gettext_lazy("Not assigned"),
    )
    valid_from = forms.DateTimeField(label=gettext_lazy("Valid from"), required=False, widget=DateTimeLocalInput())
    expires_at = forms.DateTimeField(label=gettext_lazy("Expires"), required=False, widget=DateTimeLocalInput())
    scope = forms.ChoiceField(choices=Tag.Scope.choices, initial=Tag.Scope.ALL, required=False)
    places = PlacesField(required=False)

    MAIN = ("team", "value", "label", "kind", "person")
    VALIDITY = ("valid_from", "expires_at")

    def __init__(self, *args: Any, user: User, tag: Tag | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.user, self.tag = user, tag
        teams = editing.teams_operated_by(user)
        first = list(teams[:2])
        self.only_team = tag.team if tag is not None else first[0] if len(first) == 1 else None
        if tag is not None or self.only_team is not None:
            del self.fields["team"]  # the team of a tag cannot be changed
        else:
            self.fields["team"].queryset = teams  # type: ignore[attr-defined]
        if tag is not None:
            self.fields["value"].required = True
            self.fields["value"].initial = tag.value
            self.fields["value"].help_text = HELP_ON_EDIT
        if self.only_team is not None and editing.may_assign(user, self.only_team):
            self.fields["person"].queryset = editing.possible_holders(self.only_team)  # type: ignore[attr-defined]
        else:
            del self.fields["person"]
        zone = {"zone": timezone.get_current_timezone_name()}
        self.fields["valid_from"].help_text = (
            _("Leave empty to accept the tag from now on. Time zone: %(zone)s.") % zone
        )
        self.fields["expires_at"].help_text = (
            _("The tag is refused from this time on. Leave empty for no end date. Time zone: %(zone)s.") % zone
        )

    def clean_places(self) -> list[str]:
        self.chosen: dict[str, list[Any]] = chosen_places(self.cleaned_data["places"], self.user)
        return list(self.cleaned_data["places"])

    def clean(self) -> dict[str, Any]:
        values = dict(super().clean() or {})
        try:
            values["time_windows"] = checked_windows(self.submitted_windows())
        except DomainError as error:
            raise ValidationError(str(error)) from None
        return values

    def submitted_windows(self) -> list[dict[str, Any]]:
        """Return the time windows of the request, unchecked."""
        data: Any = self.data
        keys = [key for key in data.getlist("window") if ROW_KEY.fullmatch(key)][: MAX_WINDOWS + 1]
        return [
            {
                "days": [whole_number(day) or 0 for day in data.getlist(f"window_{key}_days")],
                "from": data.get(f"window_{key}_from", ""),
                "to": data.get(f"window_{key}_to", ""),
            }
            for key in keys
        ]

    @property
    def main_fields(self) -> list[Any]:
        return [self[name] for name in self.MAIN if name in self.fields]

    @property
    def validity_fields(self) -> list[Any]:
        return [self[name] for name in self.VALIDITY]

    @property
    def window_rows(self) -> list[dict[str, Any]]:
        """Return the time windows for the page: those of the request, or else of the tag."""
        windows = self.submitted_windows() if self.is_bound else self.tag.time_windows if self.tag is not None else []
        return [window_row(window, number) for number, window in enumerate(windows)]

    @property
    def tag_fields(self) -> dict[str, Any]:
        """Return the arguments of `save_tag`."""
        skipped = ("team", "person", "scope", "places")
        values = {name: value for name, value in self.cleaned_data.items() if name not in skipped}
        kind = self.cleaned_data["scope"]
        if not kind:
            return values
        selected = self.chosen if kind == Tag.Scope.SELECTED else {}
        return values | {"scope": TagScope(kind, **selected)}


def window_row(window: dict[str, Any], key: int) -> dict[str, Any]:
    """Return the data of one row of the time windows editor. Its key connects the fields of the row."""
    days: Sequence[int] = window["days"]
    return {
        "key": key,
        "days": [
            {"number": day + 1, "label": label, "is_chosen": day + 1 in days} for day, label in WEEKDAYS_ABBR.items()
        ],
        "start": window["from"],
        "end": window["to"],
    }
