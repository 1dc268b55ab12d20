"""Sending of commands: the station's next command is marked sent, then sent; the reply settles it.

No reply is awaited, and the process only remembers which call is open on a link.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from cpms.common.errors import DomainError
from maintenance.connections.services.deviations import ObservedDeviation, count_deviations
from maintenance.messages.services.log import Direction, LoggedCall, log_answer, log_call
from ocpp_gateway import frames
from ocpp_gateway.codec import Codec
from ocpp_gateway.frames import CallError, CallResult, Payload, json_text
from operations.commands.services import settling
from operations.commands.services.sealing import password_in
from operations.models import Command

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class OpenCall:
    """The one call that a station has not answered yet."""

    message_id: str
    action: str
    log_id: int
    text: str
    is_secret: bool = False  # it contains the station's new password, which an answer might repeat


def take_next(*, station_id: int, epoch: int, codec: Codec) -> OpenCall | None:
    """Mark the station's next command sent, log it and return it. Runs in a database thread.

    The caller sends the text after this returns.
    """
    with transaction.atomic():
        command = settling.take_next_command(station_id=station_id, epoch=epoch)
        if command is None:
            return None
        try:
            if codec.commands is None:
                raise DomainError(f"No commands can be sent over {codec.label}.")
            action, payload = codec.commands.encode(command.kind, command.parameters)
        except DomainError as error:
            settling.settle_error(station_id=station_id, message_id=command.message_id, code="", description=str(error))
            return None
        if action != command.action:  # the station uses a different OCPP version than when the command was requested
            Command.objects.filter(pk=command.pk).update(action=action)
        message = log_call(
            LoggedCall(
                station_id=station_id,
                epoch=epoch,
                protocol=codec.protocol,
                received_at=timezone.now(),
                action=action,
                message_id=command.message_id,
                payload=json_text(codec.redact(action, payload)),
                direction=Direction.TO_STATION,
            )
        )
    text = frames.call(command.message_id, action, payload)
    is_secret = password_in(command.kind, command.parameters) is not None
    return OpenCall(command.message_id, action, message.pk, text, is_secret)


def settle(*, station_id: int, codec: Codec, reply: CallResult | CallError, open_call: OpenCall | None) -> bool:
    """Settle the command that a station replied to. Runs in a database thread.

    An answer that deviates from its schema is read as far as possible, and its deviations are counted.

    Returns:
        False if no command was waiting for the reply; it is ignored then.
    """
    ours = open_call if open_call is not None and open_call.message_id == reply.message_id else None
    is_secret = ours is not None and ours.is_secret
    rules: tuple[str, ...] = ()
    with transaction.atomic():
        if isinstance(reply, CallResult):
            payload, rules = _read(codec, ours, reply)
            outcome = codec.outcome(payload)
            clean = codec.redact(ours.action if ours is not None else "", payload)
            if is_secret:
                clean = codec.redact_answer_to_password(clean)
            command = settling.settle_answer(
                station_id=station_id, message_id=reply.message_id, answer=clean, outcome=outcome
            )
            answer, error_code = json_text(clean), ""
        else:
            description = "" if is_secret else reply.description
            command = settling.settle_error(
                station_id=station_id, message_id=reply.message_id, code=reply.code, description=description
            )
            answer, error_code = json_text([reply.code, description]), reply.code[:60]
        if ours is not None:
            log_answer(log_id=ours.log_id, answer=answer, error_code=error_code, is_deviating=bool(rules))
            count_deviations(ObservedDeviation(station_id, ours.action, "", rule, timezone.now()) for rule in rules)
    if command is None:
        logger.info("an unexpected answer was ignored", extra={"station_id": station_id})
    return command is not None


def _read(codec: Codec, ours: OpenCall | None, reply: CallResult) -> tuple[Payload, tuple[str, ...]]:
    """Return the answer as read, and the rules it violated."""
    if ours is None:
        return reply.payload, ()
    reading = codec.read_answer(ours.action, reply.payload)
    of_frame = tuple(f"answer.{rule}" for rule in reply.rules)
    return (reply.payload, of_frame) if reading is None else (reading.payload, (*of_frame, *reading.rules))
