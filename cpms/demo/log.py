"""Create the demo's logs of the past days: station reports, commands, connections and notifications.

They refer to the history of sessions, so they are created only together with it.
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
from maintenance.notifications.services.notifications import build_notification
from maintenance.security_events.services import SecurityNotice, record_security_events
from operations.commands.services.asking import audit_command
from operations.models import Command
from sessions.models import ChargingSession

MAX_SESSIONS = 60  # the number of newest sessions whose start and stop are in the message log
Stations = Mapping[str, ChargingStation]
State, Kind = Command.State, Command.Kind


class DemoCommand(NamedTuple):
    """A past command. `answer` is the payload of the station's CALLRESULT; None: it sent none."""

    hours_ago: float
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
COMMANDS = (
    DemoCommand(190, "DEPOT-A-03", Kind.RESET, "Reset", *RESET, State.CONFIRMED, {"status": "Accepted"}),
    DemoCommand(
        168,
        "MALL-0193",
        Kind.CHANGE_AVAILABILITY,
        "ChangeAvailability",
        {"connector": 1, "type": "Operative"},
        {"connectorId": 1, "type": "Operative"},
        State.CONFIRMED,
        {"status": "Accepted"},
    ),
    DemoCommand(
        121,
        "RATHAUS-01",
        Kind.UNLOCK,
        "UnlockConnector",
        {"connector": 2},
        {"connectorId": 2},
        State.REFUSED,
        {"status": "UnlockFailed"},
    ),
    DemoCommand(
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
    DemoCommand(
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
    DemoCommand(52, "LAGER-W-12", Kind.RESET, "Reset", *RESET, State.EXPIRED),
    DemoCommand(49.2, "MALL-0194", Kind.RESET, "Reset", *RESET, State.TIMED_OUT),
    DemoCommand(48.8, "MALL-0194", Kind.RESET, "Reset", *RESET, State.CONFIRMED, {"status": "Accepted"}),
    DemoCommand(27, "NEXT-004711", Kind.CLEAR_CACHE, "ClearCache", {}, {}, State.UNKNOWN),
    DemoCommand(
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
SECURITY_EVENTS = (  # hours ago, station, type, technical information
    (150, "NEXT-004711", "TamperDetectionActivated", "Door contact 1 open for 214 s"),
    (148, "NEXT-004711", "MaintenanceLoginAccepted", "User service, local"),
    (60, "MALL-0193", "InvalidMessages", "Unknown action in CALL"),
    (3.4, "DEPOT-B-01", "MaintenanceLoginFailed", "User service, 3 attempts"),
)
ACKNOWLEDGED_AGO = timedelta(hours=140)  # an operator acknowledged all security events before this time


def load(team: Team, users: Mapping[str, User]) -> None:
    now = timezone.now()
    stations = {row.identity: row for row in ChargingStation.objects.filter(team=team).defer("password")}
    if (
        not {entry.station for entry in (*FAULTS, *COMMANDS)} | {event[1] for event in SECURITY_EVENTS}
        <= stations.keys()
    ):
        return  # some of these stations were handed over to another team
    _faults(stations, now)
    _events(stations, users[OPERATOR], now)
    _commands(stations, users, now)
    _messages(stations, now)
    _links(stations, now)
    _notifications(team, stations, now)


def _faults(stations: Stations, now: datetime) -> None:
    for fault in FAULTS:
        at = now - (fault.ended_ago or fault.started_ago)
        Connector.objects.filter(station=stations[fault.station], number=fault.connector).exclude(
            status=Connector.Status.CHARGING
        ).update(
            status=Connector.Status.AVAILABLE if fault.ended_ago else Connector.Status.FAULTED,
            error_code="" if fault.ended_ago else fault.error_code,
            status_changed_at=at,
            reported_at=at,
        )


def _events(stations: Stations, actor: User, now: datetime) -> None:
    """Create the security events and mark them as e-mailed, so that no alarm is sent."""
    notices = []
    for hours, identity, type_, tech_info in SECURITY_EVENTS:
        at = now - timedelta(hours=hours)
        notices.append(SecurityNotice(stations[identity].pk, type_, at, tech_info, at + timedelta(milliseconds=240)))
    record_security_events(notices)
    Event.objects.filter(kind=Event.Kind.SECURITY, station__in=stations.values()).update(
        mailed_at=F("at") + timedelta(seconds=2)
    )
    acknowledged_at = now - ACKNOWLEDGED_AGO
    alerts = SecurityEvent.objects.filter(station__in=stations.values(), at__lt=acknowledged_at).alerts()
    end_events(kind=Event.Kind.SECURITY, keys=[row.outbox_key for row in alerts], at=acknowledged_at)
    alerts.update(acknowledged_at=acknowledged_at, acknowledged_by=actor)


def _commands(stations: Stations, users: Mapping[str, User], now: datetime) -> None:
    for entry in COMMANDS:
        at = now - timedelta(hours=entry.hours_ago)
        is_sent = entry.state != State.EXPIRED
        duration = timedelta(seconds=30) if entry.state == State.TIMED_OUT else timedelta(milliseconds=310)
        settled_at = at + (duration if is_sent else timedelta(minutes=5))
        with recorded_as_history(at=at, actor=users[entry.by]):
            command = Command.objects.create(
                station=stations[entry.station],
                kind=entry.kind,
                action=entry.action,
                parameters=entry.parameters,
                state=entry.state,
                requested_by=users[entry.by],
                requested_at=at,
                expires_at=at + timedelta(minutes=5),
                sent_at=at + timedelta(milliseconds=60) if is_sent else None,
                sent_epoch=3 if is_sent else None,
                message_id=str(uuid.uuid4()) if is_sent else "",
                settled_at=settled_at,
                answer=entry.answer,
                error_code=entry.error[0],
                error_description=entry.error[1],
                confirmed_at=settled_at + timedelta(seconds=14) if entry.state == State.CONFIRMED else None,
            )
            audit_command(command, users[entry.by])


def _messages(stations: Stations, now: datetime) -> None:
    """Store the messages in the order of their time, so that their ids increase with it."""
    rows = [*_boot_messages(stations, now), *_session_messages(stations), *_fault_messages(stations, now)]
    rows += _command_messages(stations)
    rows += [
        _message(stations[identity], now - timedelta(hours=hours), "SecurityEventNotification", payload, {})
        for hours, identity, type_, tech_info in SECURITY_EVENTS
        for payload in [{"type": type_, "timestamp": _timestamp(now - timedelta(hours=hours)), "techInfo": tech_info}]
    ]
    rows.sort(key=lambda row: row.received_at)
    Message.objects.bulk_create(rows, 200)


def _message(
    station: ChargingStation,
    at: datetime,
    action: str,
    payload: dict[str, Any],
    answer: dict[str, Any] | None,
    **fields: Any,
) -> Message:
    values: dict[str, Any] = {"message_id": str(uuid.uuid4()), "epoch": 3, "protocol": station.protocol} | fields
    text = "" if answer is None else json.dumps(answer)
    call = LoggedCall(
        station_id=station.pk, received_at=at, action=action, payload=json.dumps(payload), answer=text, **values
    )
    return call.message()


def _boot_messages(stations: Stations, now: datetime) -> list[Message]:
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
            {"status": "Accepted", "currentTime": _timestamp(at), "interval": 300},
        )
        for station in stations.values()
    ]


def _session_messages(stations: Stations) -> list[Message]:
    """Return the start and the stop messages of the newest sessions."""
    by_key = {station.pk: station for station in stations.values()}
    newest = ChargingSession.objects.filter(station__in=by_key).order_by("-started_at")[:MAX_SESSIONS]
    rows = []
    for session in newest:
        station = by_key[session.station_id]
        start = {
            "connectorId": session.connector_number,
            "idTag": session.id_tag,
            "meterStart": session.meter_start_wh,
            "timestamp": _timestamp(session.started_at),
        }
        answer = {"transactionId": session.pk, "idTagInfo": {"status": session.authorization}}
        received_at = session.start_received_at or session.started_at
        rows.append(_message(station, received_at, "StartTransaction", start, answer))
        if session.stopped_at is not None:
            stop = {
                "transactionId": session.pk,
                "meterStop": session.meter_stop_wh,
                "timestamp": _timestamp(session.stopped_at),
                "idTag": session.stop_id_tag,
                "reason": session.stop_reason,
            }
            rows.append(_message(station, session.stop_received_at or session.stopped_at, "StopTransaction", stop, {}))
    return rows


def _fault_messages(stations: Stations, now: datetime) -> list[Message]:
    rows = []
    for fault in FAULTS:
        statuses = [(fault.started_ago, "Faulted", fault.error_code)]
        statuses += [(fault.ended_ago, "Available", "NoError")] if fault.ended_ago else []
        for ago, status, error_code in statuses:
            payload = {
                "connectorId": fault.connector,
                "status": status,
                "errorCode": error_code,
                "timestamp": _timestamp(now - ago),
            }
            rows.append(_message(stations[fault.station], now - ago, "StatusNotification", payload, {}))
    return rows


def _command_messages(stations: Stations) -> list[Message]:
    payloads = {(entry.station, entry.kind, entry.state): entry.payload for entry in COMMANDS}
    sent = Command.objects.filter(station__in=stations.values(), sent_at__isnull=False)
    return [
        _message(
            stations[command.station.identity],
            command.sent_at,
            command.action,
            payloads[command.station.identity, command.kind, command.state],
            {"errorDescription": command.error_description} if command.error_code else command.answer,
            direction=Message.Direction.TO_STATION,
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


def _timestamp(at: datetime) -> str:
    """Format a time as stations do."""
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


def _notifications(team: Team, stations: Stations, now: datetime) -> None:
    """Notify the team's members. Past events and the offline station are read; other ongoing events are unread."""
    _fault_events(stations, now)
    record_events([offline_event(stations["LAGER-W-12"].pk, now - OFFLINE_FOR)])
    rows = Event.objects.filter(station__in=stations.values(), notified_at__isnull=True)
    rows.filter(kind=Event.Kind.OFFLINE).update(notified_at=F("at") + OFFLINE_AFTER)
    rows.update(notified_at=F("at"))
    events = Event.objects.filter(station__in=stations.values()).order_by("notified_at")
    members = Membership.objects.filter(team=team).order_by("pk").values_list("user_id", flat=True)
    notifications = [build_notification(person, event) for event in events for person in members]
    for row in notifications:
        assert row.event is not None and row.event.notified_at is not None  # noqa: S101 - set above
        row.created_at = row.event.notified_at
        if row.event.ended_at is not None or row.event.kind == Event.Kind.OFFLINE:
            row.read_at = row.created_at + timedelta(minutes=26)
    Notification.objects.bulk_create(notifications)


def _fault_events(stations: Stations, now: datetime) -> None:
    for fault in sorted(FAULTS, key=lambda fault: -fault.started_ago):
        station, number = stations[fault.station], fault.connector
        connector = Connector.objects.get(station=station, number=number)
        at = now - fault.started_ago
        event = fault_event(connector.pk, station_id=station.pk, number=number, error_code=fault.error_code, at=at)
        record_events([event])
        if fault.ended_ago is not None:
            end_faults({(station.pk, number): now - fault.ended_ago})
