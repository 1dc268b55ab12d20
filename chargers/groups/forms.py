"""Forms of a user's groups of stations."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy


class GroupForm(forms.Form):
    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=120,
        help_text=gettext_lazy("For example a town, a customer or a route. Only you can see your groups."),
    )
