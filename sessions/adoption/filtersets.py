"""Filters of refused tags, for the page and the API."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from chargers.models import RefusedTag
from chargers.stations.services.finding import contains_words
from cpms.common.web.widgets import SELECT


class RefusedTagFilterSet(django_filters.FilterSet):
    q = django_filters.CharFilter(label=_("Tag, note or station"), method="search")
    state = django_filters.ChoiceFilter(label=_("Decision"), choices=RefusedTag.State.choices, widget=SELECT)
    reason = django_filters.ChoiceFilter(label=_("Reason"), choices=RefusedTag.Reason.choices, widget=SELECT)

    class Meta:
        model = RefusedTag
        fields: list[str] = []

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(contains_words(value, "value", "tag__label", "station__identity", "station__name"))
