"""Filters of the list of tags."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from chargers.installations.models import Installation
from chargers.stations.services.finding import contains_words
from chargers.tags.models import Tag
from chargers.tags.services.finding import PERSON_COLUMNS, search_tags
from cpms.common.web.widgets import SELECT, TEXT


def installations_in_view(request: Any) -> QuerySet[Any]:
    return Installation.objects.visible_to(request.user).order_by("name")


class TagFilterSet(django_filters.FilterSet):
    STATES = [
        ("accepted", _("Accepted")),
        ("blocked", _("Blocked")),
        ("expired", _("Expired")),
        ("not_yet", _("Not valid yet")),
    ]

    q = django_filters.CharFilter(label=_("Tag, note or person"), method="search")
    state = django_filters.ChoiceFilter(label=_("Status"), choices=STATES, method="by_state", widget=SELECT)
    kind = django_filters.ChoiceFilter(label=_("Type"), choices=Tag.Kind.choices, widget=SELECT)
    person = django_filters.CharFilter(label=_("Person"), method="by_person", widget=TEXT)
    scope = django_filters.ChoiceFilter(label=_("Valid at"), choices=Tag.Scope.choices, widget=SELECT)
    installation = django_filters.ModelChoiceFilter(
        label=_("Installation"), queryset=installations_in_view, method="by_installation", widget=SELECT
    )

    class Meta:
        model = Tag
        fields: list[str] = []

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return search_tags(rows, value)

    def by_state(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        now = timezone.now()
        if value == "accepted":
            return rows.valid(now)  # type: ignore[attr-defined]
        if value == "blocked":
            return rows.filter(status=Tag.Status.BLOCKED)
        accepted = rows.filter(status=Tag.Status.ACCEPTED)
        return accepted.filter(expires_at__lte=now) if value == "expired" else accepted.filter(valid_from__gt=now)

    def by_person(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(contains_words(value, *PERSON_COLUMNS))

    def by_installation(self, rows: QuerySet[Any], name: str, value: Installation) -> QuerySet[Any]:
        return rows.valid_somewhere_in(value)  # type: ignore[attr-defined]
