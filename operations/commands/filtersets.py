"""Filters for commands, on the page and in the API."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can
from chargers.models import ChargingStation
from chargers.stations.services.finding import of_any, stations_named
from cpms.common.api.views import TimesFilterSet, WholeFilter
from cpms.common.web.filters import OfStationFilter
from cpms.common.web.widgets import SELECT
from operations.commands.models import Command


class StationCommandFilter(TimesFilterSet):
    time_field = "requested_at"
    session = WholeFilter(method="filter_session", label=_("session number"))

    class Meta:
        model = Command
        fields = ["kind", "state", "action"]

    def filter_session(self, queryset: Any, name: str, value: int) -> QuerySet[Any]:
        """Match only commands of stations whose sessions the user may see."""
        visible: QuerySet[Any] = queryset.allowed(self.request.user, Can.SEE_SESSIONS)
        return visible.filter(session_id=value)


class CommandFilter(StationCommandFilter):
    station = OfStationFilter(label=_("identity of the station"))

    class Meta(StationCommandFilter.Meta):
        pass


class CommandFilterSet(django_filters.FilterSet):
    q = django_filters.CharFilter(label=_("Identity, name or place of the station"), method="search")
    kind = django_filters.ChoiceFilter(label=_("Command"), choices=Command.Kind.choices, widget=SELECT)
    state = django_filters.ChoiceFilter(label=_("Status"), choices=Command.State.choices, widget=SELECT)

    class Meta:
        model = Command
        fields: list[str] = []

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(of_any("station", stations_named(ChargingStation.objects.all(), value)))
