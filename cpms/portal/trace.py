"""What happened in a session, in order: out of the session, the commands about it and the messages around it."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from django.utils import timezone
from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _

from cpms.common.look import kwh, number
from cpms.common.words import error_words, look_of, stop_words
from maintenance.models import Message
from operations import words
from operations.models import Command
from sessions.models import ChargingSession
from sessions.services.clocks import time_that_counts
from sessions.services.unmatched import OtherEnd

ACTIONS = ["StatusNotification", "Authorize"]
MOST_MESSAGES = 300
FREE = look_of("Available").kind


class Event(NamedTuple):
    at: datetime
    kind: str  # colour
    text: str
    note: str = ""


def trace(
    session: ChargingSession,
    commands: Iterable[Command],
    first: datetime,
    last: datetime,
    others: Iterable[OtherEnd] = (),
) -> list[Event]:
    told = _own(sorted(_of_messages(session, first, last), key=lambda event: event.at), session)
    events = [_began(session), *_of_commands(commands), *told]
    if session.stopped_at is not None:
        events.append(_ended(session))
    events += _of_other_ends(session, others)
    return sorted(events, key=lambda event: event.at)


def _own(told: list[Event], session: ChargingSession) -> list[Event]:
    """From when the connector was last free before the session until it was free again; not its neighbours'."""
    own: list[Event] = []
    for event in told:
        is_free = event.kind == FREE
        if event.at < session.started_at:
            own = [] if is_free else [*own, event]
            continue
        own.append(event)
        if is_free and session.stopped_at is not None and event.at >= session.stopped_at:
            break
    return own


def _began(session: ChargingSession) -> Event:
    if session.meter_start_wh is None:
        text = _("Session began")
    else:
        text = _("Session began at %(meter)s Wh") % {"meter": number(session.meter_start_wh)}
    note = (
        ""
        if session.authorization == "Accepted"
        else _("Tag was answered with %(word)s") % {"word": session.authorization}
    )
    return Event(session.started_at, "charging", text, note)


def _ended(session: ChargingSession) -> Event:
    assert session.stopped_at is not None  # noqa: S101 - the caller looked
    meter = "" if session.meter_stop_wh is None else _(" at %(meter)s Wh") % {"meter": number(session.meter_stop_wh)}
    text = _("Session ended%(meter)s") % {"meter": meter}
    if session.closed_by == ChargingSession.ClosedBy.STATION:
        why = stop_words(session.stop_reason)
    else:
        why = ", ".join(session.flag_labels)
    charged = _("%(energy)s kWh charged") % {"energy": kwh(session.energy_wh)}
    return Event(session.stopped_at, "neutral", text, " · ".join(part for part in (why, charged) if part))


def _of_other_ends(session: ChargingSession, others: Iterable[OtherEnd]) -> list[Event]:
    """Those whose time can be; all of them are among the details."""
    begin, now = session.started_at - timedelta(days=1), timezone.now()
    found = []
    for end in others:
        if end.at is not None and begin <= end.at <= now:
            meter = "" if end.meter_wh is None else _(" at %(meter)s Wh") % {"meter": number(end.meter_wh)}
            text = _("Another end was reported%(meter)s") % {"meter": meter}
            found.append(Event(end.at, "warn", text, _("It does not count.")))
    return found


def _of_commands(commands: Iterable[Command]) -> list[Event]:
    return [
        Event(
            command.requested_at,
            "reserved",
            command.get_kind_display(),
            " · ".join(
                part
                for part in (
                    _("by %(person)s") % {"person": command.requested_by or _("the system")},
                    f"{command.get_state_display()}: {words.outcome(command)}",
                )
                if part
            ),
        )
        for command in commands
    ]


def _of_messages(session: ChargingSession, first: datetime, last: datetime) -> list[Event]:
    rows = Message.objects.filter(
        station=session.station_id, received_at__range=(first, last), direction=Message.Direction.FROM_STATION,
        action__in=ACTIONS,
    )  # fmt: skip
    events, before = [], ""
    for row in rows.order_by("id")[:MOST_MESSAGES]:
        asked = _read(row.payload)
        if row.action == "Authorize":
            if str(asked.get("idTag", "")).upper() == session.id_tag.upper():
                verdict = (_read(row.answer).get("idTagInfo") or {}).get("status", "")
                events.append(Event(row.received_at, "good", _("Tag shown at the station"), str(verdict)))
            continue
        status = str(asked.get("status", ""))
        if asked.get("connectorId") != session.connector_number or status == before:
            continue
        before = status
        events.append(_of_status(row, asked, status))
    return events


def _of_status(row: Message, asked: dict[str, Any], status: str) -> Event:
    seen = look_of(status)
    texts = {
        "Preparing": _("Vehicle connected"),
        "Charging": _("Energy flows"),
        "SuspendedEV": _("Vehicle takes no energy"),
        "SuspendedEVSE": _("Station offers no energy"),
        "Finishing": _("Charging is over, the cable is still plugged in"),
        "Available": _("Connector is free"),
    }
    note = error_words(str(asked.get("errorCode") or "")) or str(asked.get("info") or "")
    return Event(_time_of(row, asked), seen.kind, texts.get(status, str(seen.label)), note)


def _time_of(row: Message, asked: dict[str, Any]) -> datetime:
    """The station's own time where it told one: a message may arrive long after what it tells of."""
    try:
        told = parse_datetime(str(asked.get("timestamp") or ""))
    except ValueError:
        told = None
    if told is None:
        return row.received_at
    told = told if timezone.is_aware(told) else told.replace(tzinfo=timezone.get_default_timezone())
    return time_that_counts(told, row.received_at)[0]


def _read(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}
