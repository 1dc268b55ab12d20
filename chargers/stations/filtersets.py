"""Filters of stations and connectors, on pages and in the API."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from chargers.stations.models import ChargingStation, Connector, Presence
from chargers.stations.services.finding import search_stations, stations_named
from chargers.stations.services.states import State, has_connector_in, with_state
from cpms.common.api.views import WholeFilter
from cpms.common.web.filters import DateFilter, OfStationFilter
from cpms.common.web.widgets import DATE, SELECT, TEXT


class StationFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(method="filter_q", label=_("part of the identity, name, serial number or place"))
    presence = django_filters.ChoiceFilter(choices=Presence.choices)

    class Meta:
        model = ChargingStation
        fields = ["identity", "protocol", "registration", "vendor", "model", "serial_number", "has_weak_password"]

    def filter_q(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return search_stations(queryset, value)


class ConnectorFilter(django_filters.FilterSet):
    station = OfStationFilter(label=_("identity of the station"))
    number = WholeFilter()

    class Meta:
        model = Connector
        fields = ["status"]


class StationFilterSet(django_filters.FilterSet):
    q = django_filters.CharFilter(label=_("Identity, name, serial number or place"), method="search")
    presence = django_filters.ChoiceFilter(label=_("Connection"), choices=Presence.choices, widget=SELECT)
    state = django_filters.ChoiceFilter(
        label=_("Connector status"), choices=State.choices, method="by_state", widget=SELECT
    )
    vendor = django_filters.CharFilter(label=_("Vendor"), lookup_expr="icontains", widget=TEXT)
    model = django_filters.CharFilter(label=_("Model"), lookup_expr="icontains", widget=TEXT)
    firmware_version = django_filters.CharFilter(label=_("Firmware"), lookup_expr="istartswith", widget=TEXT)
    password = django_filters.ChoiceFilter(
        label=_("Password"), choices=[("weak", _("Weak"))], method="by_password", widget=SELECT
    )
    added_since = DateFilter(label=_("Added after"), field_name="created_at", lookup_expr="date__gte", widget=DATE)

    class Meta:
        model = ChargingStation
        fields: list[str] = []

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return search_stations(rows, value)

    def by_state(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(has_connector_in(value))

    def by_password(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(has_weak_password=True)


class ConnectorFilterSet(django_filters.FilterSet):
    q = django_filters.CharFilter(label=_("Identity, name or place of the station"), method="search")
    state = django_filters.ChoiceFilter(
        label=_("Availability"), choices=State.choices, method="by_state", widget=SELECT
    )
    status = django_filters.ChoiceFilter(label=_("Status"), choices=Connector.Status.choices, widget=SELECT)

    class Meta:
        model = Connector
        fields: list[str] = []

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(station__in=stations_named(ChargingStation.objects.all(), value))

    def by_state(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return with_state(rows).filter(state=value)
