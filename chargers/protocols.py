"""What domain code and pages may ask about an OCPP version, and the registry of the versions.

Only the gateway knows OCPP, and nothing may import the gateway, so it registers its codecs here when Django starts.
`StationProtocol` is the base of those codecs, and its defaults are used for a version that is not registered: its
messages are shown as they are, and none of their fields is technical.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from django.utils.functional import Promise

from chargers.vocabulary import CommandResult

Payload = dict[str, Any]


class LoggedMessage(Protocol):
    """A row of the message log."""

    action: str
    payload: str
    answer: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting of a station's own configuration. `value` is None if the station does not report it."""

    key: str
    value: str | None
    is_read_only: bool = False


@dataclass(frozen=True, slots=True)
class CommandOutcome:
    """The meaning of a station's answer to a command.

    Attributes:
        result: None if the answer has no known result.
        text: what to show for an answer without a known result.
        configuration: the settings that the answer lists; None if it lists none.
        unknown_keys: settings that were requested and that the station does not have.
    """

    result: CommandResult | None = None
    text: str = ""
    configuration: Sequence[Setting] | None = None
    unknown_keys: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class StatusStep:
    """A status report among the messages of a session.

    Attributes:
        status: one of `ConnectorStatus`; empty if unknown.
        at: by the station's clock, if the message has a time.
    """

    connector: int
    status: str
    error_code: str = ""
    info: str = ""
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class TagStep:
    """A tag that was presented at the station, among the messages of a session."""

    id_tag: str
    verdict: str


class CommandCodec(Protocol):
    """Translates commands into one OCPP version and back."""

    protocol: str

    def encode(self, kind: str, parameters: Payload) -> tuple[str, Payload]:
        """Return the action and payload to send.

        Raises:
            DomainError: a parameter is missing or wrong; `fields` names it.
        """

    def parameters_schema(self, kind: str) -> Payload:
        """Return the JSON schema of the parameters of this kind of command, in our names.

        Raises:
            KeyError: this OCPP version has no such command.
        """

    def read(self, action: str, payload: Payload) -> tuple[str, Payload]:
        """Return the command kind and parameters of a raw action and payload (kind `raw` if we have no such command).

        Raises:
            DomainError: the action is unknown or the payload does not match its schema.
        """

    def outcome(self, answer: Payload) -> CommandOutcome:
        """Return the meaning of an answer to a command of any kind."""

    def connector_in(self, action: str, payload: Payload) -> Any:
        """Return the number of the connector that a raw command names, or None."""

    def password_in(self, action: str, payload: Payload) -> str | None:
        """Return the station's new password, if a raw command sets one."""

    def with_password(self, action: str, payload: Payload, password: str) -> Payload:
        """Return the payload of a raw command that sets the password, with another password."""


class StationProtocol:
    """An OCPP version, as far as it matters outside the gateway.

    Attributes:
        protocol: the name of the version, as stations, messages and commands store it.
        label: the name of the version as it is displayed.
        max_tag_length: how many characters the version allows in the value of a tag; None: any number.
        actions: every action of the version, as it is spelled.
        usual_actions: actions that stations send so often that a search for them needs no index.
        error_codes: the codes with which a call can be refused.
        session_actions: the actions that `session_step` understands.
        commands: None if no commands can be sent.
    """

    protocol: str = ""
    label: str = ""
    max_tag_length: int | None = None
    actions: Collection[str] = ()
    usual_actions: Collection[str] = ()
    error_codes: Sequence[str] = ()
    session_actions: Collection[str] = ()
    commands: CommandCodec | None = None

    # --- displaying messages -----------------------------------------------------------------------------------------

    def describe(self, action: str, request: Payload, response: Payload) -> list[str]:
        """Return the parts of a one-line summary of a call and its answer.

        Raises:
            AttributeError, KeyError, TypeError, ValueError, IndexError: the message does not match its schema.
        """
        return describe_plainly(request, response)

    def session_step(self, message: LoggedMessage) -> StatusStep | TagStep | None:
        """Return what a station's message tells about the course of a session, or None."""
        return None

    def treatment(self, action: str, field: str, keyword: str) -> str | Promise | None:
        """Return how a field that breaks a rule is handled, as a clause; None if in no special way."""
        return None

    # --- secret and technical fields ---------------------------------------------------------------------------------

    def redact(self, action: str, payload: Payload) -> Payload:
        """Return the payload without secrets, so that it can be logged."""
        return payload

    def redact_answer_to_password(self, answer: Payload) -> Payload:
        """Return the parts that may be stored of an answer to a command that sets the password, which may repeat it."""
        return {}

    def may_hold_secret(self, text: str) -> bool:
        """Return whether a text that is not a readable message may contain a secret."""
        return False

    def technical_request(self, action: str, payload: Payload) -> Payload:
        """Return the fields of a call that contain nothing about the driver; none for actions that are not declared."""
        return {}

    def technical_answer(self, action: str, payload: Payload) -> Payload:
        """Return the technical fields of the answer to a call."""
        return {}

    def technical_parameters(self, kind: str, parameters: Payload) -> Payload:
        """Return the parameters of a command, in our names, that stand for technical fields."""
        return {}


def describe_plainly(request: Payload, response: Payload) -> list[str]:
    """Return the first few plain values of a call, and the status of its answer."""
    values = [f"{key} {value}" for key, value in request.items() if isinstance(value, str | int | float)][:4]
    return [*values, str(response.get("status") or "")]


_protocols: dict[str, StationProtocol] = {}


def register(protocol: StationProtocol) -> None:
    _protocols[protocol.protocol] = protocol


def unregister(name: str) -> None:
    _protocols.pop(name, None)


def registered() -> Iterable[StationProtocol]:
    return _protocols.values()


def protocol_named(name: str) -> StationProtocol:
    """Return an OCPP version; for one that is not registered, only its name is known."""
    found = _protocols.get(name)
    if found is None:
        found = StationProtocol()
        found.protocol, found.label = name, f"OCPP {name}"
    return found


def spelling_of(action: str) -> str:
    """Return an action as its version spells it, in whatever case it was typed."""
    typed = action.lower()
    for protocol in registered():
        for known in protocol.actions:
            if known.lower() == typed:
                return known
    return action


def is_usual(action: str) -> bool:
    """Return whether stations send this action so often that a search for it needs no index."""
    spelled = spelling_of(action)
    return any(spelled in protocol.usual_actions for protocol in registered())


def session_actions() -> list[str]:
    """Return the actions of all versions whose messages tell about the course of a session."""
    return sorted({action for protocol in registered() for action in protocol.session_actions})


def error_codes() -> list[str]:
    """Return the codes of all versions with which calls are refused, without duplicates."""
    return list(dict.fromkeys(code for protocol in registered() for code in protocol.error_codes))
