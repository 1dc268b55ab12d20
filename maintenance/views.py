"""What went over the wire, and who was refused."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from cpms.common.pages import DetailPage, ListPage
from cpms.common.tables import CappedPaginator
from maintenance.filtersets import MessageFilterSet, RefusalFilterSet
from maintenance.models import Message, RefusedConnection
from maintenance.summary import pretty, summary
from maintenance.tables import MESSAGE_CELLS, REFUSAL_CELLS, MessageTable, RefusalTable


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
