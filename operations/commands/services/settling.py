"""The life cycle of a command: one in flight per station, and an unknown result is recorded as unknown."""

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
from operations.commands.services.authority import cancel_all_lost, cancel_if_lost
from operations.commands.services.sealing import password_in, shown, unseal
from sessions.models import ChargingSession, Flag

logger = logging.getLogger(__name__)
State = Command.State
ANSWERED_FREELY = {Command.Kind.GET_CONFIGURATION, Command.Kind.RAW}  # no status, or one of many words
OUTCOME_WINDOW = timedelta(minutes=10)  # how long after 'accepted' a station's own report still confirms it
# how long a station waits for the vehicle after a remote start, where it has not told its ConnectionTimeOut
START_SECONDS, MAX_START_SECONDS = 5 * 60, 24 * 60 * 60
CLOCK_SLACK = timedelta(minutes=1)


@transaction.atomic
def take_next_command(*, station_id: int, epoch: int) -> Command | None:
    """The next command to send over this link, marked sent before it is; None if one is open or none waits.

    Args:
        epoch: of the link that would send it; a link that is no longer the station's newest gets nothing.
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
    to_come = waiting.filter(expires_at__gt=now).with_requester().order_by("id")
    while (command := to_come.first()) is not None:
        tell_pages({station.team_id: [station.pk]})
        command.station = station
        if cancel_if_lost(command):
            continue
        command.message_id = str(uuid.uuid4())
        to_send, command.parameters = unseal(command.kind, command.parameters)
        try:
            _offer_password(station, command, to_send)
        except DomainError as error:
            _fail_unsent(command, str(error), now)
            continue
        command.state, command.sent_at, command.sent_epoch = State.SENT, now, epoch
        command.protocol = station.protocol  # the station may speak another version than when it was asked
        command.save(update_fields=["state", "sent_at", "sent_epoch", "protocol", "message_id", "parameters"])
        command.parameters = to_send
        return command
    return None


def _offer_password(station: ChargingStation, command: Command, to_send: dict[str, Any]) -> None:
    """Accept a new password beside the old one, from before it is sent until the station has answered."""
    password = password_in(command.kind, to_send)
    if password is not None:
        credentials_services.offer_password(station=station, password=password, message_id=command.message_id)


def _fail_unsent(command: Command, sentence: str, now: datetime) -> None:
    command.state, command.settled_at = State.FAILED, now
    command.message_id, command.error_description = "", sentence[:255]
    command.save(update_fields=["state", "settled_at", "message_id", "error_description", "parameters"])


def _expire(rows: QuerySet[Command], now: datetime) -> int:
    """Expire commands that waited too long, and delete the passwords that waited with them."""
    count = 0
    for command in rows.filter(parameters__has_key="sealed"):
        kept = shown(command.kind, command.parameters)
        waiting = Command.objects.filter(pk=command.pk, state=State.REQUESTED)
        count += waiting.update(state=State.EXPIRED, settled_at=now, parameters=kept)
    return count + rows.update(state=State.EXPIRED, settled_at=now)


def _settle_password(station_id: int, message_id: str, result: CommandResult | None) -> None:
    """What a station said to a new password, also where it said so too late for the command: whether it took it.

    An answer that makes no sense leaves it open. Comes before the command is locked: stations are locked first.
    """
    if result == CommandResult.REBOOT_REQUIRED:
        credentials_services.await_reboot(station_id=station_id, message_id=message_id)
    elif result is not None and (result == CommandResult.ACCEPTED or not result.is_consent):
        is_taken = result == CommandResult.ACCEPTED
        credentials_services.settle_password(station_id=station_id, message_id=message_id, is_taken=is_taken)


def _note_configuration(station_id: int, message_id: str, outcome: CommandOutcome) -> None:
    """What a station says of its configuration holds, also where it says so too late for the command.

    Comes before the command is locked: stations are locked first.
    """
    is_change = outcome.result in (CommandResult.ACCEPTED, CommandResult.REBOOT_REQUIRED)
    if not is_change and outcome.configuration is None:
        return
    asked = Command.objects.filter(station_id=station_id, message_id=message_id).exclude(message_id="")
    for kind, parameters in asked.values_list("kind", "parameters"):
        if kind == Command.Kind.CHANGE_CONFIGURATION and is_change:
            values = {str(parameters.get("key", "")): str(parameters.get("value", ""))}
        elif kind == Command.Kind.GET_CONFIGURATION and outcome.configuration is not None:
            values = {setting.key: setting.value or "" for setting in outcome.configuration}
        else:
            continue
        configuration.record_configuration(station_id=station_id, values=values)


def settle_commands_of_link(*, station_id: int, epoch: int) -> int:
    """A link ended, or a newer one took its place: what it or an older one sent and never saw answered has an unknown
    outcome. It is never sent again by itself. Returns how many."""
    sent = Command.objects.filter(station_id=station_id, state=State.SENT)
    return _lose(sent.filter(Q(sent_epoch__lte=epoch) | Q(sent_epoch=None)))


def settle_commands_of_node(*, node_id: int) -> int:
    """A gateway process ends, and all of its links with it; called while they are still known as its own."""
    return _lose(Command.objects.filter(station__node_id=node_id, state=State.SENT))


@transaction.atomic
def _lose(rows: QuerySet[Command]) -> int:
    found = list(rows.values_list("pk", "station_id", "station__team_id"))
    if not found:
        return 0
    changed: dict[int | None, list[int]] = {}
    for _pk, station_id, team_id in found:
        changed.setdefault(team_id, []).append(station_id)
    tell_pages(changed)
    still_sent = Command.objects.filter(pk__in=[pk for pk, _station, _team in found], state=State.SENT)
    return still_sent.update(state=_unless_confirmed(State.UNKNOWN), settled_at=timezone.now())


def _unless_confirmed(state: State) -> Case:
    """What a station then did settles the matter, even where its answer was lost."""
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
        answer: as the station sent it, without secrets.
        outcome: what it means, according to the codec of the link it came by.

    Returns:
        None when nobody waited for this answer (stray, late or another station's).
    """
    _settle_password(station_id, message_id, outcome.result)
    _note_configuration(station_id, message_id, outcome)
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
    """Only a known result is a consent; a station that did it already needs none."""
    if result is not None and not result.is_consent:
        return State.REFUSED
    if command.confirmed_at:
        return State.CONFIRMED
    return State.ACCEPTED if result is not None or command.kind in ANSWERED_FREELY else State.FAILED


@transaction.atomic
def settle_error(*, station_id: int, message_id: str, code: str, description: str) -> Command | None:
    """A station answered with a CALLERROR; None when nobody waited for it."""
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
    """Settle what a station did not answer in time, or cannot answer any more since its link or the process that held
    it is gone; expire what waited too long; cancel what was asked for with a right that is gone meanwhile, or of a
    station that was handed over and never comes.

    Returns how many.
    """
    now = timezone.now()
    sent = Command.objects.filter(state=State.SENT)
    silent_node = Q(station__node__alive_at__lte=Now() - NODE_ALIVE)
    lost = sent.filter(Q(station__node=None) | silent_node | Q(sent_epoch__lt=F("station__epoch")))
    overdue = sent.filter(sent_at__lt=now - timedelta(seconds=settings.OCPP_CALL_SECONDS))
    expired = Command.objects.filter(expires_at__lte=now, state=State.REQUESTED)
    changed: dict[int | None, list[int]] = {}
    with transaction.atomic():
        count = _lose(lost)
        for rows in (overdue, expired):
            for team_id, station_id in rows.values_list("station__team_id", "station_id"):
                changed.setdefault(team_id, []).append(station_id)
        count += overdue.update(state=_unless_confirmed(State.TIMED_OUT), settled_at=now)
        count += _expire(expired, now)
        count += cancel_all_lost()
        tell_pages(changed)
    return count


@Prepared
def _hopeful(station: Any, kind: Any, since: Any) -> QuerySet[Command]:
    return Command.objects.filter(
        station_id=station,
        kind=kind,
        state__in=[State.SENT, State.ACCEPTED, State.TIMED_OUT, State.UNKNOWN],
        sent_at__gt=since,
    ).order_by("id")


def _accepted(station_id: int, kind: str, at: datetime) -> list[Command]:
    return _hopeful(station=station_id, kind=kind, since=at - OUTCOME_WINDOW)


def link_started_session(session: ChargingSession) -> None:
    """The remote start that caused this session, if there was one, is done.

    Args:
        session: its station is locked, and its epoch is that of the link which the start came by.
    """
    now, station = timezone.now(), session.station
    window = timedelta(seconds=min(station.connection_timeout_seconds or START_SECONDS, MAX_START_SECONDS))
    since = now - window - timedelta(seconds=settings.OCPP_CALL_SECONDS)
    for command in _hopeful(station=station.pk, kind=Command.Kind.REMOTE_START, since=since):
        if command.session_id is None and _can_be_effect(session, command, now - window):
            _confirm(command, now, session)
            return


def _can_be_effect(session: ChargingSession, command: Command, earliest: datetime) -> bool:
    """Whether a session can have begun because of a remote start.

    Not when it was begun by another tag or at another connector, on another link, after the station ceased to wait for
    a vehicle (counted from its consent), or when the station recorded it before it was asked.
    """
    wanted = command.parameters
    is_accepted = command.state == State.ACCEPTED and command.settled_at is not None
    asked_at = command.settled_at if is_accepted else command.sent_at
    return (
        command.sent_epoch == session.station.epoch
        and str(wanted.get("id_tag", "")).upper() == session.id_tag.upper()
        and wanted.get("connector") in (None, session.connector_number)
        and asked_at is not None
        and asked_at >= earliest
        and not _was_recorded_before(session, command)
    )


def _was_recorded_before(session: ChargingSession, command: Command) -> bool:
    """By the station's clock as far as it is known; where that clock is absurd the time of arrival counts."""
    if command.sent_at is None or Flag.CLOCK in session.flags:
        return False
    offset = timedelta(milliseconds=session.station.clock_offset_ms or 0)
    return session.started_at - offset < command.sent_at - CLOCK_SLACK


def link_stopped_session(session: ChargingSession) -> None:
    """The remote stop that ended this session, if there was one, is done."""
    now = timezone.now()
    for command in _accepted(session.station_id, Command.Kind.REMOTE_STOP, now):
        if command.confirmed_at is None and command.parameters.get("session") == session.pk:
            _confirm(command, now, session)


def confirm_reset(*, station_id: int) -> None:
    """A station booted: the reset it was asked for is done."""
    now = timezone.now()
    for command in _accepted(station_id, Command.Kind.RESET, now):
        if command.confirmed_at is None:
            _confirm(command, now, None)


@Prepared
def _asked_availability(since: Any, ids: Any) -> QuerySet[Command]:
    asked = Command.objects.filter(
        among("station_id", ids),
        kind=Command.Kind.CHANGE_AVAILABILITY,
        sent_at__gt=since,
        confirmed_at=None,
        state__in=[State.SENT, State.ACCEPTED, State.TIMED_OUT, State.UNKNOWN],
    )
    return asked.select_for_update(of=("self",)).order_by("id")


def confirm_availability(statuses: Mapping[tuple[int, int], str]) -> None:
    """Stations reported new statuses: a change of availability that shows in them is done.

    Args:
        statuses: the new status by station's primary key and connector number.
    """
    now = timezone.now()
    for command in _asked_availability(
        since=now - OUTCOME_WINDOW, ids={station_id for station_id, _number in statuses}
    ):
        connector = command.parameters.get("connector", 0)
        is_wanted_off = command.parameters.get("type") == Availability.INOPERATIVE
        for (station_id, number), status in statuses.items():
            fits = station_id == command.station_id and connector in (0, number)
            if fits and (status == ConnectorStatus.UNAVAILABLE) == is_wanted_off:
                _confirm(command, now, None)
                break


def _confirm(command: Command, now: datetime, session: ChargingSession | None) -> None:
    """What a station then did settles the matter, even where its answer was lost."""
    command.confirmed_at = now
    if command.state != State.SENT:  # while its answer is awaited the state stays, so that the link stays in order
        command.state = State.CONFIRMED
    if session is not None:
        command.session = session
    command.save(update_fields=["state", "confirmed_at", "session"])
