"""Panels and timeline entries from messages: the newest of a station, and those about a session."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.utils.translation import gettext as _

from accounts.models import User
from chargers.protocols import StatusStep, TagStep, protocol_named, session_actions
from chargers.stations.services.states import display_of
from chargers.vocabulary import ConnectorStatus, TagVerdict, error_label, label_of
from cpms.common.text.json_texts import pretty
from cpms.common.web.panels import Panel, TimelineEntry
from maintenance.messages.labels import summary
from maintenance.messages.models import Message
from maintenance.messages.services.technical import as_readable_by
from maintenance.messages.tables import arrow
from sessions.ledger.services.clocks import effective_time
from sessions.ledger.services.technical import Reader
from sessions.models import ChargingSession

MAX_SHOWN = 15
MAX_MESSAGES = 300
AVAILABLE = display_of(ConnectorStatus.AVAILABLE).kind


def latest_messages(station: Any, user: User) -> Panel:
    """Return the panel of the newest messages of a station, reduced to what the user may read."""
    reader = Reader(user)
    rows = Message.objects.filter(station=station).order_by("-id")[:MAX_SHOWN]
    for row in rows:
        row.station = station
        as_readable_by(reader, row)
    messages = [
        {
            "row": row,
            "arrow": arrow(row),
            "summary": summary(row),
            "payload": pretty(row.payload),
            "answer": pretty(row.answer),
        }
        for row in rows
    ]
    context = {"station": station, "messages": messages}
    return Panel("maintenance/messages/panels/latest_messages.html", context, is_live=True)


def timeline(session: ChargingSession, first: datetime, last: datetime) -> list[TimelineEntry]:
    """Return what the station reported about the tag and the connector of a session between two times."""
    entries = sorted(_entries(session, first, last), key=lambda entry: entry.at)
    return _without_adjacent(entries, session)


def _without_adjacent(entries: list[TimelineEntry], session: ChargingSession) -> list[TimelineEntry]:
    """Return the entries without those of the sessions before and after: from when the connector was last available
    before the session until it was available again."""
    own: list[TimelineEntry] = []
    for entry in entries:
        is_available = entry.kind == AVAILABLE
        if entry.at < session.started_at:
            own = [] if is_available else [*own, entry]
            continue
        own.append(entry)
        if is_available and session.stopped_at is not None and entry.at >= session.stopped_at:
            break
    return own


def _entries(session: ChargingSession, first: datetime, last: datetime) -> list[TimelineEntry]:
    rows = Message.objects.filter(
        station=session.station_id, received_at__range=(first, last), direction=Message.Direction.FROM_STATION,
        action__in=session_actions(),
    )  # fmt: skip
    entries: list[TimelineEntry] = []
    last_status = None
    for row in rows.order_by("id")[:MAX_MESSAGES]:
        step = protocol_named(row.protocol).session_step(row)
        if isinstance(step, TagStep):
            if step.id_tag.upper() == session.id_tag.upper():
                verdict = label_of(TagVerdict, step.verdict)
                entries.append(TimelineEntry(row.received_at, "good", _("Tag presented at the station"), verdict))
        elif step is not None and step.connector == session.connector_number and step.status != last_status:
            last_status = step.status
            entries.append(_status_entry(row, step))
    return entries


def _status_entry(row: Message, step: StatusStep) -> TimelineEntry:
    display = display_of(step.status)
    texts = {
        ConnectorStatus.PREPARING: _("Vehicle connected"),
        ConnectorStatus.CHARGING: _("Charging started"),
        ConnectorStatus.SUSPENDED_EV: _("Vehicle stopped drawing power"),
        ConnectorStatus.SUSPENDED_EVSE: _("Station paused charging"),
        ConnectorStatus.FINISHING: _("Charging finished, cable still connected"),
        ConnectorStatus.AVAILABLE: _("Connector available"),
    }
    text = texts.get(ConnectorStatus(step.status)) if step.status else None
    # a message may arrive long after what it reports
    at = row.received_at if step.at is None else effective_time(step.at, row.received_at)[0]
    return TimelineEntry(at, display.kind, text or str(display.label), error_label(step.error_code) or step.info)
