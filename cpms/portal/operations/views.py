"""One page per operation: choose the operation first, then the station. It sends the same command as the station's
page."""

from __future__ import annotations

from typing import Any

import django_tables2 as tables
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.access.rights import Can
from chargers.models import ChargingStation, Presence
from chargers.stations.tables import ConnectorTable, StationTable
from cpms.common.web import formatting
from cpms.portal.stations.lists import ConnectorListView, StationListView
from operations.models import Command
from sessions.ledger.tables import SessionTable
from sessions.ledger.views import SessionListView
from sessions.models import ChargingSession

DO: dict[str, Any] = {"td": {"class": "do"}, "th": {"class": "do"}}


class DoColumn(tables.Column):
    """The button that opens the form of a command for one row."""

    def __init__(self, kind: str, label: Any, *, is_dangerous: bool = False) -> None:
        super().__init__(verbose_name="", empty_values=(), orderable=False, attrs=DO)
        self.kind, self.label, self.is_dangerous = kind, label, is_dangerous

    def render(self, record: Any, value: Any) -> SafeString:
        station: Any = record if isinstance(record, ChargingStation) else record.station
        query, more = "", ""
        if isinstance(record, ChargingSession):
            query, more = f"?session={record.pk}", _("session %(number)s") % {"number": record.pk}
        elif station is not record:
            query, more = f"?connector={record.number}", _("connector %(number)d") % {"number": record.number}
        if getattr(record, "presence", Presence.ONLINE) != Presence.ONLINE:
            return formatting.dash(_("The station is not connected."))
        if self.kind == Command.Kind.REMOTE_START and getattr(record, "session", None) is not None:
            return formatting.dash(_("A session is running."))
        if self.kind == Command.Kind.REMOTE_START and station.deactivated_at is not None:
            return formatting.dash(_("The station is deactivated: nobody can charge there."))
        return format_html(
            '<button type="button" class="btn btn-sm {}" id="do-{}" hx-get="{}{}" hx-target="#ask" '
            'aria-label="{}">{}</button>',
            "quiet-danger" if self.is_dangerous else "",
            record.pk,
            reverse("operations:station_command", args=[station.pk, self.kind]),
            query,
            ", ".join(filter(None, (str(self.label), station.identity, more))),
            self.label,
        )


class StartTable(ConnectorTable):
    do = DoColumn(Command.Kind.REMOTE_START, gettext_lazy("Start session"))

    class Meta(ConnectorTable.Meta):
        exclude = ("status_changed_at", "energy")


class AvailabilityTable(ConnectorTable):
    do = DoColumn(Command.Kind.CHANGE_AVAILABILITY, gettext_lazy("Change availability"))

    class Meta(ConnectorTable.Meta):
        exclude = ("power", "energy")


class ResetTable(StationTable):
    do = DoColumn(Command.Kind.RESET, gettext_lazy("Reset"), is_dangerous=True)

    class Meta(StationTable.Meta):
        exclude = ("team", "model")


class StopTable(SessionTable):
    do = DoColumn(Command.Kind.REMOTE_STOP, gettext_lazy("Stop session"), is_dangerous=True)

    class Meta(SessionTable.Meta):
        exclude = ("max_power_w",)


class OperateMixin:
    """Of a list what one may operate; 403 for who may operate nothing."""

    request: HttpRequest
    title: Any
    sentence: Any
    nothing_title: Any
    nothing: Any
    paths = ("station__team", "station")
    is_for_pool = False  # whether a station that has no team yet can be asked
    shows_statuses = True  # of connectors or stations

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        user: Any = request.user
        if user.is_authenticated and not user.access.scope(Can.OPERATE):
            raise PermissionDenied(_("Only operators and administrators of the team may send commands."))
        return super().dispatch(request, *args, **kwargs)  # type: ignore[misc]

    def rows(self) -> QuerySet[Any]:
        user: Any = self.request.user
        rows: QuerySet[Any] = super().rows()  # type: ignore[misc]
        rows = rows.filter(user.access.shown(Can.OPERATE, *self.paths))
        return rows if self.is_for_pool else rows.filter(**{f"{self.paths[0]}__isnull": False})

    def page_context(self, context: dict[str, Any]) -> dict[str, Any]:
        return {}


class RemoteStartView(OperateMixin, ConnectorListView):
    table_class = StartTable
    template_name = "operations/operate.html"
    title = gettext_lazy("Remote Start Transaction")
    sentence = gettext_lazy("Choose the connector; in the next step the tag whose session it is.")
    nothing_title = gettext_lazy("No connector to start at")
    nothing = gettext_lazy("Connectors come with their stations: add a station, or wait until it reports them.")


class RemoteStopView(OperateMixin, SessionListView):
    table_class = StopTable
    template_name = "operations/operate.html"
    title = gettext_lazy("Remote Stop Transaction")
    sentence = gettext_lazy("Sessions that are running now.")
    nothing_title = gettext_lazy("No session is running")
    nothing = gettext_lazy("As soon as somebody charges, the session can be stopped here.")
    paths = ("team", "station")
    shows_statuses = False
    slow_sort_columns = ("energy_wh",)

    def rows(self) -> QuerySet[Any]:
        return super().rows().filter(stopped_at__isnull=True)


class ResetView(OperateMixin, StationListView):
    table_class = ResetTable
    template_name = "operations/operate.html"
    title = gettext_lazy("Reset")
    sentence = gettext_lazy("Soft: the station restarts when sessions are over. Hard: at once; a running session ends.")
    nothing_title = gettext_lazy("No station to reset")
    nothing = gettext_lazy("Add a station first.")
    paths = ("team", "")
    is_for_pool = True


class AvailabilityView(OperateMixin, ConnectorListView):
    table_class = AvailabilityTable
    template_name = "operations/operate.html"
    title = gettext_lazy("Change Availability")
    sentence = gettext_lazy("Operative: can be used. Inoperative: nobody can charge there.")
    nothing_title = gettext_lazy("No connector yet")
    nothing = gettext_lazy("Connectors come with their stations: add a station, or wait until it reports them.")
