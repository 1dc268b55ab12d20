"""Pages of the message log."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from django.db.models import QuerySet
from django.utils.functional import cached_property

from cpms.common.database.paging import FEW_STATIONS, keys_if_few
from cpms.common.text.json_texts import pretty
from cpms.common.web.export import Cell, convert_rows_first
from cpms.common.web.pages import DetailPage, ListPage
from cpms.common.web.tables import CappedPaginator
from maintenance.messages.filtersets import MessageFilterSet
from maintenance.messages.labels import summary
from maintenance.messages.models import Message
from maintenance.messages.services.technical import as_readable_by
from maintenance.messages.tables import MESSAGE_CELLS, MessageTable
from sessions.ledger.services.technical import Reader


class MessagePaginator(CappedPaginator):
    cap = 2_000


class MessageListView(ListPage):
    model = Message
    table_class = MessageTable
    filterset_class = MessageFilterSet
    template_name = "maintenance/messages/message_list.html"
    export_name = "messages"
    export_cells = MESSAGE_CELLS
    paginator_class = MessagePaginator
    is_newest_first = True

    def rows(self) -> QuerySet[Any]:
        return super().rows().select_related("station").defer("station__password")

    def station_keys(self, filterset: Any) -> list[int] | None:
        """Return the stations that the user may see, limited to those found by the search."""
        visible, found = self._visible_stations, filterset.stations_found
        if visible is None or found is None:
            few: list[int] | None = found if visible is None else visible
            return few if few is None or len(few) <= FEW_STATIONS else None
        return [key for key in found if key in visible]

    @cached_property
    def _visible_stations(self) -> list[int] | None:
        user: Any = self.request.user
        return keys_if_few(Message.objects.all().stations_shown_to(user))

    @cached_property
    def _readable(self) -> Callable[[Message], Message]:
        return partial(as_readable_by, Reader(self.request.user))  # type: ignore[arg-type]

    def decorate(self, records: list[Any]) -> None:
        for message in records:
            self._readable(message)

    def cells(self) -> Sequence[Cell]:
        return convert_rows_first(self.export_cells, self._readable)

    def page_context(self, context: dict[str, Any]) -> dict[str, Any]:
        return {"is_recent_only": context["filterset"].is_recent_only}


class MessageDetailView(DetailPage):
    model = Message
    template_name = "maintenance/messages/message_detail.html"
    context_object_name = "message_row"

    def get_queryset(self) -> QuerySet[Any]:
        return super().get_queryset().select_related("station").defer("station__password")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        reader = Reader(self.request.user)  # type: ignore[arg-type]
        message: Message = as_readable_by(reader, self.object)
        return super().get_context_data(
            is_reduced=not reader.sees_sessions(message.station),
            summary=summary(message),
            payload=pretty(message.payload),
            answer=pretty(message.answer),
            **kwargs,
        )
