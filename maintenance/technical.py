"""Messages as somebody may read them; see `sessions.technical`."""

from __future__ import annotations

from maintenance.models import Message
from sessions.technical import Reader, technical_answer, technical_request


def as_readable_by(reader: Reader, message: Message) -> Message:
    """Take out of a message, in memory, what its reader must not learn; its station has been loaded.

    What a station said of an error may repeat what it was sent, so only the error's code stays.
    """
    if reader.sees_sessions(message.station) or getattr(message, "is_reduced", False):
        return message
    message.payload = technical_request(message.protocol, message.action, message.payload)
    is_answered = message.answer and not message.error_code
    message.answer = technical_answer(message.protocol, message.action, message.answer) if is_answered else ""
    message.is_reduced = True  # type: ignore[attr-defined]
    return message
