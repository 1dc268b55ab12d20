from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from cpms.common.api_views import TimesFilterSet, WholeFilter
from cpms.common.filters import OfStationFilter
from operations.models import Command


class StationCommandFilter(TimesFilterSet):
    time_field = "requested_at"
    session = WholeFilter(field_name="session_id", label=_("number of the session"))

    class Meta:
        model = Command
        fields = ["kind", "state", "action"]


class CommandFilter(StationCommandFilter):
    station = OfStationFilter(label=_("identity of the station"))

    class Meta(StationCommandFilter.Meta):
        pass
