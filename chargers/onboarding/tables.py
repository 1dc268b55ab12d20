"""The table of stations that wait in the pool."""

from __future__ import annotations

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from chargers.stations.models import ChargingStation
from chargers.stations.tables import StationTable
from cpms.common.web.tables import NUMBER_WIDE, MomentColumn


class PoolTable(StationTable):
    """Stations without a team."""

    created_at = MomentColumn(verbose_name=gettext_lazy("First seen"), orderable=True, attrs=NUMBER_WIDE)
    do = tables.Column(verbose_name="", empty_values=(), orderable=False, attrs={"td": {"class": "do"}})

    class Meta(StationTable.Meta):
        exclude = ("team",)

    def render_do(self, record: ChargingStation) -> SafeString:
        return format_html(
            '<a class="btn btn-sm" href="{}" aria-label="{}">{}</a>',
            reverse("chargers:station_assign", args=[record.pk]),
            _("Assign %(station)s to a team") % {"station": record.identity},
            _("Assign to team"),
        )
