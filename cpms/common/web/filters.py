"""Filters and form widgets for filtersets of pages and the API."""

from __future__ import annotations

from datetime import date
from typing import Any

import django_filters
from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import EMPTY_VALUES

from cpms.common.text.dates import is_sensible


class _SensibleDateField(forms.DateField):
    def to_python(self, value: Any) -> Any:
        day = super().to_python(value)
        if day is not None and not is_sensible(day):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return day


class _SensibleDateTimeField(forms.DateTimeField):
    def to_python(self, value: Any) -> Any:
        """Check the year before the time zone is applied, which would fail at the ends of the calendar."""
        if value not in self.empty_values and not str(value)[:4].isdecimal():
            return super().to_python(value)
        if value not in self.empty_values and not is_sensible(date(max(int(str(value)[:4]), 1), 1, 1)):
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return super().to_python(value)


class DateFilter(django_filters.DateFilter):
    field_class = _SensibleDateField


class DateTimeFilter(django_filters.DateTimeFilter):
    field_class = _SensibleDateTimeField


class OfStationFilter(django_filters.CharFilter):
    """Filters by the identity of the station that rows belong to.

    The station is found by a subquery: a join would keep the database from reading the rows in their order.
    """

    def filter(self, qs: Any, value: Any) -> Any:
        if value in EMPTY_VALUES:
            return qs
        stations = qs.model._meta.get_field("station").related_model._base_manager
        return qs.filter(station=stations.filter(identity=value).values("pk")[:1])
