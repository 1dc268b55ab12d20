"""Filters for energy outside sessions, on the page and in the API."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from chargers.models import ChargingStation
from chargers.stations.services.finding import of_any, stations_named
from cpms.common.api.views import TimesFilterSet, WholeFilter
from cpms.common.web.filters import DateTimeFilter, OfStationFilter
from cpms.common.web.widgets import SELECT, DateTimeLocalInput
from sessions.ledger.filtersets import DEFAULT_PERIOD, MAX_KEY, MAX_PERIOD
from sessions.ledger.models import ChargingSession

EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
NUMBER = forms.NumberInput(attrs={"class": "form-control", "min": "0", "step": "any"})


class GapFilter(TimesFilterSet):
    """Filter gaps in the API. Without `since`, the period is the 30 days before `until`."""

    time_field = "started_at"
    station = OfStationFilter(label=_("identity of the station"))
    connector = WholeFilter(field_name="connector_number")

    class Meta:
        model = ChargingSession
        fields: list[str] = []

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        rows: QuerySet[Any] = super().filter_queryset(queryset)
        chosen = self.form.cleaned_data
        if chosen.get("since"):
            return rows
        until = max(chosen.get("until") or timezone.now(), EARLIEST)
        return rows.filter(started_at__gte=until - DEFAULT_PERIOD)


class GapFilterSet(django_filters.FilterSet):
    """Filter gaps on the page.

    The result is always limited to a period, by default the last 30 days, because every session of the period is
    compared with the previous one.
    """

    KINDS = [("missing", _("Energy outside sessions")), ("back", _("Meter went backwards"))]

    q = django_filters.CharFilter(label=_("Identity, name or place of the station"), method="search")
    kind = django_filters.ChoiceFilter(label=_("Type"), choices=KINDS, method="by_kind", widget=SELECT)
    least = django_filters.NumberFilter(label=_("Minimum (kWh)"), method="at_least", min_value=0, widget=NUMBER)
    start = DateTimeFilter(label=_("Started after"), method="in_period", widget=DateTimeLocalInput)
    end = DateTimeFilter(label=_("Started before"), method="in_period", widget=DateTimeLocalInput)

    class Meta:
        model = ChargingSession
        fields: list[str] = []

    @cached_property
    def period(self) -> tuple[datetime, datetime]:
        """Return start and end of the period in which the compared sessions started."""
        chosen = self.form.cleaned_data if self.form.is_valid() else {}
        end = max(chosen.get("end") or timezone.now(), EARLIEST)
        start = chosen.get("start") or end - DEFAULT_PERIOD
        return max(start, end - MAX_PERIOD), end

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        start, end = self.period
        rows: QuerySet[Any] = super().filter_queryset(queryset)
        return rows.filter(started_at__gte=start, started_at__lt=end)

    def in_period(self, rows: QuerySet[Any], name: str, value: datetime) -> QuerySet[Any]:
        return rows  # `filter_queryset` applies both ends together

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(of_any("station", stations_named(ChargingStation.objects.all(), value)))

    def by_kind(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(gap_wh__gt=0) if value == "missing" else rows.filter(gap_wh__lt=0)

    def at_least(self, rows: QuerySet[Any], name: str, value: Decimal) -> QuerySet[Any]:
        wh = min(int(value * 1000), MAX_KEY)
        return rows.filter(Q(gap_wh__gte=wh) | Q(gap_wh__lte=-wh))
