"""Filters for notifications, on the page and in the API."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy
from django.utils.translation import gettext_lazy as _

from cpms.common.api.views import TimesFilterSet
from cpms.common.web.widgets import SELECT
from maintenance.notifications.models import Notification


class NotificationFilterSet(django_filters.FilterSet):
    kind = django_filters.ChoiceFilter(label=gettext_lazy("Kind"), choices=Notification.Kind.choices, widget=SELECT)
    state = django_filters.ChoiceFilter(
        label=gettext_lazy("Status"),
        choices=[("unread", gettext_lazy("Unread")), ("read", gettext_lazy("Read"))],
        method="by_state",
        widget=SELECT,
    )

    class Meta:
        model = Notification
        fields: list[str] = []

    def by_state(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        return rows.filter(read_at__isnull=value == "unread")


class NotificationFilter(TimesFilterSet):
    time_field = "created_at"
    is_read = django_filters.BooleanFilter(method="filter_is_read", label=_("whether it was read"))

    class Meta:
        model = Notification
        fields = ["kind"]

    def filter_is_read(self, queryset: QuerySet[Any], name: str, value: bool) -> QuerySet[Any]:
        return queryset.filter(read_at__isnull=not value)
