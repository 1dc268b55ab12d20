"""What happened in a session, in order: out of the session, the commands about it and the messages around it."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from django.utils import timezone
from django.utils.translation import gettext as _

from chargers.protocols import StatusStep, TagStep, protocol_named, session_actions
from chargers.stations.services.states import display_of
from chargers.vocabulary import ConnectorStatus, TagVerdict, error_label, label_of, stop_reason_label
from cpms.common.web.formatting import kwh, number
from maintenance.models import Message
from operations.commands import labels as words
from operations.models import Command
from sessions.ledger.services.clocks import effective_time
from sessions.ledger.services.unmatched import OtherEnd
from sessions.models import ChargingSession

MAX_MESSAGES = 300
FREE = display_of(ConnectorStatus.AVAILABLE).kind


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
        if session.authorization == TagVerdict.ACCEPTED
        else _("Tag was answered with %(word)s") % {"word": session.authorization}
    )
    return Event(session.started_at, "charging", text, note)


def _ended(session: ChargingSession) -> Event:
    assert session.stopped_at is not None  # noqa: S101 - the caller looked
    meter = "" if session.meter_stop_wh is None else _(" at %(meter)s Wh") % {"meter": number(session.meter_stop_wh)}
    text = _("Session ended%(meter)s") % {"meter": meter}
    if session.closed_by == ChargingSession.ClosedBy.STATION:
        why = stop_reason_label(session.stop_reason)
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
        action__in=session_actions(),
    )  # fmt: skip
    events: list[Event] = []
    before = None
    for row in rows.order_by("id")[:MAX_MESSAGES]:
        step = protocol_named(row.protocol).session_step(row)
        if isinstance(step, TagStep):
            if step.id_tag.upper() == session.id_tag.upper():
                verdict = label_of(TagVerdict, step.verdict)
                events.append(Event(row.received_at, "good", _("Tag shown at the station"), verdict))
        elif step is not None and step.connector == session.connector_number and step.status != before:
            before = step.status
            events.append(_of_status(row, step))
    return events


def _of_status(row: Message, step: StatusStep) -> Event:
    seen = display_of(step.status)
    texts = {
        ConnectorStatus.PREPARING: _("Vehicle connected"),
        ConnectorStatus.CHARGING: _("Energy flows"),
        ConnectorStatus.SUSPENDED_EV: _("Vehicle takes no energy"),
        ConnectorStatus.SUSPENDED_EVSE: _("Station offers no energy"),
        ConnectorStatus.FINISHING: _("Charging is over, the cable is still plugged in"),
        ConnectorStatus.AVAILABLE: _("Connector is free"),
    }
    text = texts.get(ConnectorStatus(step.status)) if step.status else None
    # a message may arrive long after what it tells of
    at = row.received_at if step.at is None else effective_time(step.at, row.received_at)[0]
    return Event(at, seen.kind, text or str(seen.label), error_label(step.error_code) or step.info)
