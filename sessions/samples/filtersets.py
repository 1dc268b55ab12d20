"""Filters for meter readings in the API."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from cpms.common.api.views import TimesFilterSet, WholeFilter
from cpms.common.web.filters import OfStationFilter
from sessions.samples.models import MeterReading


class SampleFilter(TimesFilterSet):
    station = OfStationFilter(label=_("identity of the station"))
    connector = WholeFilter(field_name="connector_number")
    session = WholeFilter(field_name="session_id", label=_("session number"))

    class Meta:
        model = MeterReading
        fields: list[str] = []

    @property
    def use_partial_index(self) -> bool:
        """Return whether the partial index of readings with a session serves this filter."""
        return self.form.cleaned_data["session"] is not None
