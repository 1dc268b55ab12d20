"""Panels about commands: the latest of a station, and the buttons that open the forms."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import django_tables2 as tables
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.access.rights import Can
from accounts.models import User
from chargers.models import ChargingStation, Connector, Presence
from chargers.vocabulary import Availability, ResetKind
from cpms.common.outcomes import Outcome
from cpms.common.web import formatting
from cpms.common.web.bulk import BulkAction
from cpms.common.web.panels import Panel, TimelineEntry
from cpms.common.web.tables import ExtraColumns
from operations.commands import labels
from operations.commands.forms import BulkMessageForm
from operations.commands.models import Command
from operations.commands.services.asking import request_commands
from operations.commands.services.authority import why_no_commands
from operations.commands.services.technical import as_readable_by
from operations.commands.tables import status_badge
from sessions.ledger.services.technical import Reader
from sessions.models import ChargingSession

MAX_SHOWN = 6


def may_send_commands(user: User, station: ChargingStation) -> bool:
    """Return whether the user may send commands to a station now."""
    return user.access.may(Can.OPERATE, station) and not why_no_commands(user, station)


def recent_commands(station: ChargingStation, user: User) -> Panel:
    """Return the newest commands of a station and their results."""
    reader = Reader(user)
    rows = Command.objects.filter(station=station).select_related("requested_by").order_by("-id")[:MAX_SHOWN]
    for row in rows:
        row.station = station
        as_readable_by(reader, row, user)
    context = {
        "station": station,
        "may_send": station.handed_over_at is not None or may_send_commands(user, station),
        "commands": [
            {
                "row": row,
                "status": status_badge(row),
                "parameters": labels.parameters_text(row),
                "result": labels.result_text(row),
                "requester": labels.requester_label(row),
            }
            for row in rows
        ],
    }
    return Panel("operations/commands/panels/recent_commands.html", context, is_live=True)


def connector_buttons(
    station: ChargingStation, connectors: Iterable[Connector], running: Mapping[int, ChargingSession]
) -> dict[int, Panel]:
    """Return the command buttons of each connector, by its number, for a user who may send commands to the station.

    Args:
        running: the running sessions of the station, by connector number.
    """
    by_number = {connector.number: connector for connector in connectors}
    template = "operations/commands/panels/connector_buttons.html"
    return {
        number: Panel(
            template,
            {
                "station": station,
                "number": number,
                "connector": (connector := by_number.get(number)),
                "session": running.get(number),
                **_availability_button(connector),
            },
        )
        for number in {**by_number, **running}
    }


def _availability_button(connector: Connector | None) -> dict[str, Any]:
    if connector is None:
        return {}
    availability = labels.opposite_availability(connector)
    return {"availability": availability.value, "is_put_into_service": availability == Availability.OPERATIVE}


def stop_button(session: ChargingSession, user: User) -> Panel:
    """Return the button that stops a session; it is empty unless the session is running and the user may stop it."""
    context = {"session": session, "is_shown": session.is_open and may_send_commands(user, session.station)}
    return Panel("operations/commands/panels/stop_button.html", context, is_live=True)


def timeline(session: ChargingSession) -> list[TimelineEntry]:
    """Return the commands about a session for its timeline."""
    commands = Command.objects.filter(session=session).select_related("requested_by").order_by("id")
    return [
        TimelineEntry(
            command.requested_at,
            "reserved",
            command.get_kind_display(),
            " · ".join(
                (
                    _("by %(person)s") % {"person": command.requested_by or _("the system")},
                    f"{command.get_state_display()}: {labels.result_text(command)}",
                )
            ),
        )
        for command in commands
    ]


class CommandColumn(tables.Column):
    """A button that opens the form of a command for the station, connector or session of the row."""

    def __init__(self, kind: str, label: Any, *, is_dangerous: bool = False) -> None:
        cell = {"td": {"class": "do"}, "th": {"class": "do"}}
        super().__init__(verbose_name="", empty_values=(), orderable=False, attrs=cell)
        self.kind, self.label, self.is_dangerous = kind, label, is_dangerous

    def render(self, record: Any, value: Any) -> SafeString:
        station: Any = record if isinstance(record, ChargingStation) else record.station
        query, target = "", ""
        if isinstance(record, ChargingSession):
            query, target = f"?session={record.pk}", _("session %(number)s") % {"number": record.pk}
        elif station is not record:
            query, target = f"?connector={record.number}", _("connector %(number)d") % {"number": record.number}
        if getattr(record, "presence", Presence.ONLINE) != Presence.ONLINE:
            return formatting.dash(_("The station is offline."))
        if self.kind == Command.Kind.REMOTE_START and getattr(record, "session", None) is not None:
            return formatting.dash(_("A session is running."))
        if self.kind == Command.Kind.REMOTE_START and station.deactivated_at is not None:
            return formatting.dash(_("The station is deactivated and cannot be used."))
        return format_html(
            '<button type="button" class="btn btn-sm {}" id="do-{}" hx-get="{}{}" hx-target="#ask" '
            'aria-label="{}">{}</button>',
            "quiet-danger" if self.is_dangerous else "",
            record.pk,
            reverse("operations:station_command", args=[station.pk, self.kind]),
            query,
            ", ".join(filter(None, (str(self.label), station.identity, target))),
            self.label,
        )


def command_column(kind: str, label: Any, *, is_dangerous: bool = False) -> ExtraColumns:
    """Return a last column with a button that opens the form of a command, for a list of another app."""
    return ExtraColumns({"do": CommandColumn(kind, label, is_dangerous=is_dangerous)})


def _may_operate(user: User) -> bool:
    return bool(user.access.scope(Can.OPERATE)) and "commands" not in user.access.features_off


def _reset(rows: Sequence[ChargingStation], user: User, _data: Mapping[str, Any]) -> Outcome:
    parameters = {"type": ResetKind.SOFT.value}
    return request_commands(stations=rows, kind=Command.Kind.RESET, parameters=parameters, actor=user)


def _trigger(rows: Sequence[ChargingStation], user: User, data: Mapping[str, Any]) -> Outcome:
    parameters = {"message": data["message"]}
    return request_commands(stations=rows, kind=Command.Kind.TRIGGER_MESSAGE, parameters=parameters, actor=user)


STATION_COMMANDS = (
    BulkAction(
        "trigger",
        gettext_lazy("Request a message…"),
        lambda n: (
            ngettext("Request a message from %(n)d station?", "Request a message from %(n)d stations?", n) % {"n": n}
        ),
        gettext_lazy("Stations that are offline get the request when they connect within five minutes."),
        _trigger,
        lambda n: ngettext("Request sent to %(n)d station.", "Request sent to %(n)d stations.", n) % {"n": n},
        _may_operate,
        BulkMessageForm,
        gettext_lazy("Request message"),
    ),
    BulkAction(
        "reset",
        gettext_lazy("Reset (soft)"),
        lambda n: ngettext("Reset %(n)d station?", "Reset %(n)d stations?", n) % {"n": n},
        gettext_lazy("Each station restarts after its current session."),
        _reset,
        lambda n: ngettext("Reset sent to %(n)d station.", "Reset sent to %(n)d stations.", n) % {"n": n},
        _may_operate,
        is_dangerous=True,
    ),
)
