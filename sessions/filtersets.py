"""By what sessions are found; the portal and the API use the same ones."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _

from chargers.models import ChargingStation, Tag
from chargers.stations.services.finding import of_any, stations_named
from chargers.tags.services.finding import tags_like
from cpms.common.web.filters import DateTimeFilter, OfStationFilter
from sessions.models import ChargingSession

LARGEST_KEY = 2**63 - 1
USUAL_PERIOD, LONGEST_PERIOD = timedelta(days=30), timedelta(days=366)
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
SELECT = forms.Select(attrs={"class": "form-select"})
TEXT = forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"})

NUMBER = forms.NumberInput(attrs={"class": "form-control", "min": "0", "step": "any"})


class MomentInput(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(attrs={"class": "form-control"}, format="%Y-%m-%dT%H:%M")


class SessionFilterSet(django_filters.FilterSet):
    STATES = [("open", _("Running")), ("finished", _("Completed")), ("flagged", _("Needs a look"))]

    q = django_filters.CharFilter(label=_("Station, place, tag, person or session number"), method="search")
    station = OfStationFilter(label=_("Station"), widget=TEXT)
    id_tag = django_filters.CharFilter(label=_("Tag"), lookup_expr="iexact", widget=TEXT)
    state = django_filters.ChoiceFilter(label=_("State"), choices=STATES, method="by_state", widget=SELECT)
    start = DateTimeFilter(label=_("Began from"), field_name="started_at", lookup_expr="gte", widget=MomentInput)
    end = DateTimeFilter(label=_("Began before"), field_name="started_at", lookup_expr="lt", widget=MomentInput)

    class Meta:
        model = ChargingSession
        fields: list[str] = []

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Find sessions by part of their station, its place, their tag or its person, or by their number."""
        user = self.request.user
        found = of_any("station", stations_named(ChargingStation.objects.reachable_by(user), value))
        found |= of_any("tag", tags_like(Tag.objects.visible_to(user), value))
        digits = value.replace(" ", "").replace("\u202f", "")
        if digits.isdecimal() and int(digits) <= LARGEST_KEY:
            found |= Q(pk=int(digits))
        return rows.filter(found)

    def by_state(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        if value == "flagged":
            return rows.filter(has_flags=True)
        return rows.filter(stopped_at__isnull=value == "open")


class GapFilterSet(django_filters.FilterSet):
    """Always within a period, the last 30 days unless another one is chosen: all sessions in it are looked at."""

    KINDS = [("missing", _("Energy outside sessions")), ("back", _("Register went back"))]

    q = django_filters.CharFilter(label=_("Identity, name or place of the station"), method="search")
    kind = django_filters.ChoiceFilter(label=_("Kind"), choices=KINDS, method="by_kind", widget=SELECT)
    least = django_filters.NumberFilter(label=_("At least (kWh)"), method="at_least", min_value=0, widget=NUMBER)
    start = DateTimeFilter(label=_("Began from"), method="in_period", widget=MomentInput)
    end = DateTimeFilter(label=_("Began before"), method="in_period", widget=MomentInput)

    class Meta:
        model = ChargingSession
        fields: list[str] = []

    @cached_property
    def period(self) -> tuple[datetime, datetime]:
        """From when to when the sessions began that are looked at."""
        chosen = self.form.cleaned_data if self.form.is_valid() else {}
        end = max(chosen.get("end") or timezone.now(), EARLIEST)
        start = chosen.get("start") or end - USUAL_PERIOD
        return max(start, end - LONGEST_PERIOD), end

    def filter_queryset(self, queryset: QuerySet[Any]) -> QuerySet[Any]:
        start, end = self.period
        found: QuerySet[Any] = super().filter_queryset(queryset)
        return found.filter(started_at__gte=start, started_at__lt=end)

    def in_period(self, rows: QuerySet[Any], name: str, value: datetime) -> QuerySet[Any]:
        return rows  # with both ends known

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(of_any("station", stations_named(ChargingStation.objects.all(), value)))

    def by_kind(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(gap_wh__gt=0) if value == "missing" else rows.filter(gap_wh__lt=0)

    def at_least(self, rows: QuerySet[Any], name: str, value: Decimal) -> QuerySet[Any]:
        wh = min(int(value * 1000), LARGEST_KEY)
        return rows.filter(Q(gap_wh__gte=wh) | Q(gap_wh__lte=-wh))
