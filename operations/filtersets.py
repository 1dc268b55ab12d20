"""By what commands are found; the portal and the API use the same ones."""

from __future__ import annotations

import django_filters
from django import forms
from django.utils.translation import gettext_lazy as _

from operations.models import Command

SELECT = forms.Select(attrs={"class": "form-select"})


class CommandFilterSet(django_filters.FilterSet):
    q = django_filters.CharFilter(
        label=_("Identity of the station"), field_name="station__identity", lookup_expr="icontains"
    )
    kind = django_filters.ChoiceFilter(label=_("Command"), choices=Command.Kind.choices, widget=SELECT)
    state = django_filters.ChoiceFilter(label=_("State"), choices=Command.State.choices, widget=SELECT)

    class Meta:
        model = Command
        fields: list[str] = []
