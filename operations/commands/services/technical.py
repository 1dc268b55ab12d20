"""Reduce commands to what a user may read; see `sessions.ledger.services.technical`."""

from __future__ import annotations

from accounts.models import User
from chargers.protocols import protocol_named
from operations.commands.models import Command
from sessions.ledger.services.technical import Reader

CHARGING_KINDS = {Command.Kind.REMOTE_START, Command.Kind.REMOTE_STOP}


def as_readable_by(reader: Reader, command: Command, user: User) -> Command:
    """Remove from a command, in memory, the personal data of sessions that the reader may not see, and return it.

    The requester of a start or a stop may be the driver, so they are removed as well. The station's description of an
    error may repeat the request, so only the error code stays.

    Args:
        command: with its station loaded.
    """
    if reader.sees_sessions(command.station) or getattr(command, "is_reduced", False):
        return command
    protocol = protocol_named(command.protocol)
    command.parameters = protocol.technical_parameters(command.kind, command.parameters)
    if command.answer is not None:
        command.answer = protocol.technical_answer(command.action, command.answer)
    if command.error_code:
        command.error_description = ""
    command.session = None
    if command.kind in CHARGING_KINDS and command.requested_by_id not in (None, user.pk):
        command.requested_by, command.is_requester_hidden = None, True  # type: ignore[attr-defined]
    command.is_reduced = True  # type: ignore[attr-defined]
    return command
