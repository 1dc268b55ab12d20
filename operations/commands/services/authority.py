"""Whether whoever asks for a command has the right to: when it is asked for, and again until it is sent."""

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
from operations.commands.services.sealing import password_in, shown
from sessions.models import ChargingSession

logger = logging.getLogger(__name__)
Reason = Command.CancelReason
TECHNICAL_KINDS = {Command.Kind.CHANGE_CONFIGURATION, Command.Kind.RAW}
MAX_CHECKED = 1000  # waiting commands at a time; each is checked again when it is sent


def demand_right(actor: User, station: ChargingStation, kind: str, parameters: dict[str, Any]) -> None:
    """
    Raises:
        NotAllowed: the person may not ask this station for this.
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
    """Whether somebody who may charge at a station starts with their own tag there, or stops their own session."""
    if not actor.access.may(Can.CHARGE, station):
        return False
    if kind == Command.Kind.REMOTE_START:
        return Tag.objects.filter(user=actor, value__iexact=str(parameters.get("id_tag", ""))).exists()
    if kind == Command.Kind.REMOTE_STOP:
        own = ChargingSession.objects.filter(station=station, tag__user=actor)
        return own.filter(pk=parameters.get("session")).exists()
    return False


def why_no_commands(actor: User | None, station: ChargingStation) -> str:
    """Return why the station's team has no commands at all, in a sentence; empty where it has them."""
    if actor is None or actor.is_staff or station.team is None or station.team.has_feature("commands"):
        return ""
    return feature_off_message("commands")


def why_lost(command: Command) -> Reason | None:
    """Return why the right with which a command was asked for is gone, or None while it counts.

    Args:
        command: of `with_requester()`, its requester read by `load_access`, its station with its team.
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
        demand_right(actor, station, command.kind, shown(command.kind, command.parameters))
    except NotAllowed:
        has_any = any(actor.access.may(right, station) for right in (Can.SEE_STATIONS, Can.SEE_OWN))
        return Reason.ROLE if has_any else Reason.ACCESS
    return None


def cancel_if_lost(command: Command) -> bool:
    """Cancel a waiting command that was asked for with a right that is gone. One query for what its requester holds.

    Args:
        command: of `with_requester()`, locked, its station with its team.
    """
    if command.requested_by is not None:
        load_access([command.requested_by])
    reason = why_lost(command)
    return reason is not None and _cancel(command, reason)


def cancel_all_lost() -> int:
    """Cancel the waiting commands, also of stations that are offline, whose requesters lost the right to ask for them.

    Returns how many.
    """
    waiting = Command.objects.filter(state=Command.State.REQUESTED).with_requester().select_related("station__team")
    found = list(waiting.defer(*(f"station__{name}" for name in PASSWORD_FIELDS)).order_by("id")[:MAX_CHECKED])
    people = {command.requested_by_id: command.requested_by for command in found if command.requested_by is not None}
    _read_rights_of(people.values(), found)
    lost = [(command, reason) for command in found if (reason := why_lost(command)) is not None]
    count = sum(_cancel(command, reason) for command, reason in lost)
    changed: dict[int | None, list[int]] = {}
    for command, _reason in lost:
        changed.setdefault(command.station.team_id, []).append(command.station_id)
    tell_pages(changed)
    return count


def _read_rights_of(people: Collection[User], commands: list[Command]) -> None:
    """Each command of one person came with an object of its own; all get what the first was found to hold."""
    load_access(list(people))
    by_key = {person.pk: person for person in people}
    for command in commands:
        if command.requested_by is not None:
            command.requested_by = by_key[command.requested_by.pk]


def _cancel(command: Command, reason: Reason) -> bool:
    """Cancel a command unless it was sent meanwhile; a password that waited with it is forgotten."""
    waiting = Command.objects.filter(pk=command.pk, state=Command.State.REQUESTED)
    is_done = waiting.update(
        state=Command.State.CANCELLED,
        cancel_reason=reason,
        settled_at=timezone.now(),
        parameters=shown(command.kind, command.parameters),
    )
    if is_done:
        changes = {
            "state": [command.state, str(Command.State.CANCELLED.value)],
            "cancel_reason": ["", str(reason.value)],
        }
        record_entry(command, actor=None, team_id=command.station.team_id, changes=changes, action=Action.UPDATE)
        logger.info("command cancelled", extra={"command": command.pk, "reason": reason.value})
    return bool(is_done)
