"""Filters of installations."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from chargers.installations.models import Installation


class InstallationFilterSet(django_filters.FilterSet):
    q = django_filters.CharFilter(label=_("Name, street or city"), method="search")

    class Meta:
        model = Installation
        fields: list[str] = []

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        value = value.strip()
        return rows.filter(Q(name__icontains=value) | Q(street__icontains=value) | Q(city__icontains=value))
