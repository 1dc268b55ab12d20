"""By what messages and refusals are found."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from chargers.models import ChargingStation
from chargers.protocols import error_codes
from chargers.stations.services.finding import of_any, stations_named
from cpms.common.database.paging import of_stations
from cpms.common.web.filters import DateTimeFilter
from maintenance.actions import are_rare
from maintenance.models import Deviation, Message, RefusedConnection, SecurityEvent

MOST_STATIONS = 500
RECENT = timedelta(hours=24)
SELECT = forms.Select(attrs={"class": "form-select"})
TEXT = forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"})


class MomentInput(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(attrs={"class": "form-control"}, format="%Y-%m-%dT%H:%M")


class MessageFilterSet(django_filters.FilterSet):
    """Without station and period it shows the last 24 hours: the log is the largest table there is."""

    q = django_filters.CharFilter(label=_("Identity, name or place of the station"), method="by_station")
    direction = django_filters.ChoiceFilter(label=_("Direction"), choices=Message.Direction.choices, widget=SELECT)
    action = django_filters.CharFilter(label=_("Action"), method="by_action", widget=TEXT)
    answer = django_filters.ChoiceFilter(
        label=_("Answer"), choices=[("yes", _("Only errors"))], method="only_errors", widget=SELECT
    )
    start = DateTimeFilter(label=_("From"), field_name="received_at", lookup_expr="gte", widget=MomentInput)
    end = DateTimeFilter(label=_("Before"), field_name="received_at", lookup_expr="lt", widget=MomentInput)

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
    def is_rare(self) -> bool:
        """Whether an index of its own finds what is asked for."""
        return are_rare(
            action=(self._chosen.get("action") or "").strip(),
            is_to_station=self._chosen.get("direction") == Message.Direction.TO_STATION,
            has_error=self._chosen.get("answer") == "yes",
        )

    @cached_property
    def stations_found(self) -> list[int] | None:
        """Keys of the stations that were searched for; None: none was."""
        text = (self._chosen.get("q") or "").strip()
        if not text:
            return None
        found = stations_named(ChargingStation.objects.reachable_by(self.request.user), text)
        return list(found.order_by().values_list("pk", flat=True)[:MOST_STATIONS])

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        found: QuerySet[Any] = super().filter_queryset(queryset)
        if self.is_recent_only:
            return found.filter(received_at__gte=timezone.now() - RECENT)
        chosen = self.form.cleaned_data
        is_long_ago = chosen.get("end") and not chosen.get("q")  # then by the index that begins there
        return found.order_by("-received_at", "-pk") if is_long_ago else found

    def by_station(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Stations are looked up first, so that messages are found by index."""
        return rows if self.stations_found is None else of_stations(rows, self.stations_found)

    def by_action(self, rows: Any, name: str, value: str) -> QuerySet[Any]:
        found: QuerySet[Any] = rows.of_action(value.strip())
        return found

    def only_errors(self, rows: Any, name: str, value: str) -> QuerySet[Any]:
        found: QuerySet[Any] = rows.errors()
        return found


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
    code = django_filters.ChoiceFilter(label=_("Answer"), choices=[], method="by_code", widget=SELECT)

    class Meta:
        model = Deviation
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        codes = [(code, code) for code in error_codes()]  # of the versions that are spoken, which are known by now
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


class SecurityEventFilterSet(django_filters.FilterSet):
    STATES = [("open", _("Not acknowledged")), ("critical", _("Critical")), ("other", _("Not critical"))]

    q = django_filters.CharFilter(label=_("Identity, name or place of the station"), method="by_station")
    state = django_filters.ChoiceFilter(label=_("Kind"), choices=STATES, method="by_state", widget=SELECT)
    type = django_filters.CharFilter(label=_("Event"), lookup_expr="iexact", widget=TEXT)
    start = DateTimeFilter(label=_("From"), field_name="received_at", lookup_expr="gte", widget=MomentInput)
    end = DateTimeFilter(label=_("Before"), field_name="received_at", lookup_expr="lt", widget=MomentInput)

    class Meta:
        model = SecurityEvent
        fields: list[str] = []

    def by_station(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(of_any("station", stations_named(ChargingStation.objects.all(), value)))

    def by_state(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.alerts() if value == "open" else rows.filter(is_critical=value == "critical")  # type: ignore[attr-defined]
