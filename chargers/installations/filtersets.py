"""Filters of installations."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.models import Team
from chargers.installations.models import Installation
from cpms.common.web.countries import country_name
from cpms.common.web.widgets import SELECT


class InstallationFilterSet(django_filters.FilterSet):
    q = django_filters.CharFilter(label=_("Name, street or city"), method="search")
    category = django_filters.ChoiceFilter(label=_("Category"), choices=Installation.Category.choices, widget=SELECT)
    country = django_filters.ChoiceFilter(label=_("Country"), widget=SELECT)
    team = django_filters.ModelChoiceFilter(label=_("Team"), queryset=Team.objects.none(), widget=SELECT)

    class Meta:
        model = Installation
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        visible = Installation.objects.visible_to(self.request.user).order_by()
        teams = Team.objects.filter(pk__in=visible.values("team")).order_by("name", "pk")
        countries = visible.exclude(country="").values_list("country", flat=True).distinct()
        self.filters["country"].extra["choices"] = sorted(
            ((code, country_name(code)) for code in countries), key=lambda choice: choice[1]
        )
        self.filters["team"].queryset = teams

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        value = value.strip()
        return rows.filter(Q(name__icontains=value) | Q(street__icontains=value) | Q(city__icontains=value))
