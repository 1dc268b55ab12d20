"""By what sessions are found; the portal and the API use the same ones."""

from __future__ import annotations

from typing import Any

import django_filters
from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _

from chargers.models import ChargingStation, Tag
from sessions.models import ChargingSession

MOST_MATCHES = 500  # stations or tags a search may stand for
LARGEST_KEY = 2**63 - 1
SELECT = forms.Select(attrs={"class": "form-select"})
TEXT = forms.TextInput(attrs={"class": "form-control", "autocomplete": "off"})


class MomentInput(forms.DateTimeInput):
    input_type = "datetime-local"

    def __init__(self) -> None:
        super().__init__(attrs={"class": "form-control"}, format="%Y-%m-%dT%H:%M")


class SessionFilterSet(django_filters.FilterSet):
    STATES = [("open", _("Running")), ("finished", _("Completed")), ("flagged", _("Needs a look"))]

    q = django_filters.CharFilter(label=_("Station, tag or session number"), method="search")
    station = django_filters.CharFilter(label=_("Station"), field_name="station__identity", widget=TEXT)
    id_tag = django_filters.CharFilter(label=_("Tag"), lookup_expr="iexact", widget=TEXT)
    state = django_filters.ChoiceFilter(label=_("State"), choices=STATES, method="by_state", widget=SELECT)
    start = django_filters.DateTimeFilter(
        label=_("Began from"), field_name="started_at", lookup_expr="gte", widget=MomentInput
    )
    end = django_filters.DateTimeFilter(
        label=_("Began before"), field_name="started_at", lookup_expr="lt", widget=MomentInput
    )

    class Meta:
        model = ChargingSession
        fields: list[str] = []

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        """Stations and tags are looked up first, so that millions of sessions are found by index."""
        value = value.strip()
        stations = ChargingStation.objects.visible_to(self.request.user).filter(identity__icontains=value)
        tags = Tag.objects.visible_to(self.request.user).filter(Q(value__icontains=value) | Q(label__icontains=value))
        found = Q(station__in=list(stations.order_by().values_list("pk", flat=True)[:MOST_MATCHES])) | Q(
            tag__in=list(tags.order_by().values_list("pk", flat=True)[:MOST_MATCHES])
        )
        digits = value.replace(" ", "").replace("\u202f", "")
        if digits.isdecimal() and int(digits) <= LARGEST_KEY:
            found |= Q(pk=int(digits))
        return rows.filter(found)

    def by_state(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        if value == "flagged":
            return rows.filter(has_flags=True)
        return rows.filter(stopped_at__isnull=value == "open")
