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

    def __init__(self, *args: Any, memberships: Sequence[Membership] = (), why_not: str = "", **kwargs: Any) -> None:
        """
        Args:
            memberships: whose employee numbers are changed here.
            why_not: why name, phone and language are only shown.
        """
        super().__init__(*args, **kwargs)
        self.memberships, self.why_not = memberships, why_not
        for name in people.FIELDS:
            self.fields[name].disabled = bool(why_not)
        for membership in memberships:
            label = _("Employee number")
            if len(memberships) > 1:
                label = _("Employee number in %(team)s") % {"team": membership.team}
            self.fields[f"employee_number_{membership.pk}"] = forms.CharField(
                label=label, max_length=40, required=False, initial=membership.employee_number
            )

    @property
    def changes(self) -> dict[str, Any]:
        """Return what the service takes."""
        told = self.cleaned_data
        return {
            "values": None if self.why_not else {name: told[name] for name in people.FIELDS},
            "employee_numbers": {row.pk: told[f"employee_number_{row.pk}"] for row in self.memberships},
        }

    def clean_phone(self) -> str:
        phone = str(self.cleaned_data["phone"]).strip()
        if refusal := people.phone_error(phone):
            raise forms.ValidationError(refusal)
        return phone
