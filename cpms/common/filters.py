"""Bricks for filters of pages and the API."""

from __future__ import annotations

from typing import Any

import django_filters
from django.core.validators import EMPTY_VALUES


class OfStationFilter(django_filters.CharFilter):
    """By the identity of the station that rows belong to.

    It is looked up before the rows are: joined to them, it would keep the database from taking them in their order.
    """

    def filter(self, qs: Any, value: Any) -> Any:
        if value in EMPTY_VALUES:
            return qs
        stations = qs.model._meta.get_field("station").related_model._base_manager
        return qs.filter(station=stations.filter(identity=value).values("pk")[:1])
