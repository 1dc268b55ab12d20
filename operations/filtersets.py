"""By what commands are found; the portal and the API use the same ones."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from chargers.models import ChargingStation
from chargers.stations.services.finding import of_any, stations_named
from operations.models import Command

SELECT = forms.Select(attrs={"class": "form-select"})


class CommandFilterSet(django_filters.FilterSet):
    q = django_filters.CharFilter(label=_("Identity, name or place of the station"), method="search")
    kind = django_filters.ChoiceFilter(label=_("Command"), choices=Command.Kind.choices, widget=SELECT)
    state = django_filters.ChoiceFilter(label=_("State"), choices=Command.State.choices, widget=SELECT)

    class Meta:
        model = Command
        fields: list[str] = []

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(of_any("station", stations_named(ChargingStation.objects.all(), value)))
