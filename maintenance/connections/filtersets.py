"""Filters for refused connections and deviations, on pages and in the API."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from chargers.protocols import error_codes
from cpms.common.api.views import TimesFilterSet
from cpms.common.web.filters import OfStationFilter
from cpms.common.web.widgets import SELECT, TEXT
from maintenance.connections.models import Deviation, RefusedConnection


class DeviationFilter(TimesFilterSet):
    time_field = "last_at"
    station = OfStationFilter(label=_("identity of the station"))
    vendor = django_filters.CharFilter(field_name="station__vendor", lookup_expr="iexact")
    model = django_filters.CharFilter(field_name="station__model", lookup_expr="iexact")

    class Meta:
        model = Deviation
        fields = ["action", "code", "what"]


class StationDeviationFilter(TimesFilterSet):
    time_field = "last_at"

    class Meta:
        model = Deviation
        fields = ["action", "code", "what"]


class RefusedConnectionFilter(TimesFilterSet):
    time_field = "last_at"
    station = OfStationFilter(label=_("identity of the station"))

    class Meta:
        model = RefusedConnection
        fields = ["cause", "near", "remote_address"]


class RefusalFilterSet(django_filters.FilterSet):
    q = django_filters.CharFilter(label=_("Identity or address"), method="search")
    cause = django_filters.ChoiceFilter(label=_("Cause"), choices=RefusedConnection.Cause.choices, widget=SELECT)

    class Meta:
        model = RefusedConnection
        fields: list[str] = []

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        value = value.strip()
        return rows.filter(
            Q(identity__icontains=value)
            | Q(station__identity__icontains=value)
            | Q(path__icontains=value)
            | Q(remote_address__startswith=value)
        )


class DeviationFilterSet(django_filters.FilterSet):
    q = django_filters.CharFilter(label=_("Station, vendor or model"), method="search")
    vendor = django_filters.CharFilter(
        label=_("Vendor"), field_name="station__vendor", lookup_expr="iexact", widget=TEXT
    )
    model = django_filters.CharFilter(label=_("Model"), field_name="station__model", lookup_expr="iexact", widget=TEXT)
    action = django_filters.CharFilter(label=_("Action"), lookup_expr="iexact", widget=TEXT)
    code = django_filters.ChoiceFilter(label=_("Our reply"), choices=[], method="by_code", widget=SELECT)

    class Meta:
        model = Deviation
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # in the constructor, because OCPP versions register themselves after this module is imported
        codes = [(code, code) for code in error_codes()]
        self.filters["code"].extra["choices"] = [("tolerated", _("processed")), *codes]

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        value = value.strip()
        return rows.filter(
            Q(station__identity__icontains=value)
            | Q(station__vendor__icontains=value)
            | Q(station__model__icontains=value)
        )

    def by_code(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(code="" if value == "tolerated" else value)
