from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext_lazy as _

from accounts.access.rights import Can
from cpms.common.api.views import TimesFilterSet, WholeFilter
from cpms.common.web.filters import OfStationFilter
from operations.models import Command


class StationCommandFilter(TimesFilterSet):
    time_field = "requested_at"
    session = WholeFilter(method="filter_session", label=_("number of the session"))

    class Meta:
        model = Command
        fields = ["kind", "state", "action"]

    def filter_session(self, queryset: Any, name: str, value: int) -> QuerySet[Any]:
        """Only where this person may know whose session it was."""
        found: QuerySet[Any] = queryset.allowed(self.request.user, Can.SEE_SESSIONS).filter(session_id=value)
        return found


class CommandFilter(StationCommandFilter):
    station = OfStationFilter(label=_("identity of the station"))

    class Meta(StationCommandFilter.Meta):
        pass
