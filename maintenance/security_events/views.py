"""The page of security events, and acknowledging alerts."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST

from accounts.access.rights import Can
from cpms.common.errors import NotAllowed
from cpms.common.text.typed import whole_number
from cpms.common.web.pages import AuthenticatedRequest, ListPage
from maintenance.security_events import services
from maintenance.security_events.filtersets import SecurityEventFilterSet
from maintenance.security_events.models import SecurityEvent
from maintenance.security_events.tables import SECURITY_EVENT_CELLS, SecurityEventTable


class SecurityEventListView(ListPage):
    model = SecurityEvent
    table_class = SecurityEventTable
    filterset_class = SecurityEventFilterSet
    template_name = "maintenance/security_events/security_list.html"
    export_name = "security-events"
    export_cells = SECURITY_EVENT_CELLS
    is_newest_first = True

    def rows(self) -> QuerySet[Any]:
        return super().rows().select_related("station", "acknowledged_by").defer("station__password")

    def decorate(self, records: list[Any]) -> None:
        user: Any = self.request.user
        for record in records:
            record.may_acknowledge = user.access.may(Can.OPERATE, record.station)

    def page_context(self, context: dict[str, Any]) -> dict[str, Any]:
        """Return the newest alert: 'Acknowledge all' includes only those that the page showed."""
        user: Any = self.request.user
        newest = SecurityEvent.objects.visible_to(user).alerts().order_by("-pk").values_list("pk", flat=True).first()
        return {"newest_alert": newest if user.access.scope(Can.OPERATE) else None}


@login_required
@require_POST
def security_acknowledge(request: AuthenticatedRequest, pk: int) -> HttpResponse:
    """Acknowledge one alert."""
    events = SecurityEvent.objects.reachable_by(request.user)
    event = get_object_or_404(events.select_related("station").defer("station__password"), pk=pk)
    if not request.user.access.may(Can.OPERATE, event.station):
        raise PermissionDenied(_("You may not acknowledge alerts."))
    return _acknowledged(request, SecurityEvent.objects.filter(pk=pk))


@login_required
@require_POST
def security_acknowledge_all(request: AuthenticatedRequest) -> HttpResponse:
    """Acknowledge all alerts that the page showed, or those of one station."""
    events = SecurityEvent.objects.visible_to(request.user)
    for name, condition in (("until", "pk__lte"), ("station", "station_id")):
        if (key := whole_number(request.POST.get(name))) is not None:
            events = events.filter(**{condition: key})
    return _acknowledged(request, events)


def _acknowledged(request: AuthenticatedRequest, events: QuerySet[SecurityEvent]) -> HttpResponse:
    try:
        count = services.acknowledge_events(events=events, actor=request.user)
    except NotAllowed as error:
        raise PermissionDenied(str(error)) from None
    sentence = ngettext("%(n)d alert acknowledged.", "%(n)d alerts acknowledged.", count) % {"n": count}
    if request.htmx:
        triggers = {"said": {"text": sentence, "kind": "good"}, "news": {}, "acknowledged": {}}
        return HttpResponse(status=204, headers={"HX-Trigger": json.dumps(triggers)})
    messages.success(request, sentence)
    return redirect("maintenance:security_list")
