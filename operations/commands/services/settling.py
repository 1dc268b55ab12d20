"""Move commands through their life cycle: at most one is in flight per station; an unclear outcome is unknown."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Case, F, Q, QuerySet, Value, When
from django.db.models.functions import Now
from django.utils import timezone

from chargers.credentials import services as credentials_services
from chargers.models import NODE_ALIVE, ChargingStation
from chargers.protocols import CommandOutcome
from chargers.stations.services import configuration
from chargers.vocabulary import Availability, CommandResult, ConnectorStatus
from cpms.common.database.prepared import Prepared, among
from cpms.common.errors import DomainError
from cpms.common.messaging.news import tell_pages
from operations.commands.models import Command
from operations.commands.services.authority import cancel_commands_without_right, cancel_if_right_lost
from operations.commands.services.sealing import password_in, redact, unseal
from sessions.models import ChargingSession, Flag

logger = logging.getLogger(__name__)
State = Command.State
WITHOUT_KNOWN_RESULT = {Command.Kind.GET_CONFIGURATION, Command.Kind.RAW}  # any answer to these counts as accepted
OUTCOME_WINDOW = timedelta(minutes=10)  # how long after sending a station's report can confirm a command
# how long a station waits for the vehicle after a remote start if its connection timeout is unknown, and at most
START_SECONDS, MAX_START_SECONDS = 5 * 60, 24 * 60 * 60
CLOCK_SLACK = timedelta(minutes=1)


@transaction.atomic
def take_next_command(*, station_id: int, epoch: int) -> Command | None:
    """Return the next command to send over a link, marked as sent; None if one is in flight or none is waiting.

    Args:
        epoch: epoch of the sending link; a link that is not the station's newest gets None.
    """
    stations = ChargingStation.objects.select_related("team").select_for_update(of=("self",), no_key=True)
    station = stations.get(pk=station_id)
    if station.epoch != epoch:
        return None
    now = timezone.now()
    settle_commands_of_link(station_id=station_id, epoch=epoch - 1)
    if Command.objects.filter(station_id=station_id, state=State.SENT).exists():
        return None
    waiting = Command.objects.select_for_update(of=("self",)).filter(station_id=station_id, state=State.REQUESTED)
    _expire(waiting.filter(expires_at__lte=now), now)
    sendable = waiting.filter(expires_at__gt=now).with_requester().order_by("id")
    while (command := sendable.first()) is not None:
        tell_pages({station.team_id: [station.pk]})
        command.station = station
        if cancel_if_right_lost(command):
            continue
        command.message_id = str(uuid.uuid4())
        to_send, command.parameters = unseal(command.kind, command.parameters)
        try:
            _offer_password(station, command, to_send)
        except DomainError as error:
            _fail_unsent(command, str(error), now)
            continue
        command.state, command.sent_at, command.sent_epoch = State.SENT, now, epoch
        command.protocol = station.protocol  # the station may have changed its version since the request
        command.save(update_fields=["state", "sent_at", "sent_epoch", "protocol", "message_id", "parameters"])
        command.parameters = to_send
        return command
    return None


def _offer_password(station: ChargingStation, command: Command, to_send: dict[str, Any]) -> None:
    """Accept the new password beside the old one until the station has answered."""
    password = password_in(command.kind, to_send)
    if password is not None:
        credentials_services.offer_password(station=station, password=password, message_id=command.message_id)


def _fail_unsent(command: Command, sentence: str, now: datetime) -> None:
    command.state, command.settled_at = State.FAILED, now
    command.message_id, command.error_description = "", sentence[:255]
    command.save(update_fields=["state", "settled_at", "message_id", "error_description", "parameters"])


def _expire(rows: QuerySet[Command], now: datetime) -> int:
    """Expire commands and delete passwords from their parameters. Return the number of commands."""
    count = 0
    for command in rows.filter(parameters__has_key="sealed"):
        parameters = redact(command.kind, command.parameters)
        waiting = Command.objects.filter(pk=command.pk, state=State.REQUESTED)
        count += waiting.update(state=State.EXPIRED, settled_at=now, parameters=parameters)
    return count + rows.update(state=State.EXPIRED, settled_at=now)


def _settle_password(station_id: int, message_id: str, result: CommandResult | None) -> None:
    """Keep or drop a new station password according to the station's answer, even if the answer is late.

    An unknown result leaves the change open. Call this before locking the command, since stations are locked first.
    """
    if result == CommandResult.REBOOT_REQUIRED:
        credentials_services.await_reboot(station_id=station_id, message_id=message_id)
    elif result is not None and (result == CommandResult.ACCEPTED or not result.is_consent):
        is_taken = result == CommandResult.ACCEPTED
        credentials_services.settle_password(station_id=station_id, message_id=message_id, is_taken=is_taken)


def _record_configuration(station_id: int, message_id: str, outcome: CommandOutcome) -> None:
    """Store the configuration that a station's answer reports or accepts, even if the answer is late.

    Call this before locking the command, since stations are locked first.
    """
    is_change = outcome.result in (CommandResult.ACCEPTED, CommandResult.REBOOT_REQUIRED)
    if not is_change and outcome.configuration is None:
        return
    commands = Command.objects.filter(station_id=station_id, message_id=message_id).exclude(message_id="")
    for kind, parameters in commands.values_list("kind", "parameters"):
        if kind == Command.Kind.CHANGE_CONFIGURATION and is_change:
            values = {str(parameters.get("key", "")): str(parameters.get("value", ""))}
        elif kind == Command.Kind.GET_CONFIGURATION and outcome.configuration is not None:
            values = {setting.key: setting.value or "" for setting in outcome.configuration}
        else:
            continue
        configuration.record_configuration(station_id=station_id, values=values)


def settle_commands_of_link(*, station_id: int, epoch: int) -> int:
    """Mark the unanswered commands of a link that ended or was replaced, and of older ones, as unknown.

    They are never sent again automatically.

    Returns:
        The number of commands.
    """
    sent = Command.objects.filter(station_id=station_id, state=State.SENT)
    return _mark_unknown(sent.filter(Q(sent_epoch__lte=epoch) | Q(sent_epoch=None)))


def settle_commands_of_node(*, node_id: int) -> int:
    """Mark the unanswered commands of an ending gateway process as unknown; call it before its links are released."""
    return _mark_unknown(Command.objects.filter(station__node_id=node_id, state=State.SENT))


@transaction.atomic
def _mark_unknown(rows: QuerySet[Command]) -> int:
    unanswered = list(rows.values_list("pk", "station_id", "station__team_id"))
    if not unanswered:
        return 0
    changed: dict[int | None, list[int]] = {}
    for _pk, station_id, team_id in unanswered:
        changed.setdefault(team_id, []).append(station_id)
    tell_pages(changed)
    still_sent = Command.objects.filter(pk__in=[pk for pk, _station, _team in unanswered], state=State.SENT)
    return still_sent.update(state=_unless_confirmed(State.UNKNOWN), settled_at=timezone.now())


def _unless_confirmed(state: State) -> Case:
    """Return a state expression: confirmed if a report has shown the effect, even without an answer, else `state`."""
    return Case(When(confirmed_at__isnull=False, then=Value(State.CONFIRMED)), default=Value(state))


def _open_command(station_id: int, message_id: str) -> Command | None:
    return (
        Command.objects.select_for_update(of=("self",))
        .select_related("station")
        .filter(station_id=station_id, message_id=message_id, state=State.SENT)
        .first()
    )


@transaction.atomic
def settle_answer(
    *, station_id: int, message_id: str, answer: dict[str, Any], outcome: CommandOutcome
) -> Command | None:
    """Settle the command that a station answered.

    Args:
        answer: payload of the CALLRESULT, without secrets.
        outcome: its meaning according to the codec of the link.

    Returns:
        The command; None if no command of this station was waiting for the answer.
    """
    _settle_password(station_id, message_id, outcome.result)
    _record_configuration(station_id, message_id, outcome)
    command = _open_command(station_id, message_id)
    if command is None:
        return None
    command.state = _state_after(command, outcome.result)
    command.answer, command.settled_at = answer, timezone.now()
    if command.state == State.FAILED:
        command.error_code, command.error_description = "FormationViolation", "The station's answer makes no sense."
    command.save(update_fields=["state", "answer", "settled_at", "error_code", "error_description"])
    tell_pages({command.station.team_id: [station_id]})
    return command


def _state_after(command: Command, result: CommandResult | None) -> State:
    """Return the state after an answer. An unknown result is a failure unless a report has confirmed the command."""
    if result is not None and not result.is_consent:
        return State.REFUSED
    if command.confirmed_at:
        return State.CONFIRMED
    return State.ACCEPTED if result is not None or command.kind in WITHOUT_KNOWN_RESULT else State.FAILED


@transaction.atomic
def settle_error(*, station_id: int, message_id: str, code: str, description: str) -> Command | None:
    """Settle a command that a station answered with a CALLERROR; None if no command was waiting for it."""
    credentials_services.settle_password(station_id=station_id, message_id=message_id, is_taken=False)
    command = _open_command(station_id, message_id)
    if command is None:
        return None
    command.state, command.settled_at = State.FAILED, timezone.now()
    command.error_code, command.error_description = code[:60], description[:255]
    command.save(update_fields=["state", "settled_at", "error_code", "error_description"])
    tell_pages({command.station.team_id: [station_id]})
    return command


def settle_overdue_commands() -> int:
    """Settle all commands that can no longer succeed.

    Sent commands time out, or become unknown if their link or gateway process is gone. Waiting commands expire, or are
    cancelled if the requester has lost the right or the station was handed over.

    Returns:
        The number of settled commands.
    """
    now = timezone.now()
    sent = Command.objects.filter(state=State.SENT)
    silent_node = Q(station__node__alive_at__lte=Now() - NODE_ALIVE)
    lost = sent.filter(Q(station__node=None) | silent_node | Q(sent_epoch__lt=F("station__epoch")))
    overdue = sent.filter(sent_at__lt=now - timedelta(seconds=settings.OCPP_CALL_SECONDS))
    expired = Command.objects.filter(expires_at__lte=now, state=State.REQUESTED)
    changed: dict[int | None, list[int]] = {}
    with transaction.atomic():
        count = _mark_unknown(lost)
        for rows in (overdue, expired):
            for team_id, station_id in rows.values_list("station__team_id", "station_id"):
                changed.setdefault(team_id, []).append(station_id)
        count += overdue.update(state=_unless_confirmed(State.TIMED_OUT), settled_at=now)
        count += _expire(expired, now)
        count += cancel_commands_without_right()
        tell_pages(changed)
    return count


@Prepared
def _awaiting_outcome(station: Any, kind: Any, since: Any) -> QuerySet[Command]:
    return Command.objects.filter(
        station_id=station,
        kind=kind,
        state__in=[State.SENT, State.ACCEPTED, State.TIMED_OUT, State.UNKNOWN],
        sent_at__gt=since,
    ).order_by("id")


def _recently_sent(station_id: int, kind: str, at: datetime) -> list[Command]:
    return _awaiting_outcome(station=station_id, kind=kind, since=at - OUTCOME_WINDOW)


def link_started_session(session: ChargingSession) -> None:
    """Confirm the remote start that caused a session, if there was one.

    Args:
        session: with its station locked and loaded with the epoch of the link that reported the start.
    """
    now, station = timezone.now(), session.station
    window = timedelta(seconds=min(station.connection_timeout_seconds or START_SECONDS, MAX_START_SECONDS))
    since = now - window - timedelta(seconds=settings.OCPP_CALL_SECONDS)
    for command in _awaiting_outcome(station=station.pk, kind=Command.Kind.REMOTE_START, since=since):
        if command.session_id is None and _can_be_effect(session, command, now - window):
            _confirm(command, now, session)
            return


def _can_be_effect(session: ChargingSession, command: Command, earliest: datetime) -> bool:
    """Whether a session can be the effect of a remote start.

    It cannot if it has another tag, connector or link, if it started after the station stopped waiting for a vehicle
    (counted from the station's acceptance), or if the station recorded it before the command was sent.
    """
    parameters = command.parameters
    is_accepted = command.state == State.ACCEPTED and command.settled_at is not None
    waiting_since = command.settled_at if is_accepted else command.sent_at
    return (
        command.sent_epoch == session.station.epoch
        and str(parameters.get("id_tag", "")).upper() == session.id_tag.upper()
        and parameters.get("connector") in (None, session.connector_number)
        and waiting_since is not None
        and waiting_since >= earliest
        and not _is_older_than_command(session, command)
    )


def _is_older_than_command(session: ChargingSession, command: Command) -> bool:
    """Whether a session started before the command was sent, by the station's clock. False if that clock is wrong."""
    if command.sent_at is None or Flag.CLOCK in session.flags:
        return False
    offset = timedelta(milliseconds=session.station.clock_offset_ms or 0)
    return session.started_at - offset < command.sent_at - CLOCK_SLACK


def link_stopped_session(session: ChargingSession) -> None:
    """Confirm the remote stop that ended a session, if there was one."""
    now = timezone.now()
    for command in _recently_sent(session.station_id, Command.Kind.REMOTE_STOP, now):
        if command.confirmed_at is None and command.parameters.get("session") == session.pk:
            _confirm(command, now, session)


def confirm_reset(*, station_id: int) -> None:
    """Confirm the resets of a station that has booted."""
    now = timezone.now()
    for command in _recently_sent(station_id, Command.Kind.RESET, now):
        if command.confirmed_at is None:
            _confirm(command, now, None)


@Prepared
def _unconfirmed_availability(since: Any, ids: Any) -> QuerySet[Command]:
    commands = Command.objects.filter(
        among("station_id", ids),
        kind=Command.Kind.CHANGE_AVAILABILITY,
        sent_at__gt=since,
        confirmed_at=None,
        state__in=[State.SENT, State.ACCEPTED, State.TIMED_OUT, State.UNKNOWN],
    )
    return commands.select_for_update(of=("self",)).order_by("id")


def confirm_availability(statuses: Mapping[tuple[int, int], str]) -> None:
    """Confirm changes of availability that new connector statuses show.

    Args:
        statuses: new status by station id and connector number.
    """
    now = timezone.now()
    for command in _unconfirmed_availability(
        since=now - OUTCOME_WINDOW, ids={station_id for station_id, _number in statuses}
    ):
        connector = command.parameters.get("connector", 0)
        is_inoperative = command.parameters.get("type") == Availability.INOPERATIVE
        for (station_id, number), status in statuses.items():
            is_match = station_id == command.station_id and connector in (0, number)
            if is_match and (status == ConnectorStatus.UNAVAILABLE) == is_inoperative:
                _confirm(command, now, None)
                break


def _confirm(command: Command, now: datetime, session: ChargingSession | None) -> None:
    """Record that a station's own report has shown the effect of a command, even if its answer was lost."""
    command.confirmed_at = now
    if command.state != State.SENT:  # until the answer arrives, the command stays the only one in flight
        command.state = State.CONFIRMED
    if session is not None:
        command.session = session
    command.save(update_fields=["state", "confirmed_at", "session"])
