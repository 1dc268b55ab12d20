"""The table of a user's groups of stations."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy

from chargers.groups.models import StationGroup
from cpms.common.web import formatting
from cpms.common.web.tables import NUMBER, Table


class GroupTable(Table):
    name = tables.Column(verbose_name=gettext_lazy("Group"), orderable=True)
    stations = tables.Column(verbose_name=gettext_lazy("Stations"), accessor="count", orderable=False, attrs=NUMBER)

    class Meta(Table.Meta):
        order_by = "name"

    def render_name(self, record: StationGroup) -> SafeString:
        return format_html('<a href="{}">{}</a>', reverse("portal:group_detail", args=[record.pk]), record.name)

    def render_stations(self, record: Any) -> str:
        return formatting.number(record.count)
