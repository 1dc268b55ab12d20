"""Forms of a user's groups of stations."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy

from chargers.groups.models import StationGroup
from cpms.common.web.bulk import BulkForm


class GroupForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        help_text=gettext_lazy("For example a town, a customer or a route. Only you can see your groups."),
    )


class AddToGroupForm(BulkForm):
    """Asks for one of the user's groups, or for the name of a new one."""

    group = forms.ModelChoiceField(
        StationGroup.objects.none(), label=gettext_lazy("Group"), required=False, empty_label=gettext_lazy("New group")
    )
    name = forms.CharField(label=gettext_lazy("Name of the new group"), max_length=120, required=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        group: Any = self.fields["group"]
        group.queryset = StationGroup.objects.visible_to(self.user)
