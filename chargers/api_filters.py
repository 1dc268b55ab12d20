from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from chargers.finding import stations_like
from chargers.models import ChargingStation, Connector, Presence
from cpms.common.api.views import WholeFilter
from cpms.common.web.filters import OfStationFilter


class StationFilter(django_filters.FilterSet):
    q = django_filters.CharFilter(
        method="filter_q", label=_("part of the identity, the name, a serial number or the place")
    )
    presence = django_filters.ChoiceFilter(choices=Presence.choices)

    class Meta:
        model = ChargingStation
        fields = ["identity", "protocol", "registration", "vendor", "model", "serial_number", "has_weak_password"]

    def filter_q(self, queryset: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return stations_like(queryset, value)


class ConnectorFilter(django_filters.FilterSet):
    station = OfStationFilter(label=_("identity of the station"))
    number = WholeFilter()

    class Meta:
        model = Connector
        fields = ["status"]
