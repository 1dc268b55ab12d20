"""What went over the wire, and who was refused."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.contrib.auth.mixins import LoginRequiredMixin
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Max, QuerySet, Sum, Value
from django.db.models.functions import Concat
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST
from django.views.generic import TemplateView

from accounts.access.rights import Can
from chargers.models import ChargingStation
from cpms.common.database.paging import FEW_STATIONS, few_of
from cpms.common.errors import NotAllowed
from cpms.common.text.json_texts import pretty
from cpms.common.web.export import Cell, changed_first
from cpms.common.web.pages import AuthenticatedRequest, DetailPage, ListPage
from cpms.common.web.tables import CappedPaginator
from maintenance import services, violations
from maintenance.filtersets import DeviationFilterSet, MessageFilterSet, RefusalFilterSet, SecurityEventFilterSet
from maintenance.models import Deviation, Message, RefusedConnection, SecurityEvent
from maintenance.summary import summary
from maintenance.tables import (
    DEVIATING_MODEL_CELLS,
    DEVIATION_CELLS,
    MESSAGE_CELLS,
    REFUSAL_CELLS,
    SECURITY_EVENT_CELLS,
    DeviatingModelTable,
    DeviationTable,
    MessageTable,
    RefusalTable,
    SecurityEventTable,
)
from maintenance.technical import as_readable_by
from sessions.technical import Reader


class MessagePaginator(CappedPaginator):
    cap = 2_000


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

    def few_stations(self, filterset: Any) -> list[int] | None:
        """Of those the person is shown the ones that were searched for."""
        own, found = self._own_stations, filterset.stations_found
        if own is None or found is None:
            few: list[int] | None = found if own is None else own
            return few if few is None or len(few) <= FEW_STATIONS else None
        return [key for key in found if key in own]

    @cached_property
    def _own_stations(self) -> list[int] | None:
        person: Any = self.request.user
        return few_of(Message.objects.all().stations_shown_to(person))

    @cached_property
    def _readable(self) -> Callable[[Message], Message]:
        return partial(as_readable_by, Reader(self.request.user))  # type: ignore[arg-type]

    def decorate(self, records: list[Any]) -> None:
        for message in records:
            self._readable(message)

    def cells(self) -> Sequence[Cell]:
        return changed_first(self.export_cells, self._readable)

    def facts(self, context: dict[str, Any]) -> dict[str, Any]:
        return {"is_recent_only": context["filterset"].is_recent_only}


class MessageDetailView(DetailPage):
    model = Message
    template_name = "maintenance/message_detail.html"
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


class RefusalListView(ListPage):
    """Refusals of stations one may see, also of clients that resemble one; those of strangers are for support staff."""

    model = RefusedConnection
    table_class = RefusalTable
    filterset_class = RefusalFilterSet
    template_name = "maintenance/refusal_list.html"
    export_name = "refused-connections"
    export_cells = REFUSAL_CELLS

    def rows(self) -> QuerySet[Any]:
        return super().rows().select_related("station").defer("station__password")


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


class DeviatingModelView(LoginRequiredMixin, TemplateView):
    """What the stations of one model do differently, of those the person is shown."""

    template_name = "maintenance/deviating_model.html"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        person: Any = self.request.user
        vendor, model = (self.request.GET.get(name, "").replace("\0", "") for name in ("vendor", "model"))
        rows = Deviation.objects.visible_to(person).filter(station__vendor=vendor, station__model=model)
        seen = ChargingStation.objects.allowed(person, rows.right).filter(person.in_view("team", ""))
        of_model = seen.filter(vendor=vendor, model=model).order_by("firmware_version")
        counted = list(of_model.values_list("firmware_version").annotate(count=Count("pk")))
        if not counted or not (vendor or model):
            raise Http404
        name, versions = f"{vendor} {model}".strip(), [version for version, _count in counted if version]
        stations, found = sum(count for _version, count in counted), violations.of_stations(rows)
        chosen = {name: value for name, value in (("vendor", vendor), ("model", model)) if value}
        return super().get_context_data(
            name=name,
            stations=stations,
            versions=versions[: violations.MOST_VERSIONS],
            more_versions=len(versions) > violations.MOST_VERSIONS,
            violations=found,
            report=violations.model_report(name, versions, stations, found),
            list_url=f"{reverse('maintenance:deviation_list')}?{urlencode(chosen)}",
            **kwargs,
        )


class SecurityEventListView(ListPage):
    model = SecurityEvent
    table_class = SecurityEventTable
    filterset_class = SecurityEventFilterSet
    template_name = "maintenance/security_list.html"
    export_name = "security-events"
    export_cells = SECURITY_EVENT_CELLS
    is_newest_first = True

    def rows(self) -> QuerySet[Any]:
        return super().rows().select_related("station", "acknowledged_by").defer("station__password")

    def decorate(self, records: list[Any]) -> None:
        user: Any = self.request.user
        for record in records:
            record.may_acknowledge = user.may(Can.OPERATE, record.station)

    def facts(self, context: dict[str, Any]) -> dict[str, Any]:
        """The newest alert there is: 'all of them' means those that could be seen."""
        user: Any = self.request.user
        newest = SecurityEvent.objects.visible_to(user).alerts().order_by("-pk").values_list("pk", flat=True).first()
        return {"newest_alert": newest if user.scope(Can.OPERATE) else None}


@login_required
@require_POST
def security_acknowledge(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    """Somebody takes care of one alert."""
    events = SecurityEvent.objects.reachable_by(request.user)
    event = get_object_or_404(events.select_related("station").defer("station__password"), pk=pk)
    if not request.user.may(Can.OPERATE, event.station):
        raise PermissionDenied(_("You may not acknowledge alerts."))
    return _acknowledged(request, SecurityEvent.objects.filter(pk=pk))


@login_required
@require_POST
def security_acknowledge_all(request: AuthenticatedRequest) -> HttpResponse:
    """Somebody takes care of all alerts, or of those of one station, that his page showed."""
    events = SecurityEvent.objects.visible_to(request.user)
    for name, condition in (("until", "pk__lte"), ("station", "station_id")):
        if (given := request.POST.get(name, "")).isdecimal() and len(given) < 18:
            events = events.filter(**{condition: int(given)})
    return _acknowledged(request, events)


def _acknowledged(request: AuthenticatedRequest, events: QuerySet[SecurityEvent]) -> HttpResponse:
    try:
        count = services.acknowledge_events(events=events, actor=request.user)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    sentence = ngettext("%(n)d alert is acknowledged.", "%(n)d alerts are acknowledged.", count) % {"n": count}
    if request.htmx:
        told = {"said": {"text": sentence, "kind": "good"}, "news": {}, "acknowledged": {}}
        return HttpResponse(status=204, headers={"HX-Trigger": json.dumps(told)})
    messages.success(request, sentence)
    return redirect("maintenance:security_list")
