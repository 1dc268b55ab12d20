"""Look up the command codec of an OCPP version."""

from __future__ import annotations

from chargers.protocols import CommandCodec, protocol_named
from cpms.common.errors import DomainError


def codec_for(protocol: str) -> CommandCodec:
    """Return the codec for the commands of an OCPP version.

    Raises:
        DomainError: commands cannot be sent over this version.
    """
    codec = protocol_named(protocol).commands
    if codec is None:
        raise DomainError(f"No commands can be sent over OCPP {protocol}.")
    return codec
