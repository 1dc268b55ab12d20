"""Filters of stations and connectors, on pages and in the API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import django_filters
from django.db.models import Count, FilteredRelation, Q, QuerySet, Value
from django.db.models.functions import Concat, Trim
from django.utils.translation import gettext_lazy as _

from chargers.stations.models import ChargingStation, Connector, Presence
from chargers.stations.services.finding import search_stations, stations_named
from chargers.stations.services.ownership import Ownership, with_ownership
from chargers.stations.services.states import State, has_connector_in, with_state
from cpms.common.api.views import WholeFilter
from cpms.common.web.counted import CountedFilter, CountedFilterSet
from cpms.common.web.filters import DateFilter, OfStationFilter
from cpms.common.web.widgets import DATE, SELECT


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


class ModelFilter(CountedFilter):
    """Filters by vendor and model together, as lists show them."""

    def __init__(self, path: str = "", **kwargs: Any) -> None:
        super().__init__(key="vendor_and_model", label=_("Model"), **kwargs)
        self.path = path

    def _named(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        name = Trim(Concat(f"{self.path}vendor", Value(" "), f"{self.path}model"))
        return rows.annotate(vendor_and_model=name)

    def narrowed(self, rows: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        return super().narrowed(self._named(rows), values)

    def counts(self, rows: QuerySet[Any], find: str) -> list[tuple[Any, Any, int]]:
        return super().counts(self._named(rows), find)


class StateFilter(CountedFilter):
    """Filters stations by the states of their connectors."""

    def __init__(self) -> None:
        super().__init__(key="state", label=_("Connector status"), choices=State.choices)

    def narrowed(self, rows: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        return rows.filter(has_connector_in(values))

    def counts(self, rows: QuerySet[Any], find: str) -> list[tuple[Any, Any, int]]:
        connectors = with_state(Connector.objects.filter(station__in=rows.order_by().values("pk"))).order_by()
        found = connectors.values_list("state").annotate(count=Count("station", distinct=True))
        return [(state, state, count) for state, count in found]


class ConnectorStateFilter(CountedFilter):
    def __init__(self) -> None:
        super().__init__(key="state", label=_("Availability"), choices=State.choices)

    def narrowed(self, rows: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        return super().narrowed(with_state(rows), values)

    def counts(self, rows: QuerySet[Any], find: str) -> list[tuple[Any, Any, int]]:
        return super().counts(with_state(rows), find)


class GroupFilter(CountedFilter):
    """Filters by the user's own groups of stations."""

    def __init__(self, path: str = "") -> None:
        super().__init__(key="own_group__pk", text="own_group__name", label=_("Group"))
        self.path = f"{path}groups"

    def _joined(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        user = self.parent.request.user
        own = FilteredRelation(self.path, condition=Q(**{f"{self.path}__user": user.pk}))
        return rows.alias(own_group=own).filter(own_group__isnull=False)

    def narrowed(self, rows: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        members = self._joined(self.parent.queryset).filter(own_group__pk__in=values)
        return rows.filter(pk__in=members.order_by().values("pk"))

    def counts(self, rows: QuerySet[Any], find: str) -> list[tuple[Any, Any, int]]:
        return super().counts(self._joined(rows), find)

    def labels_of(self, rows: QuerySet[Any], values: Sequence[str]) -> dict[str, str]:
        return super().labels_of(self._joined(rows), values)


class OwnershipFilter(CountedFilter):
    def __init__(self, path: str = "") -> None:
        super().__init__(key="ownership", label=_("Own or shared"), choices=Ownership.choices)
        self.path = path

    def narrowed(self, rows: QuerySet[Any], values: Sequence[str]) -> QuerySet[Any]:
        return super().narrowed(with_ownership(rows, self.parent.request.user, self.path), values)

    def counts(self, rows: QuerySet[Any], find: str) -> list[tuple[Any, Any, int]]:
        return super().counts(with_ownership(rows, self.parent.request.user, self.path), find)


ONLY_DEACTIVATED = "only"
DEACTIVATED = [("also", _("Show as well")), (ONLY_DEACTIVATED, _("Show no others"))]


class StationFilterSet(CountedFilterSet):
    q = django_filters.CharFilter(label=_("Identity, name, serial number or place"), method="search")
    presence = CountedFilter(label=_("Connection"), key="presence", choices=Presence.choices)
    state = StateFilter()
    model = ModelFilter(none_label=_("Not reported"))
    firmware_version = CountedFilter(label=_("Firmware"), key="firmware_version", none_label=_("Not reported"))
    installation = CountedFilter(
        label=_("Installation"), key="installation", text="installation__name", none_label=_("No installation")
    )
    group = GroupFilter()
    team = CountedFilter(label=_("Team"), key="team", text="team__name", none_label=_("No team"))
    ownership = OwnershipFilter()
    protocol = CountedFilter(label=_("Protocol"), key="protocol", choices=ChargingStation.Protocol.choices)
    password = django_filters.ChoiceFilter(
        label=_("Password"), choices=[("weak", _("Weak"))], method="by_password", widget=SELECT
    )
    deactivated = django_filters.ChoiceFilter(
        label=_("Deactivated stations"),
        choices=DEACTIVATED,
        empty_label=_("Hide"),
        method="by_activity",
        widget=SELECT,
    )
    added_since = DateFilter(label=_("Added after"), field_name="created_at", lookup_expr="date__gte", widget=DATE)
    added_before = DateFilter(label=_("Added before"), field_name="created_at", lookup_expr="date__lt", widget=DATE)

    class Meta:
        model = ChargingStation
        fields: list[str] = []

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return search_stations(rows, value)

    def by_password(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(has_weak_password=True)

    def by_activity(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(deactivated_at__isnull=False) if value == ONLY_DEACTIVATED else rows


class ConnectorFilterSet(CountedFilterSet):
    q = django_filters.CharFilter(label=_("Identity, name or place of the station"), method="search")
    state = ConnectorStateFilter()
    status = CountedFilter(
        label=_("Status"), key="status", choices=Connector.Status.choices, none_label=_("Not reported")
    )
    presence = CountedFilter(label=_("Connection"), key="presence", choices=Presence.choices)
    model = ModelFilter("station__", none_label=_("Not reported"))
    installation = CountedFilter(
        label=_("Installation"),
        key="station__installation",
        text="station__installation__name",
        none_label=_("No installation"),
    )
    group = GroupFilter("station__")
    team = CountedFilter(label=_("Team"), key="station__team", text="station__team__name")
    ownership = OwnershipFilter("station__")
    deactivated = django_filters.ChoiceFilter(
        label=_("Deactivated stations"),
        choices=DEACTIVATED,
        empty_label=_("Hide"),
        method="by_activity",
        widget=SELECT,
    )

    class Meta:
        model = Connector
        fields: list[str] = []

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(station__in=stations_named(ChargingStation.objects.all(), value))

    def by_activity(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(station__deactivated_at__isnull=False) if value == ONLY_DEACTIVATED else rows
