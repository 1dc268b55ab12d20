"""Asking a station for something: a row, checked at once, sent by whichever node holds the station's link."""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Any

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.access.rights import Can
from accounts.audit.services import Action, record_entry
from accounts.models import User
from chargers.credentials.services import check_password
from chargers.models import ChargingStation
from chargers.tags.services.adding import MAX_TAG_LENGTH, length_refusal
from chargers.tags.services.authorization import authorize_tag
from chargers.vocabulary import StationMessage, TagVerdict
from cpms.common.errors import DomainError, NotAllowed
from cpms.common.messaging.news import hint, tell_pages
from operations.commands.codecs import codec_for
from operations.commands.models import Command
from operations.commands.services.authority import demand_right, why_no_commands
from operations.commands.services.possible import demand_connector
from operations.commands.services.sealing import password_in, seal

logger = logging.getLogger(__name__)
Payload = dict[str, Any]
BOOT_WAITS = timedelta(minutes=1)
WAITS = timedelta(minutes=5)  # how long a command waits for an offline station unless said otherwise
MAX_WAIT = timedelta(days=30)
SET_UP_KINDS = {  # what a station that is not accepted yet may be asked for (OCPP 1.6 section 4.2)
    Command.Kind.GET_CONFIGURATION,
    Command.Kind.CHANGE_CONFIGURATION,
    Command.Kind.TRIGGER_MESSAGE,
    Command.Kind.RESET,
    Command.Kind.RAW,
}


@transaction.atomic
def request_command(
    *,
    station: ChargingStation,
    kind: str,
    parameters: Payload | None = None,
    actor: User | None = None,
    expires_in: timedelta = WAITS,
    may_set_password: bool = True,
) -> Command:
    """Ask a station for something.

    Args:
        kind: one of `Command.Kind`.
        parameters: as the kind needs them, in our words (`connector`, `id_tag`, `session`, `type`, `key`, ...).
        actor: the person who asks; None for the system itself.
        expires_in: how long the command waits for a station that is offline.
        may_set_password: whether the person has just shown who asks, as a password for the station demands.

    Raises:
        NotAllowed: the person may not operate this station, or must first show who asks.
        DomainError: a parameter is missing or wrong (`fields` names it), a tag may not charge there, or the station
            is not accepted yet or was handed over.
    """
    codec = codec_for(station.protocol)
    given = dict(parameters or {})
    if kind == Command.Kind.RAW:  # what we have a kind for is that kind, with its rules
        kind, given = codec.read(str(given.get("action", "")), given.get("payload", {}))
    if actor is not None:
        demand_right(actor, station, kind, given)
    if why_not := why_no_commands(actor, station):
        raise NotAllowed(why_not)
    if not timedelta(0) < expires_in <= MAX_WAIT:
        raise DomainError(_("The time to wait must be between one second and 30 days."), fields={"expires_in": "range"})
    _demand_use(station, kind)
    if not station.is_served and kind not in SET_UP_KINDS:
        raise DomainError(_("The station has not been accepted yet: it must boot first."))
    if len(str(given.get("id_tag", ""))) > MAX_TAG_LENGTH:
        raise DomainError(length_refusal(), fields={"id_tag": length_refusal()})
    action, _payload = codec.encode(kind, given)
    demand_connector(station=station, kind=kind, parameters=given)
    _check_password(password_in(kind, given), may_set_password=may_set_password)
    if kind == Command.Kind.REMOTE_START and (why_not := why_no_start(station, str(given["id_tag"]), actor)):
        raise DomainError(why_not, fields={"id_tag": why_not})
    command = Command.objects.create(
        station=station,
        kind=kind,
        parameters=seal(kind, given),
        protocol=station.protocol,
        action=action,
        **_requester(actor),
        expires_at=timezone.now() + expires_in,
    )
    if actor is not None:
        note_command(command, actor)
    wake_gateway(station)
    tell_pages({station.team_id: [station.pk]})
    logger.info("command requested", extra={"station": station.identity, "kind": kind, "command": command.pk})
    return command


@transaction.atomic
def ask_for_boot(*, station_id: int) -> bool:
    """Ask a station of a team that never booted here to boot, unless it has been asked already.

    Returns:
        whether there is a new command.
    """
    accepted = ChargingStation.Registration.ACCEPTED
    station = ChargingStation.objects.filter(pk=station_id).exclude(registration=accepted).first()
    if station is None or not station.is_served:
        return False
    boot = {"message": StationMessage.BOOT.value}
    if Command.objects.unsettled().filter(station=station, kind=Command.Kind.TRIGGER_MESSAGE, parameters=boot).exists():
        return False
    request_command(station=station, kind=Command.Kind.TRIGGER_MESSAGE, parameters=boot, expires_in=BOOT_WAITS)
    return True


def why_no_start(station: ChargingStation, id_tag: str, actor: User | None) -> str:
    """Return why nobody can charge at a station with this tag, in a sentence; empty where that is possible.

    Whoever does not see who charges there is told the same of every tag but their own.
    """
    verdict = authorize_tag(station=station, value=id_tag)
    if verdict.is_accepted or station.deactivated_at is not None:
        return ""
    is_own = verdict.tag is not None and actor is not None and verdict.tag.user_id == actor.pk
    if actor is not None and not is_own and not actor.access.may(Can.SEE_SESSIONS, station):
        return _("Nobody can charge at this station with this tag.")
    if verdict.tag is None:
        return _("The team has no such tag.")
    reasons = {
        TagVerdict.BLOCKED: _("This tag is blocked."),
        TagVerdict.EXPIRED: _("This tag has expired."),
    }
    return reasons.get(TagVerdict(verdict.status)) or _("This tag is not valid at this station.")


def _demand_use(station: ChargingStation, kind: str) -> None:
    """As it is now, not as the caller read it."""
    rows = ChargingStation.objects.filter(pk=station.pk, deactivated_at__isnull=False)
    for (handed_over_at,) in rows.values_list("handed_over_at"):
        if handed_over_at is not None:
            raise DomainError(_("The station was handed over to another team: it cannot be reached here any more."))
        if kind == Command.Kind.REMOTE_START:
            raise DomainError(_("The station is deactivated: nobody can charge there."))


def _requester(actor: User | None) -> dict[str, Any]:
    """Who asks, and with which key: the right to ask is checked again when the command is sent."""
    if actor is None:
        return {"is_by_system": True}
    kind, prefix = actor.access.key
    scopes = None if actor.access.scopes is None else list(actor.access.scopes)
    return {
        "is_by_system": False,
        "requested_by": actor,
        "requested_with": kind,
        "requested_key": prefix,
        "requested_scopes": scopes,
    }


def _check_password(password: str | None, *, may_set_password: bool) -> None:
    """Before it is sent: afterwards the station could log in with it."""
    if password is None:
        return
    if not may_set_password:
        raise NotAllowed(
            _("This sets the station's password. Confirm in the portal that it is you, or use an API token.")
        )
    try:
        check_password(password)
    except DomainError as error:
        raise DomainError(str(error), fields={"value": str(error)}) from None


def request_raw_command(
    *,
    station: ChargingStation,
    action: str,
    payload: Payload,
    actor: User | None = None,
    expires_in: timedelta = WAITS,
    may_set_password: bool = True,
) -> Command:
    """Ask in OCPP's own words. What we have a kind for becomes that kind, so that its outcome is followed.

    Raises:
        DomainError: the action is unknown for the station's OCPP version or the payload does not fit its schema.
    """
    kind, parameters = codec_for(station.protocol).read(action, payload)
    return request_command(
        station=station,
        kind=kind,
        parameters=parameters,
        actor=actor,
        expires_in=expires_in,
        may_set_password=may_set_password,
    )


def note_command(command: Command, actor: User) -> None:
    """Its parameters may hold a secret, so the audit trail names its kind and its number only."""
    changes = {"kind": ["", str(Command.Kind(command.kind).value)], "station": ["", command.station.identity]}
    record_entry(command, actor=actor, team_id=command.station.team_id, changes=changes, action=Action.CREATE)


def wake_gateway(station: ChargingStation) -> None:
    """Tell the node that holds the link, after commit. A hint only: the node looks by itself every second."""
    if station.node_id is not None and station.node is not None:
        hint(f"node-{station.node.name}", {"type": "wake", "station": station.pk})


def wait_for(command: Command, *, seconds: float) -> Command:
    """Wait until a command is settled, at most so long, and return it as it then is."""
    deadline = time.monotonic() + seconds
    while not command.is_settled and time.monotonic() < deadline:
        if connection.vendor == "postgresql" and not connection.in_atomic_block:
            connection.close()  # back to the pool: whoever waits keeps none from the others
        time.sleep(0.05)
        command.refresh_from_db()
    return command
