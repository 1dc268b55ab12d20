"""One page per operation: choose the operation first, then the station. It sends the same command as the station's
page does."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from accounts.access.rights import Can
from chargers.stations.panels import ConnectorList, StationList
from operations.commands.panels import command_column
from operations.models import Command
from sessions.ledger.panels import SessionList
from sessions.ledger.panels.columns import CONNECTOR_POWER, STATION_POWER

Kind = Command.Kind


class OperateMixin:
    """Limits a list to stations that the user may operate; 403 for users who may operate none."""

    request: HttpRequest
    template_name = "portal/operations/operate.html"
    title: Any
    sentence: Any
    nothing_title: Any
    nothing: Any
    paths = ("station__team", "station")
    is_for_pool = False  # whether stations without a team are listed, too
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


class RemoteStartView(OperateMixin, ConnectorList):
    extra_columns = (CONNECTOR_POWER, command_column(Kind.REMOTE_START, gettext_lazy("Start session")))
    hidden_columns = ("status_changed_at",)
    title = gettext_lazy("Remote Start Transaction")
    sentence = gettext_lazy("Choose a connector, then the tag to charge with.")
    nothing_title = gettext_lazy("No connectors yet")
    nothing = gettext_lazy("Connectors appear once their station reports them. Add a station, or wait for its report.")


class RemoteStopView(OperateMixin, SessionList):
    extra_columns = (command_column(Kind.REMOTE_STOP, gettext_lazy("Stop session"), is_dangerous=True),)
    hidden_columns = ("max_power_w",)
    title = gettext_lazy("Remote Stop Transaction")
    sentence = gettext_lazy("Active sessions.")
    nothing_title = gettext_lazy("No active sessions")
    nothing = gettext_lazy("Active sessions appear here and can be stopped.")
    paths = ("team", "station")
    shows_statuses = False
    slow_sort_columns = ("energy_wh",)

    def rows(self) -> QuerySet[Any]:
        return super().rows().filter(stopped_at__isnull=True)


class ResetView(OperateMixin, StationList):
    extra_columns = (STATION_POWER, command_column(Kind.RESET, gettext_lazy("Reset"), is_dangerous=True))
    hidden_columns = ("team", "model", "serial_number", "protocol", "created_at")
    title = gettext_lazy("Reset")
    sentence = gettext_lazy(
        "Soft: restarts after the current session. Hard: restarts immediately and ends the session."
    )
    nothing_title = gettext_lazy("No stations yet")
    nothing = gettext_lazy("Add a station first.")
    paths = ("team", "")
    is_for_pool = True


class AvailabilityView(OperateMixin, ConnectorList):
    extra_columns = (command_column(Kind.CHANGE_AVAILABILITY, gettext_lazy("Change availability")),)
    title = gettext_lazy("Change Availability")
    sentence = gettext_lazy("Operative: can be used. Inoperative: cannot be used.")
    nothing_title = gettext_lazy("No connectors yet")
    nothing = gettext_lazy("Connectors appear once their station reports them. Add a station, or wait for its report.")
