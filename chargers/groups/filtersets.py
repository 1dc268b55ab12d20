"""Filters of a user's groups of stations."""

from __future__ import annotations

import django_filters
from django.utils.translation import gettext_lazy

from chargers.groups.models import StationGroup


class GroupFilterSet(django_filters.FilterSet):
    q = django_filters.CharFilter(label=gettext_lazy("Name"), field_name="name", lookup_expr="icontains")

    class Meta:
        model = StationGroup
        fields: list[str] = []
