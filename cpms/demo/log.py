"""The demo's log: what stations reported, what they were asked for, and what people were told, over the past days.

It belongs to the history of sessions, so it is made together with it or not at all.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

from django.db.models import F
from django.utils import timezone

from accounts.audit.context import recorded_as_history
from accounts.models import Membership, Team, User
from chargers.events.services import end_events, end_faults, fault_event, offline_event, record_events
from chargers.models import ChargingStation, Connector, Event
from chargers.stations.services.offline import OFFLINE_AFTER
from cpms.demo.events import ADMIN, OPERATOR
from cpms.demo.sessions import FAULTS, OFFLINE_FOR
from maintenance.messages.services.log import LoggedCall
from maintenance.models import Message, Notification, SecurityEvent, StationLink
from maintenance.notifications.services.notifications import notification_of
from maintenance.security_events.services import SecurityNotice, record_security_events
from operations.commands.services.asking import note_command
from operations.models import Command
from sessions.models import ChargingSession

SESSIONS = 60  # whose start and end are in the log
OUT = Message.Direction.TO_STATION
Stations = Mapping[str, ChargingStation]
State, Kind = Command.State, Command.Kind


class Asked(NamedTuple):
    """A command of the past. `answer` is what the station said, None where it said nothing."""

    hours: float  # ago
    station: str
    kind: str
    action: str
    parameters: dict[str, Any]
    payload: dict[str, Any]
    state: str
    answer: dict[str, Any] | None = None
    error: tuple[str, str] = ("", "")
    by: str = OPERATOR


RESET = ({"type": "Soft"}, {"type": "Soft"})
ASKED = (
    Asked(190, "DEPOT-A-03", Kind.RESET, "Reset", *RESET, State.CONFIRMED, {"status": "Accepted"}),
    Asked(
        168,
        "MALL-0193",
        Kind.CHANGE_AVAILABILITY,
        "ChangeAvailability",
        {"connector": 1, "type": "Operative"},
        {"connectorId": 1, "type": "Operative"},
        State.CONFIRMED,
        {"status": "Accepted"},
    ),
    Asked(
        121,
        "RATHAUS-01",
        Kind.UNLOCK,
        "UnlockConnector",
        {"connector": 2},
        {"connectorId": 2},
        State.REFUSED,
        {"status": "UnlockFailed"},
    ),
    Asked(
        96,
        "HAFEN-P2-07",
        Kind.CHANGE_CONFIGURATION,
        "ChangeConfiguration",
        {"key": "MeterValueSampleInterval", "value": "60"},
        {"key": "MeterValueSampleInterval", "value": "60"},
        State.ACCEPTED,
        {"status": "Accepted"},
        by=ADMIN,
    ),
    Asked(
        74,
        "MALL-0194",
        Kind.DATA_TRANSFER,
        "DataTransfer",
        {"vendor_id": "com.mennekes", "message_id": "display", "data": "Welcome"},
        {"vendorId": "com.mennekes", "messageId": "display", "data": "Welcome"},
        State.FAILED,
        None,
        ("NotSupported", "display is not a supported message"),
        ADMIN,
    ),
    Asked(52, "LAGER-W-12", Kind.RESET, "Reset", *RESET, State.EXPIRED),
    Asked(49.2, "MALL-0194", Kind.RESET, "Reset", *RESET, State.TIMED_OUT),
    Asked(48.8, "MALL-0194", Kind.RESET, "Reset", *RESET, State.CONFIRMED, {"status": "Accepted"}),
    Asked(27, "NEXT-004711", Kind.CLEAR_CACHE, "ClearCache", {}, {}, State.UNKNOWN),
    Asked(
        5,
        "HAFEN-P3-01",
        Kind.TRIGGER_MESSAGE,
        "TriggerMessage",
        {"message": "StatusNotification", "connector": 2},
        {"requestedMessage": "StatusNotification", "connectorId": 2},
        State.CONFIRMED,
        {"status": "Accepted"},
    ),
)
EVENTS = (  # hours ago, station, type, technical information
    (150, "NEXT-004711", "TamperDetectionActivated", "Door contact 1 open for 214 s"),
    (148, "NEXT-004711", "MaintenanceLoginAccepted", "User service, local"),
    (60, "MALL-0193", "InvalidMessages", "Unknown action in CALL"),
    (3.4, "DEPOT-B-01", "MaintenanceLoginFailed", "User service, 3 attempts"),
)
ACKNOWLEDGED = timedelta(hours=140)  # so long ago somebody acknowledged the events until then


def load(team: Team, people: Mapping[str, User]) -> None:
    now = timezone.now()
    stations = {row.identity: row for row in ChargingStation.objects.filter(team=team).defer("password")}
    if not {one.station for one in (*FAULTS, *ASKED)} | {one[1] for one in EVENTS} <= stations.keys():
        return  # somebody has handed some of them over
    _faults(stations, now)
    _events(stations, people[OPERATOR], now)
    _commands(stations, people, now)
    _messages(stations, now)
    _links(stations, now)
    _notifications(team, stations, now)


def _faults(stations: Stations, now: datetime) -> None:
    for fault in FAULTS:
        at = now - (fault.ended or fault.began)
        Connector.objects.filter(station=stations[fault.station], number=fault.connector).exclude(
            status=Connector.Status.CHARGING
        ).update(
            status=Connector.Status.AVAILABLE if fault.ended else Connector.Status.FAULTED,
            error_code="" if fault.ended else fault.error_code,
            status_changed_at=at,
            reported_at=at,
        )


def _events(stations: Stations, actor: User, now: datetime) -> None:
    """Nobody gets mails about them any more."""
    notices = []
    for hours, identity, type_, tech_info in EVENTS:
        at = now - timedelta(hours=hours)
        notices.append(SecurityNotice(stations[identity].pk, type_, at, tech_info, at + timedelta(milliseconds=240)))
    record_security_events(notices)
    Event.objects.filter(kind=Event.Kind.SECURITY, station__in=stations.values()).update(
        mailed_at=F("at") + timedelta(seconds=2)
    )
    seen_at = now - ACKNOWLEDGED
    seen = SecurityEvent.objects.filter(station__in=stations.values(), at__lt=seen_at).alerts()
    end_events(kind=Event.Kind.SECURITY, keys=[row.outbox_key for row in seen], at=seen_at)
    seen.update(acknowledged_at=seen_at, acknowledged_by=actor)


def _commands(stations: Stations, people: Mapping[str, User], now: datetime) -> None:
    for asked in ASKED:
        at = now - timedelta(hours=asked.hours)
        is_sent = asked.state != State.EXPIRED
        takes = timedelta(seconds=30) if asked.state == State.TIMED_OUT else timedelta(milliseconds=310)
        settled_at = at + (takes if is_sent else timedelta(minutes=5))
        with recorded_as_history(at=at, actor=people[asked.by]):
            command = Command.objects.create(
                station=stations[asked.station],
                kind=asked.kind,
                action=asked.action,
                parameters=asked.parameters,
                state=asked.state,
                requested_by=people[asked.by],
                requested_at=at,
                expires_at=at + timedelta(minutes=5),
                sent_at=at + timedelta(milliseconds=60) if is_sent else None,
                sent_epoch=3 if is_sent else None,
                message_id=str(uuid.uuid4()) if is_sent else "",
                settled_at=settled_at,
                answer=asked.answer,
                error_code=asked.error[0],
                error_description=asked.error[1],
                confirmed_at=settled_at + timedelta(seconds=14) if asked.state == State.CONFIRMED else None,
            )
            note_command(command, people[asked.by])


def _messages(stations: Stations, now: datetime) -> None:
    """In the order in which they were stored: their numbers rise with the time."""
    rows = [*_boots(stations, now), *_of_sessions(stations), *_of_faults(stations, now), *_of_commands(stations)]
    rows += [
        _message(stations[identity], now - timedelta(hours=hours), "SecurityEventNotification", payload, {})
        for hours, identity, type_, tech_info in EVENTS
        for payload in [{"type": type_, "timestamp": _text(now - timedelta(hours=hours)), "techInfo": tech_info}]
    ]
    rows.sort(key=lambda row: row.received_at)
    Message.objects.bulk_create(rows, 200)


def _message(
    station: ChargingStation,
    at: datetime,
    action: str,
    payload: dict[str, Any],
    answer: dict[str, Any] | None,
    **facts: Any,
) -> Message:
    values: dict[str, Any] = {"message_id": str(uuid.uuid4()), "epoch": 3, "protocol": station.protocol} | facts
    text = "" if answer is None else json.dumps(answer)
    call = LoggedCall(
        station_id=station.pk, received_at=at, action=action, payload=json.dumps(payload), answer=text, **values
    )
    return call.message()


def _boots(stations: Stations, now: datetime) -> list[Message]:
    at = now - timedelta(days=9)
    return [
        _message(
            station,
            at,
            "BootNotification",
            {
                "chargePointVendor": station.vendor,
                "chargePointModel": station.model,
                "chargePointSerialNumber": station.serial_number,
                "firmwareVersion": station.firmware_version,
            },
            {"status": "Accepted", "currentTime": _text(at), "interval": 300},
        )
        for station in stations.values()
    ]


def _of_sessions(stations: Stations) -> list[Message]:
    """Start and end of the newest sessions."""
    by_key = {station.pk: station for station in stations.values()}
    newest = ChargingSession.objects.filter(station__in=by_key).order_by("-started_at")[:SESSIONS]
    rows = []
    for session in newest:
        station = by_key[session.station_id]
        start = {
            "connectorId": session.connector_number,
            "idTag": session.id_tag,
            "meterStart": session.meter_start_wh,
            "timestamp": _text(session.started_at),
        }
        answer = {"transactionId": session.pk, "idTagInfo": {"status": session.authorization}}
        received_at = session.start_received_at or session.started_at
        rows.append(_message(station, received_at, "StartTransaction", start, answer))
        if session.stopped_at is not None:
            stop = {
                "transactionId": session.pk,
                "meterStop": session.meter_stop_wh,
                "timestamp": _text(session.stopped_at),
                "idTag": session.stop_id_tag,
                "reason": session.stop_reason,
            }
            rows.append(_message(station, session.stop_received_at or session.stopped_at, "StopTransaction", stop, {}))
    return rows


def _of_faults(stations: Stations, now: datetime) -> list[Message]:
    rows = []
    for fault in FAULTS:
        said = [(fault.began, "Faulted", fault.error_code)]
        said += [(fault.ended, "Available", "NoError")] if fault.ended else []
        for ago, status, error_code in said:
            payload = {
                "connectorId": fault.connector,
                "status": status,
                "errorCode": error_code,
                "timestamp": _text(now - ago),
            }
            rows.append(_message(stations[fault.station], now - ago, "StatusNotification", payload, {}))
    return rows


def _of_commands(stations: Stations) -> list[Message]:
    payloads = {(asked.station, asked.kind, asked.state): asked.payload for asked in ASKED}
    sent = Command.objects.filter(station__in=stations.values(), sent_at__isnull=False)
    return [
        _message(
            stations[command.station.identity],
            command.sent_at,
            command.action,
            payloads[command.station.identity, command.kind, command.state],
            {"errorDescription": command.error_description} if command.error_code else command.answer,
            direction=OUT,
            message_id=command.message_id,
            error_code=command.error_code,
        )
        for command in sent.select_related("station").defer("station__password")
    ]


def _links(stations: Stations, now: datetime) -> None:
    rows = []
    for station in stations.values():
        days = 9 if station.identity != "LAGER-W-12" else 8
        closed_at = now - OFFLINE_FOR if station.identity == "LAGER-W-12" else now
        for epoch, opened, closed, code in (
            (2, now - timedelta(days=days + 21), now - timedelta(days=days, minutes=3), 1006),
            (3, now - timedelta(days=days), closed_at, 1006 if closed_at < now else 1001),
        ):
            rows.append(
                StationLink(
                    station=station,
                    epoch=epoch,
                    node="demo",
                    remote_address=station.remote_address,
                    subprotocol="ocpp1.6",
                    opened_at=opened,
                    closed_at=closed,
                    close_code=code,
                )
            )
    rows.sort(key=lambda row: row.opened_at)
    StationLink.objects.bulk_create(rows, 200)


def _text(at: datetime) -> str:
    """As stations write a time."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _notifications(team: Team, stations: Stations, now: datetime) -> None:
    """Notifications of the team's members; those of what goes on are not read, but of the station that is offline."""
    _fault_events(stations, now)
    record_events([offline_event(stations["LAGER-W-12"].pk, now - OFFLINE_FOR)])
    rows = Event.objects.filter(station__in=stations.values(), notified_at__isnull=True)
    rows.filter(kind=Event.Kind.OFFLINE).update(notified_at=F("at") + OFFLINE_AFTER)
    rows.update(notified_at=F("at"))
    events = Event.objects.filter(station__in=stations.values()).order_by("notified_at")
    members = Membership.objects.filter(team=team).order_by("pk").values_list("user_id", flat=True)
    notifications = [notification_of(person, event) for event in events for person in members]
    for row in notifications:
        assert row.event is not None and row.event.notified_at is not None  # noqa: S101 - set above
        row.created_at = row.event.notified_at
        if row.event.ended_at is not None or row.event.kind == Event.Kind.OFFLINE:
            row.read_at = row.created_at + timedelta(minutes=26)
    Notification.objects.bulk_create(notifications)


def _fault_events(stations: Stations, now: datetime) -> None:
    for fault in sorted(FAULTS, key=lambda fault: -fault.began):
        station, number = stations[fault.station], fault.connector
        connector = Connector.objects.get(station=station, number=number)
        at = now - fault.began
        event = fault_event(connector.pk, station_id=station.pk, number=number, error_code=fault.error_code, at=at)
        record_events([event])
        if fault.ended is not None:
            end_faults({(station.pk, number): now - fault.ended})
