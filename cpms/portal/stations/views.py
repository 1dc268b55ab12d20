"""Pages of stations: what the station is, what charges at it, what was asked of it, what it said."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib.auth.decorators import login_required
from django.db.models import BooleanField, ExpressionWrapper, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, JsonResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_safe

from accounts.access.rights import Can
from accounts.models import User
from chargers.models import ChargingStation, Connector, Oddity
from chargers.onboarding.services.handover import can_be_handed_over, may_hand_over
from chargers.stations.services.states import IN_USE, of_connector, of_station
from chargers.vocabulary import Availability
from cpms.common.text.json_texts import pretty
from cpms.common.web.pages import DetailPage
from cpms.portal import charts
from cpms.portal.stations.charging import forget_stale_power
from maintenance.connections import labels as violations
from maintenance.connections.labels import cause_label, fix_label
from maintenance.messages.labels import summary
from maintenance.messages.services.technical import as_readable_by as readable_message
from maintenance.messages.tables import arrow
from maintenance.models import Deviation, Message, RefusedConnection, SecurityEvent
from maintenance.security_events.labels import event_label
from operations.commands import labels as words
from operations.commands.services.authority import why_no_commands
from operations.commands.services.technical import as_readable_by as readable_command
from operations.commands.tables import said as command_said
from operations.models import Command
from sessions.ledger.services.technical import Reader
from sessions.ledger.services.unmatched import end_from_anomaly
from sessions.ledger.tables import StationSessionTable
from sessions.models import ChargingSession, MeterReading

SHOWN_SESSIONS, SHOWN_COMMANDS, SHOWN_MESSAGES, SHOWN_ODDITIES, SHOWN_VIOLATIONS = 10, 6, 15, 5, 5


SHOWN_ALERTS = 3


DAY = timedelta(days=1)


MAX_SESSION = timedelta(days=7)


COLOURS = ["--power", "--charge", "--st-preparing", "--st-suspended"]


class StationDetailView(DetailPage):
    model = ChargingStation
    template_name = "chargers/stations/station_detail.html"
    context_object_name = "station"

    def get_queryset(self) -> QuerySet[Any]:
        stations = ChargingStation.objects.reachable_by(self.request.user).with_presence()
        # whether there is one, without decrypting it
        has_password = ExpressionWrapper(Q(password__isnull=False) | ~Q(password_hash=""), output_field=BooleanField())
        return (
            stations.select_related("team", "installation")
            .defer("password", "password_hash", "next_password", "next_password_hash")
            .annotate(knows_password=has_password)
        )

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        station: Any = self.object
        user: Any = self.request.user
        connectors = list(station.connectors.order_by("number"))
        is_past = station.handed_over_at is not None
        no_commands = why_no_commands(user, station)
        kwargs |= {
            "may_operate": user.access.may(Can.OPERATE, station) and not no_commands and not is_past,
            "no_commands": no_commands if user.access.may(Can.OPERATE, station) and not is_past else "",
            "may_acknowledge": user.access.may(Can.OPERATE, station)
            and "security_events" not in user.access.features_off,
            "may_assign": station.team_id is None,  # who sees it is support staff
            "may_name": user.access.may(Can.NAME, station),
            "may_configure": user.access.may(Can.CONFIGURE, station) and not is_past,
            "may_administer": user.access.may(Can.SET_PASSWORDS, station) and not is_past,
            "may_hand_over": can_be_handed_over(station) and may_hand_over(user, station),
            "may_share": station.team_id is not None and user.access.may(Can.MANAGE_ACCESS, station),
            "said": of_station(station, station.presence, connectors),
            "places": _places(station, connectors, user),
            "commands": _commands(station, user),
            "log": _log(station, user),
            "latest": _latest_sessions(station, user),
            "oddities": _oddities(station, user),
            "alerts": _alerts(station),
            "violations": _violations(station, user),
            "refusals": _refusals(station),
        }
        return super().get_context_data(**kwargs)


def _oddities(station: ChargingStation, user: User) -> list[dict[str, Any]]:
    """The newest unusual reports; ends that do not count with what they say, in place of a note. Who does not see
    sessions reads of what kind they are."""
    rows = Oddity.objects.filter(station=station).order_by("-received_at")[:SHOWN_ODDITIES]
    if not user.access.may(Can.SEE_SESSIONS, station):
        rows = rows.defer("note", "facts", "payload")
        return [{"row": row, "is_reduced": True} for row in rows]
    return [{"row": row, "end": end_from_anomaly(row)} for row in rows]


class StationLiveView(StationDetailView):
    """The parts of the page that change, each with its id."""

    template_name = "chargers/stations/station_live.html"
    extra_context = {"is_live": True}


def _places(station: Any, connectors: list[Connector], user: User) -> list[dict[str, Any]]:
    """Each connector with what charges at it and what can be asked of it."""
    readings = MeterReading.objects.filter(session=OuterRef("pk")).order_by("-at")
    running = (
        ChargingSession.objects.reachable_by(user)
        .open()
        .filter(station=station)
        .select_related("tag")
        .annotate(
            currents=Subquery(readings.values("current_ma")[:1]), offered=Subquery(readings.values("offered_w")[:1])
        )
        .order_by("started_at")
    )
    by_number: dict[int, Any] = {session.connector_number: session for session in running}
    for connector in connectors:
        if connector.number in by_number:
            forget_stale_power(by_number[connector.number], connector.status)
    told = [
        {
            "connector": connector,
            "number": connector.number,
            "said": of_connector(connector, station.presence),
            "session": by_number.pop(connector.number, None),
            "is_in_use": connector.status in IN_USE,
            "turn": (turn := words.availability_of(connector)).value,
            "turns_on": turn == Availability.OPERATIVE,
        }
        for connector in connectors
    ]
    told += [{"connector": None, "number": number, "session": session} for number, session in by_number.items()]
    for place in told:
        currents = getattr(place["session"], "currents", None) or {}
        place["currents"] = [(phase, value / 1000) for phase, value in sorted(currents.items()) if value is not None]
    return told


def _commands(station: Any, user: User) -> list[dict[str, Any]]:
    reader = Reader(user)
    rows = Command.objects.filter(station=station).select_related("requested_by").order_by("-id")[:SHOWN_COMMANDS]
    for row in rows:
        row.station = station
        readable_command(reader, row, user)
    return [
        {
            "row": row,
            "said": command_said(row),
            "what": words.what(row),
            "outcome": words.outcome(row),
            "requester": words.requester(row),
        }
        for row in rows
    ]


def _log(station: Any, user: User) -> list[dict[str, Any]]:
    reader = Reader(user)
    rows = Message.objects.filter(station=station).order_by("-id")[:SHOWN_MESSAGES]
    for row in rows:
        row.station = station
        readable_message(reader, row)
    return [
        {
            "row": row,
            "arrow": arrow(row),
            "summary": summary(row),
            "payload": pretty(row.payload),
            "answer": pretty(row.answer),
        }
        for row in rows
    ]


def _latest_sessions(station: Any, user: User) -> StationSessionTable:
    rows = (
        ChargingSession.objects.reachable_by(user).filter(station=station).select_related("tag").order_by("-started_at")
    )
    latest = list(rows[:SHOWN_SESSIONS])
    for session in latest:
        session.station = station
    return StationSessionTable(latest, orderable=False)


def _alerts(station: Any) -> dict[str, Any]:
    """Critical security events that nobody has acknowledged."""
    rows = list(SecurityEvent.objects.alerts().filter(station=station).order_by("-pk")[: SHOWN_ALERTS + 1])
    told = [{"row": row, "words": event_label(row.type)} for row in rows[:SHOWN_ALERTS]]
    return {"rows": told, "are_more": len(rows) > SHOWN_ALERTS, "until": rows[0].pk if rows else 0}


def _violations(station: Any, user: User) -> dict[str, Any]:
    """What the station does differently from OCPP: the last rules it broke, and a report of all of them."""
    rows = Deviation.objects.reachable_by(user).filter(station=station).order_by("-last_at", "-pk")
    found = []
    for row in rows:  # not many are kept of one station
        row.station = station
        found.append(violations.of_row(row))
    return {
        "shown": found[:SHOWN_VIOLATIONS],
        "more": max(0, len(found) - SHOWN_VIOLATIONS),
        "report": violations.station_report(station, found),
        "model_url": violations.model_url(station.vendor, station.model),
    }


def _refusals(station: Any) -> list[dict[str, Any]]:
    recent = RefusedConnection.objects.filter(station=station, last_at__gt=timezone.now() - DAY)
    rows = list(recent.order_by("-last_at")[:2])
    for row in rows:
        row.station = station
    return [
        {
            "row": row,
            "times": ngettext("%(n)d time", "%(n)d times", row.count) % {"n": row.count},
            "cause": cause_label(row),
            "cure": fix_label(row),
        }
        for row in rows
    ]


@login_required
@require_safe
def station_power(request: HttpRequest, pk: int) -> JsonResponse:
    """Measured power of the last 24 hours, a line per connector."""
    station = get_object_or_404(ChargingStation.objects.reachable_by(request.user), pk=pk)
    end = timezone.now()
    start = end - DAY
    seen = ChargingSession.objects.reachable_by(request.user)
    recent = seen.filter(station=station, started_at__gt=start - MAX_SESSION).filter(
        Q(stopped_at__isnull=True) | Q(stopped_at__gt=start)
    )
    readings = list(
        MeterReading.objects.filter(session__in=list(recent.values_list("pk", flat=True)), at__gt=start)
        .order_by("at")
        .values_list("connector_number", "session_id", "at", "power_w")
    )
    series = []
    for place, number in enumerate(sorted({number for number, *_rest in readings})):
        points = charts.lines_of_sessions(
            (session, at, None if power is None else power / 1000)
            for connector, session, at, power in readings
            if connector == number
        )
        name = _("Connector %(number)d") % {"number": number}
        series.append(charts.Series(name, "kW", 1, COLOURS[place % len(COLOURS)], points, is_filled=place == 0))
    told = charts.over_time(series, start, end, ["kW"], _("No power was measured in the last 24 hours."))
    newest = charts.thinned(readings)[::-1]
    told["table"] = charts.table(
        [_("Time"), _("Connector"), f"{_('Power')} (kW)"],
        (
            [charts.clock(at), n, charts.shown(None if power is None else power / 1000, 1)]
            for n, _session, at, power in newest
        ),
    )
    return JsonResponse(told)
