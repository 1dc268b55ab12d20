"""API for meter readings."""

from __future__ import annotations

from rest_framework import viewsets

from cpms.common.api.views import TimesMixin
from sessions.samples.filtersets import SampleFilter
from sessions.samples.models import MeterReading
from sessions.samples.serializers import SampleSerializer


class SampleViewSet(TimesMixin, viewsets.ReadOnlyModelViewSet[MeterReading]):
    """Meter readings, the last stored first, or the latest first within a period.

    One row contains all values of one instant.
    """

    queryset = MeterReading.objects.select_related("station").defer("station__password")
    serializer_class = SampleSerializer
    filterset_class = SampleFilter
    lookup_value_regex = r"\d{1,19}"
