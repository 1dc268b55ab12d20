from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from cpms.common.api.views import TimesFilterSet
from cpms.common.web.filters import OfStationFilter
from maintenance.actions import are_rare
from maintenance.models import Deviation, Message, RefusedConnection, SecurityEvent


class MessageFilter(TimesFilterSet):
    time_field = "received_at"
    station = OfStationFilter(label=_("identity of the station"))
    has_error = django_filters.BooleanFilter(method="filter_error", label=_("answered with an error"))
    direction = django_filters.ChoiceFilter(choices=Message.Direction.choices)
    action = django_filters.CharFilter(method="filter_action")
    message_id = django_filters.CharFilter(label=_("message id"), help_text="Only of one station.")
    error_code = django_filters.CharFilter()

    class Meta:
        model = Message
        fields: list[str] = []

    def is_valid(self) -> bool:
        """A message's id means something at its station only, and has no index in the largest table there is."""
        if super().is_valid() and self.form.cleaned_data["message_id"] and not self.form.cleaned_data["station"]:
            self.form.add_error("station", self.form.fields["station"].error_messages["required"])
        return bool(super().is_valid())

    @property
    def is_rare(self) -> bool:
        """Whether an index of its own finds what is asked for."""
        chosen = self.form.cleaned_data
        return are_rare(
            action=chosen["action"],
            is_to_station=chosen["direction"] == Message.Direction.TO_STATION,
            has_error=bool(chosen["has_error"] or chosen["error_code"]),
        )

    def filter_action(self, queryset: Any, name: str, value: str) -> QuerySet[Any]:
        found: QuerySet[Any] = queryset.of_action(value)
        return found

    def filter_error(self, queryset: Any, name: str, value: bool) -> QuerySet[Any]:
        found: QuerySet[Any] = queryset.errors() if value else queryset.filter(error_code="")
        return found


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


class SecurityEventFilter(TimesFilterSet):
    time_field = "received_at"
    station = OfStationFilter(label=_("identity of the station"))
    is_acknowledged = django_filters.BooleanFilter(field_name="acknowledged_at", lookup_expr="isnull", exclude=True)

    class Meta:
        model = SecurityEvent
        fields = ["type", "is_critical"]
