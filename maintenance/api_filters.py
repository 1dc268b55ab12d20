from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from cpms.common.api_views import TimesFilterSet
from maintenance.models import Deviation, Message, SecurityEvent


class MessageFilter(TimesFilterSet):
    time_field = "received_at"
    station = django_filters.CharFilter(field_name="station__identity", label=_("identity of the station"))
    has_error = django_filters.BooleanFilter(method="filter_error", label=_("answered with an error"))

    class Meta:
        model = Message
        fields = ["direction", "action", "message_id", "error_code"]

    def filter_error(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return queryset.exclude(error_code="") if value else queryset.filter(error_code="")


class DeviationFilter(TimesFilterSet):
    time_field = "last_at"
    station = django_filters.CharFilter(field_name="station__identity", label=_("identity of the station"))
    vendor = django_filters.CharFilter(field_name="station__vendor", lookup_expr="iexact")
    model = django_filters.CharFilter(field_name="station__model", lookup_expr="iexact")

    class Meta:
        model = Deviation
        fields = ["action", "code", "what"]


class SecurityEventFilter(TimesFilterSet):
    time_field = "received_at"
    station = django_filters.CharFilter(field_name="station__identity", label=_("identity of the station"))
    is_acknowledged = django_filters.BooleanFilter(field_name="acknowledged_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = SecurityEvent
        fields = ["type", "is_critical"]
