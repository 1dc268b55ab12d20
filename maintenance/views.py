"""What went over the wire, and who was refused."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Max, QuerySet, Sum, Value
from django.db.models.functions import Concat

from cpms.common.pages import DetailPage, ListPage
from cpms.common.tables import CappedPaginator
from maintenance.filtersets import DeviationFilterSet, MessageFilterSet, RefusalFilterSet
from maintenance.models import Deviation, Message, RefusedConnection
from maintenance.summary import pretty, summary
from maintenance.tables import (
    DEVIATING_MODEL_CELLS,
    DEVIATION_CELLS,
    MESSAGE_CELLS,
    REFUSAL_CELLS,
    DeviatingModelTable,
    DeviationTable,
    MessageTable,
    RefusalTable,
)


class MessagePaginator(CappedPaginator):
    cap = 5_000


class MessageListView(ListPage):
    model = Message
    table_class = MessageTable
    filterset_class = MessageFilterSet
    template_name = "maintenance/message_list.html"
    export_name = "messages"
    export_cells = MESSAGE_CELLS
    paginator_class = MessagePaginator
    is_newest_first = True

    def rows(self) -> QuerySet[Any]:
        return super().rows().select_related("station").defer("station__password")

    def facts(self, context: dict[str, Any]) -> dict[str, Any]:
        return {"is_recent_only": context["filterset"].is_recent_only}


class MessageDetailView(DetailPage):
    model = Message
    template_name = "maintenance/message_detail.html"
    context_object_name = "message_row"

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().select_related("station").defer("station__password")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        message: Message = self.object
        return super().get_context_data(
            summary=summary(message), payload=pretty(message.payload), answer=pretty(message.answer), **kwargs
        )


class RefusalListView(ListPage):
    """Refusals of stations one may see; those of nobody's stations are for support staff."""

    model = RefusedConnection
    table_class = RefusalTable
    filterset_class = RefusalFilterSet
    template_name = "maintenance/refusal_list.html"
    export_name = "refused-connections"
    export_cells = REFUSAL_CELLS

    def rows(self) -> QuerySet[Any]:
        user = self.request.user
        rows = RefusedConnection.objects.select_related("station").defer("station__password")
        return rows if user.is_staff else rows.filter(station__team__in=user.team_ids)  # type: ignore[union-attr]


class DeviationListView(ListPage):
    model = Deviation
    table_class = DeviationTable
    filterset_class = DeviationFilterSet
    template_name = "maintenance/deviation_list.html"
    export_name = "deviations"
    export_cells = DEVIATION_CELLS

    def rows(self) -> QuerySet[Any]:
        return super().rows().select_related("station").defer("station__password")


class DeviatingModelListView(ListPage):
    """The same summed up by model: whether it is one station or all of its kind."""

    model = Deviation
    table_class = DeviatingModelTable
    filterset_class = DeviationFilterSet
    template_name = "maintenance/deviating_model_list.html"
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
