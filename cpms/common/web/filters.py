"""Bricks for filters of pages and the API."""

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
        """Checked before the time zone is applied: at the ends of the calendar that fails."""
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
    """By the identity of the station that rows belong to.

    It is looked up before the rows are: joined to them, it would keep the database from taking them in their order.
    """

    def filter(self, qs: Any, value: Any) -> Any:
        if value in EMPTY_VALUES:
            return qs
        stations = qs.model._meta.get_field("station").related_model._base_manager
        return qs.filter(station=stations.filter(identity=value).values("pk")[:1])
