"""Filters for the message log, on the page and in the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from chargers.models import ChargingStation
from chargers.stations.services.finding import stations_named
from cpms.common.api.views import TimesFilterSet
from cpms.common.database.paging import of_stations
from cpms.common.web.filters import DateTimeFilter, OfStationFilter
from cpms.common.web.widgets import SELECT, TEXT, DateTimeLocalInput
from maintenance.messages.actions import use_partial_index
from maintenance.messages.models import Message

MAX_STATIONS = 500
RECENT = timedelta(hours=24)


class MessageFilter(TimesFilterSet):
    time_field = "received_at"
    station = OfStationFilter(label=_("identity of the station"))
    has_error = django_filters.BooleanFilter(method="filter_error", label=_("answered with an error"))
    direction = django_filters.ChoiceFilter(choices=Message.Direction.choices)
    action = django_filters.CharFilter(method="filter_action")
    message_id = django_filters.CharFilter(label=_("message ID"), help_text="Requires `station`.")
    error_code = django_filters.CharFilter()

    class Meta:
        model = Message
        fields: list[str] = []

    def is_valid(self) -> bool:
        """Require a station for a message id, which is unique per station only and is not indexed."""
        if super().is_valid() and self.form.cleaned_data["message_id"] and not self.form.cleaned_data["station"]:
            self.form.add_error("station", self.form.fields["station"].error_messages["required"])
        return bool(super().is_valid())

    @property
    def use_partial_index(self) -> bool:
        """Whether a partial index covers the search."""
        chosen = self.form.cleaned_data
        return use_partial_index(
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


class MessageFilterSet(django_filters.FilterSet):
    """Shows the last 24 hours unless a station or a period is chosen, because the table is large."""

    q = django_filters.CharFilter(label=_("Identity, name or place of the station"), method="by_station")
    direction = django_filters.ChoiceFilter(label=_("Direction"), choices=Message.Direction.choices, widget=SELECT)
    action = django_filters.CharFilter(label=_("Action"), method="by_action", widget=TEXT)
    answer = django_filters.ChoiceFilter(
        label=_("Response"), choices=[("yes", _("Errors only"))], method="only_errors", widget=SELECT
    )
    start = DateTimeFilter(
        label=_("Received after"), field_name="received_at", lookup_expr="gte", widget=DateTimeLocalInput
    )
    end = DateTimeFilter(
        label=_("Received before"), field_name="received_at", lookup_expr="lt", widget=DateTimeLocalInput
    )

    class Meta:
        model = Message
        fields: list[str] = []

    @property
    def _chosen(self) -> dict[str, Any]:
        return self.form.cleaned_data if self.form.is_valid() else {}

    @property
    def is_recent_only(self) -> bool:
        return not any(self._chosen.get(name) for name in ("q", "start", "end"))

    @property
    def use_partial_index(self) -> bool:
        """Whether a partial index covers the search."""
        return use_partial_index(
            action=(self._chosen.get("action") or "").strip(),
            is_to_station=self._chosen.get("direction") == Message.Direction.TO_STATION,
            has_error=self._chosen.get("answer") == "yes",
        )

    @cached_property
    def stations_found(self) -> list[int] | None:
        """Ids of the stations that match the search; None if there is no search."""
        text = (self._chosen.get("q") or "").strip()
        if not text:
            return None
        found = stations_named(ChargingStation.objects.reachable_by(self.request.user), text)
        return list(found.order_by().values_list("pk", flat=True)[:MAX_STATIONS])

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found: QuerySet[Any] = super().filter_queryset(queryset)
        if self.is_recent_only:
            return found.filter(received_at__gte=timezone.now() - RECENT)
        chosen = self.form.cleaned_data
        # The index on the time starts at the end of the period; the one on the id would scan everything newer first.
        order_by_time = chosen.get("end") and not chosen.get("q")
        return found.order_by("-received_at", "-pk") if order_by_time else found

    def by_station(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Filter by the station ids, looked up beforehand, so that messages are found by index."""
        return rows if self.stations_found is None else of_stations(rows, self.stations_found)

    def by_action(self, rows: Any, name: str, value: str) -> QuerySet[Any]:
        found: QuerySet[Any] = rows.of_action(value.strip())
        return found

    def only_errors(self, rows: Any, name: str, value: str) -> QuerySet[Any]:
        found: QuerySet[Any] = rows.errors()
        return found
