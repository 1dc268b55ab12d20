"""Check the right to send a command: when it is requested, and again until it is sent."""

from __future__ import annotations

import logging
from collections.abc import Collection
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from accounts.access.features import feature_off_message
from accounts.access.rights import Can
from accounts.audit.services import Action, record_entry
from accounts.models import User
from accounts.people.services import load_access
from chargers.credentials.services import PASSWORD_FIELDS
from chargers.models import ChargingStation, Tag
from cpms.common.errors import NotAllowed
from cpms.common.messaging.news import tell_pages
from operations.commands.models import Command
from operations.commands.services.sealing import password_in, redact
from sessions.models import ChargingSession

logger = logging.getLogger(__name__)
Reason = Command.CancelReason
TECHNICAL_KINDS = {Command.Kind.CHANGE_CONFIGURATION, Command.Kind.RAW}
MAX_CHECKED = 1000  # waiting commands per sweep; each is checked again when it is sent


def require_right(actor: User, station: ChargingStation, kind: str, parameters: dict[str, Any]) -> None:
    """Check that a user may send a command to a station.

    Raises:
        NotAllowed: the user lacks the right.
    """
    if not actor.access.may(Can.OPERATE, station):
        if not is_own_charging(actor, station, kind, parameters):
            raise NotAllowed(_("You may not send commands to this station."))
        return
    if password_in(kind, parameters) is not None and not actor.access.may(Can.SET_PASSWORDS, station):
        raise NotAllowed(_("You may not set the password of this station."))
    if kind in TECHNICAL_KINDS and not actor.access.may(Can.CONFIGURE, station):  # an owner may not
        raise NotAllowed(_("You may not change the technical settings of this station."))


def is_own_charging(actor: User, station: ChargingStation, kind: str, parameters: dict[str, Any]) -> bool:
    """Whether a driver starts a session with a tag of their own, or stops a session of their own."""
    if not actor.access.may(Can.CHARGE, station):
        return False
    if kind == Command.Kind.REMOTE_START:
        return Tag.objects.filter(user=actor, value__iexact=str(parameters.get("id_tag", ""))).exists()
    if kind == Command.Kind.REMOTE_STOP:
        own = ChargingSession.objects.filter(station=station, tag__user=actor)
        return own.filter(pk=parameters.get("session")).exists()
    return False


def why_no_commands(actor: User | None, station: ChargingStation) -> str:
    """Return why the station's team cannot use commands, as a sentence; empty if it can."""
    if actor is None or actor.is_staff or station.team is None or station.team.has_feature("commands"):
        return ""
    return feature_off_message("commands")


def lost_right_reason(command: Command) -> Reason | None:
    """Return why the requester of a command has lost the right to it, or None if they still have it.

    Args:
        command: from `with_requester()`, with its station and team loaded and its requester passed to `load_access`.
    """
    actor, station = command.requested_by, command.station
    if station.handed_over_at is not None:
        return Reason.HANDED_OVER
    if actor is None:
        return None if command.is_by_system else Reason.ACCOUNT
    if not command.is_key_valid:  # type: ignore[attr-defined]
        return Reason.KEY
    if not actor.is_active:
        return Reason.ACCOUNT
    if why_no_commands(actor, station):
        return Reason.FEATURE
    actor.access.scopes = command.requested_scopes
    if actor.access.lacks_scope(Can.OPERATE) and actor.access.lacks_scope(Can.CHARGE):
        return Reason.SCOPE
    try:
        require_right(actor, station, command.kind, redact(command.kind, command.parameters))
    except NotAllowed:
        has_any = any(actor.access.may(right, station) for right in (Can.SEE_STATIONS, Can.SEE_OWN))
        return Reason.ROLE if has_any else Reason.ACCESS
    return None


def cancel_if_right_lost(command: Command) -> bool:
    """Cancel a waiting command if its requester has lost the right to it, and return whether that was so.

    Costs one query for the requester's rights.

    Args:
        command: from `with_requester()`, locked, with its station and team loaded.
    """
    if command.requested_by is not None:
        load_access([command.requested_by])
    reason = lost_right_reason(command)
    return reason is not None and _cancel(command, reason)


def cancel_commands_without_right() -> int:
    """Cancel waiting commands whose requesters have lost the right to them, also for offline stations.

    Returns:
        The number of cancelled commands.
    """
    waiting = Command.objects.filter(state=Command.State.REQUESTED).with_requester().select_related("station__team")
    commands = list(waiting.defer(*(f"station__{name}" for name in PASSWORD_FIELDS)).order_by("id")[:MAX_CHECKED])
    requesters = {
        command.requested_by_id: command.requested_by for command in commands if command.requested_by is not None
    }
    _load_rights(requesters.values(), commands)
    lost = [(command, reason) for command in commands if (reason := lost_right_reason(command)) is not None]
    count = sum(_cancel(command, reason) for command, reason in lost)
    changed: dict[int | None, list[int]] = {}
    for command, _reason in lost:
        changed.setdefault(command.station.team_id, []).append(command.station_id)
    tell_pages(changed)
    return count


def _load_rights(requesters: Collection[User], commands: list[Command]) -> None:
    """Load the rights of each requester once, and make all their commands share that user object."""
    load_access(list(requesters))
    by_key = {user.pk: user for user in requesters}
    for command in commands:
        if command.requested_by is not None:
            command.requested_by = by_key[command.requested_by.pk]


def _cancel(command: Command, reason: Reason) -> bool:
    """Cancel a command unless it has been sent meanwhile, and delete a password from its parameters."""
    waiting = Command.objects.filter(pk=command.pk, state=Command.State.REQUESTED)
    is_cancelled = waiting.update(
        state=Command.State.CANCELLED,
        cancel_reason=reason,
        settled_at=timezone.now(),
        parameters=redact(command.kind, command.parameters),
    )
    if is_cancelled:
        changes = {
            "state": [command.state, str(Command.State.CANCELLED.value)],
            "cancel_reason": ["", str(reason.value)],
        }
        record_entry(command, actor=None, team_id=command.station.team_id, changes=changes, action=Action.UPDATE)
        logger.info("command cancelled", extra={"command": command.pk, "reason": reason.value})
    return bool(is_cancelled)
