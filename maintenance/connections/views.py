"""Pages of refused connections and of deviations by station and model."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.mixins import LoginRequiredMixin
from django.db.models import Count, Max, QuerySet, Sum, Value
from django.db.models.functions import Concat
from django.http import Http404
from django.urls import reverse
from django.views.generic import TemplateView

from chargers.models import ChargingStation
from cpms.common.text.typed import without_nul
from cpms.common.web.pages import ListPage
from maintenance.connections import labels as violations
from maintenance.connections.filtersets import DeviationFilterSet, RefusalFilterSet
from maintenance.connections.models import Deviation, RefusedConnection
from maintenance.connections.tables import (
    DEVIATING_MODEL_CELLS,
    DEVIATION_CELLS,
    REFUSAL_CELLS,
    DeviatingModelTable,
    DeviationTable,
    RefusalTable,
)


class RefusalListView(ListPage):
    """Refused connections of the user's stations and of clients that resemble one; support staff sees all."""

    model = RefusedConnection
    table_class = RefusalTable
    filterset_class = RefusalFilterSet
    template_name = "maintenance/connections/refusal_list.html"
    export_name = "refused-connections"
    export_cells = REFUSAL_CELLS

    def rows(self) -> QuerySet[Any]:
        return super().rows().select_related("station").defer("station__password")


class DeviationListView(ListPage):
    model = Deviation
    table_class = DeviationTable
    filterset_class = DeviationFilterSet
    template_name = "maintenance/connections/deviation_list.html"
    export_name = "deviations"
    export_cells = DEVIATION_CELLS

    def rows(self) -> QuerySet[Any]:
        return super().rows().select_related("station").defer("station__password")


class DeviatingModelListView(ListPage):
    """Protocol violations summed up by model, to tell a single faulty station from a whole model."""

    model = Deviation
    table_class = DeviatingModelTable
    filterset_class = DeviationFilterSet
    template_name = "maintenance/connections/deviating_model_list.html"
    export_name = "deviations-by-model"
    export_cells = DEVIATING_MODEL_CELLS
    tie_breakers = ("station__vendor", "station__model")

    def rows(self) -> QuerySet[Any]:
        by_model = super().rows().order_by().values("station__vendor", "station__model")
        return by_model.annotate(
            stations=Count("station", distinct=True),
            kinds=Count(Concat("action", Value(" "), "what"), distinct=True),
            times=Sum("count"),
            last=Max("last_at"),
        )


class DeviatingModelView(LoginRequiredMixin, TemplateView):
    """Protocol violations of one model's stations that are visible to the user."""

    template_name = "maintenance/connections/deviating_model.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        user: Any = self.request.user
        vendor, model = (without_nul(self.request.GET.get(name, "")) for name in ("vendor", "model"))
        rows = Deviation.objects.visible_to(user).filter(station__vendor=vendor, station__model=model)
        visible = ChargingStation.objects.allowed(user, rows.right).filter(user.access.in_view("team", ""))
        of_model = visible.filter(vendor=vendor, model=model).order_by("firmware_version")
        counted = list(of_model.values_list("firmware_version").annotate(count=Count("pk")))
        if not counted or not (vendor or model):
            raise Http404
        name, versions = f"{vendor} {model}".strip(), [version for version, _count in counted if version]
        stations, found = sum(count for _version, count in counted), violations.of_stations(rows)
        filters = {name: value for name, value in (("vendor", vendor), ("model", model)) if value}
        return super().get_context_data(
            name=name,
            stations=stations,
            versions=versions[: violations.MAX_VERSIONS],
            more_versions=len(versions) > violations.MAX_VERSIONS,
            violations=found,
            report=violations.model_report(name, versions, stations, found),
            list_url=f"{reverse('maintenance:deviation_list')}?{urlencode(filters)}",
            **kwargs,
        )
