"""A one-line summary of a message."""

from __future__ import annotations

from chargers.protocols import describe_plainly, protocol_named
from cpms.common.text.json_texts import read_object
from maintenance.messages.models import Message

MAX_LENGTH = 160


def summary(message: Message) -> str:
    """Return request and response in one line. What cannot be read is shown as it was sent."""
    request, response = read_object(message.payload), read_object(message.answer)
    if message.error_code:
        description = response.get("description") or response.get("errorDescription") or ""
        return f"{message.error_code}: {description}".rstrip(": ")
    try:
        parts = protocol_named(message.protocol).describe(message.action, request, response)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError):
        parts = describe_plainly(request, response)
    return " · ".join(part for part in parts if part)[:MAX_LENGTH]
