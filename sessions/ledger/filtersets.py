"""Filters for sessions, on the page and in the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import django_filters
from django.db import connection
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from chargers.models import ChargingStation, Tag
from chargers.stations.services.finding import of_any, stations_named
from chargers.tags.services.finding import search_tags
from cpms.common.api.views import TimesFilterSet, WholeFilter
from cpms.common.web.filters import DateTimeFilter, OfStationFilter
from cpms.common.web.widgets import SELECT, TEXT, DateTimeLocalInput
from sessions.ledger.models import ChargingSession, Flag

MAX_KEY = 2**63 - 1
DEFAULT_PERIOD, MAX_PERIOD = timedelta(days=30), timedelta(days=366)


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
        flagged = queryset.filter(has_flags=True)  # uses an index; SQLite cannot search JSON lists
        if connection.features.supports_json_field_contains:
            return flagged.filter(flags__contains=[value])
        return flagged.filter(flags__icontains=f'"{value}"')


class SessionFilterSet(django_filters.FilterSet):
    STATES = [("open", _("Running")), ("finished", _("Completed")), ("flagged", _("Needs review"))]

    q = django_filters.CharFilter(label=_("Station, location, tag, member or session number"), method="search")
    station = OfStationFilter(label=_("Station"), widget=TEXT)
    id_tag = django_filters.CharFilter(label=_("Tag"), lookup_expr="iexact", widget=TEXT)
    state = django_filters.ChoiceFilter(label=_("Status"), choices=STATES, method="by_state", widget=SELECT)
    start = DateTimeFilter(
        label=_("Started after"), field_name="started_at", lookup_expr="gte", widget=DateTimeLocalInput
    )
    end = DateTimeFilter(
        label=_("Started before"), field_name="started_at", lookup_expr="lt", widget=DateTimeLocalInput
    )

    class Meta:
        model = ChargingSession
        fields: list[str] = []

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Match sessions by part of the station, its location, the tag or its user, or by their number."""
        user = self.request.user
        condition = of_any("station", stations_named(ChargingStation.objects.reachable_by(user), value))
        condition |= of_any("tag", search_tags(Tag.objects.visible_to(user), value))
        digits = value.replace(" ", "").replace("\u202f", "")
        if digits.isdecimal() and int(digits) <= MAX_KEY:
            condition |= Q(pk=int(digits))
        return rows.filter(condition)

    def by_state(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        if value == "flagged":
            return rows.filter(has_flags=True)
        return rows.filter(stopped_at__isnull=value == "open")
