from __future__ import annotations

from typing import Any

import django_filters
from django.db import connection
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cpms.common.api.views import TimesFilterSet, WholeFilter
from cpms.common.web.filters import OfStationFilter
from sessions.filtersets import EARLIEST, USUAL_PERIOD
from sessions.models import ChargingSession, Flag, MeterReading


class SessionFilter(TimesFilterSet):
    time_field = "started_at"
    station = OfStationFilter(label=_("identity of the station"))
    connector = WholeFilter(field_name="connector_number")
    id_tag = django_filters.CharFilter(lookup_expr="iexact")
    is_open = django_filters.BooleanFilter(field_name="stopped_at", lookup_expr="isnull")
    flag = django_filters.ChoiceFilter(choices=Flag.choices, method="filter_flag")

    class Meta:
        model = ChargingSession
        fields = ["has_flags", "is_billable", "closed_by"]

    def filter_flag(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        flagged = queryset.filter(has_flags=True)  # has an index; SQLite cannot look into JSON lists
        if connection.features.supports_json_field_contains:
            return flagged.filter(flags__contains=[value])
        return flagged.filter(flags__icontains=f'"{value}"')


class SampleFilter(TimesFilterSet):
    station = OfStationFilter(label=_("identity of the station"))
    connector = WholeFilter(field_name="connector_number")
    session = WholeFilter(field_name="session_id", label=_("number of the session"))

    class Meta:
        model = MeterReading
        fields: list[str] = []

    @property
    def is_rare(self) -> bool:
        """Whether an index of its own finds what is asked for."""
        return self.form.cleaned_data["session"] is not None


class GapFilter(TimesFilterSet):
    """Without `since` it looks at the last 30 days before `until`."""

    time_field = "started_at"
    station = OfStationFilter(label=_("identity of the station"))
    connector = WholeFilter(field_name="connector_number")

    class Meta:
        model = ChargingSession
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found: QuerySet[Any] = super().filter_queryset(queryset)
        chosen = self.form.cleaned_data
        if chosen.get("since"):
            return found
        until = max(chosen.get("until") or timezone.now(), EARLIEST)
        return found.filter(started_at__gte=until - USUAL_PERIOD)
