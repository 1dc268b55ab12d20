"""Request commands: they are checked and stored here, and sent by the gateway node that holds the station's link."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable
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
from cpms.common.outcomes import Outcome, change_each
from operations.commands.codecs import codec_for
from operations.commands.models import Command
from operations.commands.services.authority import require_right, why_no_commands
from operations.commands.services.possible import require_known_connector
from operations.commands.services.sealing import password_in, seal

logger = logging.getLogger(__name__)
Payload = dict[str, Any]
BOOT_EXPIRY = timedelta(minutes=1)
DEFAULT_EXPIRY = timedelta(minutes=5)  # how long a command waits for an offline station by default
MAX_EXPIRY = timedelta(days=30)
SET_UP_KINDS = {  # allowed for a station that is not accepted yet (OCPP 1.6 section 4.2)
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
    expires_in: timedelta = DEFAULT_EXPIRY,
    may_set_password: bool = True,
) -> Command:
    """Request a command to a station.

    Args:
        kind: one of `Command.Kind`.
        parameters: parameters of the kind, in our vocabulary (`connector`, `id_tag`, `session`, `type`, `key`, ...).
        actor: the user who requests it; None for the system itself.
        expires_in: how long the command waits for a station that is offline.
        may_set_password: whether the user has recently proven their identity, which setting a station password needs.

    Raises:
        NotAllowed: the user may not send this command, or has to prove their identity first.
        DomainError: a parameter is missing or wrong (`fields` names it), the tag may not charge there, or the station
            is not accepted yet or was handed over.
    """
    codec = codec_for(station.protocol)
    values = dict(parameters or {})
    if kind == Command.Kind.RAW:  # a raw command that has a kind of its own becomes that kind
        kind, values = codec.read(str(values.get("action", "")), values.get("payload", {}))
    if actor is not None:
        require_right(actor, station, kind, values)
    if why_not := why_no_commands(actor, station):
        raise NotAllowed(why_not)
    if not timedelta(0) < expires_in <= MAX_EXPIRY:
        raise DomainError(_("The waiting time must be between one second and 30 days."), fields={"expires_in": "range"})
    _require_in_use(station, kind)
    if not station.is_served and kind not in SET_UP_KINDS:
        raise DomainError(_("The station has not been accepted yet: it must boot first."))
    if len(str(values.get("id_tag", ""))) > MAX_TAG_LENGTH:
        raise DomainError(length_refusal(), fields={"id_tag": length_refusal()})
    action, _payload = codec.encode(kind, values)
    require_known_connector(station=station, kind=kind, parameters=values)
    _check_password(password_in(kind, values), may_set_password=may_set_password)
    if kind == Command.Kind.REMOTE_START and (why_not := why_no_start(station, str(values["id_tag"]), actor)):
        raise DomainError(why_not, fields={"id_tag": why_not})
    command = Command.objects.create(
        station=station,
        kind=kind,
        parameters=seal(kind, values),
        protocol=station.protocol,
        action=action,
        **_requester(actor),
        expires_at=timezone.now() + expires_in,
    )
    if actor is not None:
        audit_command(command, actor)
    wake_gateway(station)
    tell_pages({station.team_id: [station.pk]})
    logger.info("command requested", extra={"station": station.identity, "kind": kind, "command": command.pk})
    return command


def request_commands(
    *, stations: Iterable[ChargingStation], kind: str, parameters: Payload | None = None, actor: User | None = None
) -> Outcome:
    """Request the same command to several stations; see `request_command`, which checks the right for each."""
    return change_each(
        stations,
        lambda station: request_command(station=station, kind=kind, parameters=parameters, actor=actor),
    )


@transaction.atomic
def request_boot(*, station_id: int) -> bool:
    """Request a BOOT message from a station that has not been accepted, unless such a command is unsettled.

    Returns:
        Whether a command was created.
    """
    accepted = ChargingStation.Registration.ACCEPTED
    station = ChargingStation.objects.filter(pk=station_id).exclude(registration=accepted).first()
    if station is None or not station.is_served:
        return False
    boot = {"message": StationMessage.BOOT.value}
    if Command.objects.unsettled().filter(station=station, kind=Command.Kind.TRIGGER_MESSAGE, parameters=boot).exists():
        return False
    request_command(station=station, kind=Command.Kind.TRIGGER_MESSAGE, parameters=boot, expires_in=BOOT_EXPIRY)
    return True


def why_no_start(station: ChargingStation, id_tag: str, actor: User | None) -> str:
    """Return why a tag cannot start a session at a station, as a sentence; empty if it can.

    A user who may not see the station's sessions gets the same sentence for every tag but their own.
    """
    verdict = authorize_tag(station=station, value=id_tag)
    if verdict.is_accepted or station.deactivated_at is not None:
        return ""
    is_own = verdict.tag is not None and actor is not None and verdict.tag.user_id == actor.pk
    if actor is not None and not is_own and not actor.access.may(Can.SEE_SESSIONS, station):
        return _("This tag cannot be used at this station.")
    if verdict.tag is None:
        return _("No tag matches “%(tag)s”.") % {"tag": id_tag}
    reasons = {
        TagVerdict.BLOCKED: _("This tag is blocked."),
        TagVerdict.EXPIRED: _("This tag has expired."),
    }
    return reasons.get(TagVerdict(verdict.status)) or _("This tag is not valid at this station.")


def _require_in_use(station: ChargingStation, kind: str) -> None:
    """Check, with current data, that the station was not handed over, nor deactivated if this is a start."""
    rows = ChargingStation.objects.filter(pk=station.pk, deactivated_at__isnull=False)
    for (handed_over_at,) in rows.values_list("handed_over_at"):
        if handed_over_at is not None:
            raise DomainError(_("The station was handed over to another team and cannot be controlled here."))
        if kind == Command.Kind.REMOTE_START:
            raise DomainError(_("The station is deactivated and cannot be used."))


def _requester(actor: User | None) -> dict[str, Any]:
    """Return the fields that record the requester and their API key, for checking the right again before sending."""
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
    """Check a new station password before it is sent, because the station can sign in with it from then on."""
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
    expires_in: timedelta = DEFAULT_EXPIRY,
    may_set_password: bool = True,
) -> Command:
    """Request an OCPP action. An action that has a kind becomes that kind, so that its outcome is tracked.

    Raises:
        DomainError: the action is unknown for the station's OCPP version or the payload does not match its schema.
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


def audit_command(command: Command, actor: User) -> None:
    """Record a command in the audit log, without its parameters, which may contain a secret."""
    changes = {"kind": ["", str(Command.Kind(command.kind).value)], "station": ["", command.station.identity]}
    record_entry(command, actor=actor, team_id=command.station.team_id, changes=changes, action=Action.CREATE)


def wake_gateway(station: ChargingStation) -> None:
    """Notify the node that holds the link after commit. This is only a hint: nodes also poll every second."""
    if station.node_id is not None and station.node is not None:
        hint(f"node-{station.node.name}", {"type": "wake", "station": station.pk})


def wait_for(command: Command, *, seconds: float) -> Command:
    """Wait until a command is settled, at most for `seconds`, and return it with its current values."""
    deadline = time.monotonic() + seconds
    while not command.is_settled and time.monotonic() < deadline:
        if connection.vendor == "postgresql" and not connection.in_atomic_block:
            connection.close()  # return the connection to the pool while waiting
        time.sleep(0.05)
        command.refresh_from_db()
    return command
