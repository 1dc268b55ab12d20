"""Which OCPP versions can carry a command. The gateway registers its codecs here, since nobody may import it."""

from __future__ import annotations

from typing import Any, Protocol

from cpms.common.errors import DomainError

Payload = dict[str, Any]


class CommandCodec(Protocol):
    """Turns a command into words of one OCPP version, and raw words into a command."""

    protocol: str

    def encode(self, kind: str, parameters: Payload) -> tuple[str, Payload]:
        """The action and payload to send.

        Raises:
            DomainError: a parameter is missing or wrong; `fields` names it.
        """

    def parameters_schema(self, kind: str) -> Payload:
        """The JSON schema of the parameters that a command of this kind takes, in our words.

        Raises:
            KeyError: this OCPP version has no such command.
        """

    def read(self, action: str, payload: Payload) -> tuple[str, Payload]:
        """The command kind and parameters that a raw action and payload mean (kind `raw` where we have none).

        Raises:
            DomainError: the action is unknown or the payload does not fit its schema.
        """


_codecs: dict[str, CommandCodec] = {}


def register(codec: CommandCodec) -> None:
    _codecs[codec.protocol] = codec


def codec_for(protocol: str) -> CommandCodec:
    """The codec of an OCPP version.

    Raises:
        DomainError: there is none.
    """
    try:
        return _codecs[protocol]
    except KeyError:
        raise DomainError(f"No commands can be sent over OCPP {protocol}.") from None
