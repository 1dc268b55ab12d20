"""The form of a user."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.members.services import people
from accounts.models import Membership, User


class PersonForm(forms.ModelForm):
    language = forms.ChoiceField(
        label=gettext_lazy("Language"),
        choices=[("", gettext_lazy("Browser default")), *settings.LANGUAGES],
        required=False,
    )

    class Meta:
        model = User
        fields = ["first_name", "last_name", "phone", "language"]
        labels = {
            "first_name": gettext_lazy("First Name"),
            "last_name": gettext_lazy("Last Name"),
            "phone": gettext_lazy("Mobile No."),
        }
        widgets = {"phone": forms.TextInput(attrs={"type": "tel", "autocomplete": "off"})}

    def __init__(
        self, *args: Any, memberships: Sequence[Membership] = (), read_only_reason: str = "", **kwargs: Any
    ) -> None:
        """
        Args:
            memberships: memberships whose employee numbers the form edits.
            read_only_reason: why name, phone and language are read-only; empty if they are not.
        """
        super().__init__(*args, **kwargs)
        self.memberships, self.read_only_reason = memberships, read_only_reason
        for name in people.FIELDS:
            self.fields[name].disabled = bool(read_only_reason)
        for membership in memberships:
            label = _("Employee number")
            if len(memberships) > 1:
                label = _("Employee number in %(team)s") % {"team": membership.team}
            self.fields[f"employee_number_{membership.pk}"] = forms.CharField(
                label=label, max_length=40, required=False, initial=membership.employee_number
            )

    @property
    def changes(self) -> dict[str, Any]:
        """The arguments of the service that saves the form."""
        data = self.cleaned_data
        return {
            "values": None if self.read_only_reason else {name: data[name] for name in people.FIELDS},
            "employee_numbers": {row.pk: data[f"employee_number_{row.pk}"] for row in self.memberships},
        }

    def clean_phone(self) -> str:
        phone = str(self.cleaned_data["phone"]).strip()
        if error := people.phone_error(phone):
            raise forms.ValidationError(error)
        return phone
