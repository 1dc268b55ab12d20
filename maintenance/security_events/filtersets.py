"""Filters for security events, on the page and in the API."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from chargers.models import ChargingStation
from chargers.stations.services.finding import of_any, stations_named
from cpms.common.api.views import TimesFilterSet
from cpms.common.web.filters import DateTimeFilter, OfStationFilter
from cpms.common.web.widgets import SELECT, TEXT, DateTimeLocalInput
from maintenance.security_events.models import SecurityEvent


class SecurityEventFilter(TimesFilterSet):
    time_field = "received_at"
    station = OfStationFilter(label=_("identity of the station"))
    is_acknowledged = django_filters.BooleanFilter(field_name="acknowledged_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = SecurityEvent
        fields = ["type", "is_critical"]


class SecurityEventFilterSet(django_filters.FilterSet):
    STATES = [("open", _("Not acknowledged")), ("critical", _("Critical")), ("other", _("Not critical"))]

    q = django_filters.CharFilter(label=_("Identity, name or place of the station"), method="by_station")
    state = django_filters.ChoiceFilter(label=_("Kind"), choices=STATES, method="by_state", widget=SELECT)
    type = django_filters.CharFilter(label=_("Event"), lookup_expr="iexact", widget=TEXT)
    start = DateTimeFilter(
        label=_("Received after"), field_name="received_at", lookup_expr="gte", widget=DateTimeLocalInput
    )
    end = DateTimeFilter(
        label=_("Received before"), field_name="received_at", lookup_expr="lt", widget=DateTimeLocalInput
    )

    class Meta:
        model = SecurityEvent
        fields: list[str] = []

    def by_station(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(of_any("station", stations_named(ChargingStation.objects.all(), value)))

    def by_state(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.alerts() if value == "open" else rows.filter(is_critical=value == "critical")  # type: ignore[attr-defined]
