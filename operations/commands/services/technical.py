"""Commands as somebody may read them; see `sessions.technical`."""

from __future__ import annotations

from accounts.models import User
from chargers.protocols import protocol_named
from operations.commands.models import Command
from sessions.ledger.services.technical import Reader

CHARGING_KINDS = {Command.Kind.REMOTE_START, Command.Kind.REMOTE_STOP}


def as_readable_by(reader: Reader, command: Command, user: User) -> Command:
    """Take out of a command, in memory, what its reader must not learn; its station has been loaded.

    Whoever starts or stops a session may be the person who charges. What a station said of an error may repeat what it
    was sent, so only the error's code stays.
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
