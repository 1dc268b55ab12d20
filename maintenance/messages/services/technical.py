"""Reduce messages to what a user may read; see `sessions.ledger.services.technical`."""

from __future__ import annotations

import json
from typing import Any

from chargers.protocols import protocol_named
from cpms.common.text.json_texts import read_object
from maintenance.messages.models import Message
from sessions.ledger.services.technical import Reader


def as_readable_by(reader: Reader, message: Message) -> Message:
    """Remove from a message, in memory, the personal data of sessions that the reader may not see, and return it.

    The station's description of an error may repeat the request, so only the error code stays.

    Args:
        message: with its station loaded.
    """
    if reader.sees_sessions(message.station) or getattr(message, "is_reduced", False):
        return message
    protocol = protocol_named(message.protocol)
    message.payload = _text(protocol.technical_request(message.action, read_object(message.payload)))
    is_answered = message.answer and not message.error_code
    answer = protocol.technical_answer(message.action, read_object(message.answer)) if is_answered else None
    message.answer = "" if answer is None else _text(answer)
    message.is_reduced = True  # type: ignore[attr-defined]
    return message


def _text(payload: dict[str, Any]) -> str:
    return json.dumps(payload, separators=(",", ":"), ensure_ascii=False)
