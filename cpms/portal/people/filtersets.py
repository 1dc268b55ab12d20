"""Filters for users."""

from __future__ import annotations

from typing import Any

import django_filters
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy

from accounts.members.services import people
from accounts.models import Membership, User
from cpms.common.text.typed import without_nul


class PersonFilterSet(django_filters.FilterSet):
    q = django_filters.CharFilter(label=gettext_lazy("Name, e-mail or employee number"), method="search")

    class Meta:
        model = User
        fields: list[str] = []

    def search(self, rows: QuerySet[Any], name: str, value: str) -> QuerySet[Any]:
        managed = Membership.objects.allowed(self.request.user, people.Can.MANAGE_TEAM)
        for word in without_nul(value).split()[:5]:
            rows = rows.filter(
                Q(email__icontains=word)
                | Q(first_name__icontains=word)
                | Q(last_name__icontains=word)
                | Q(pk__in=managed.filter(employee_number__icontains=word).values("user"))
            )
        return rows
