"""What domain code and pages may ask of an OCPP version, and the registry in which they find it.

Nobody below the gateway may import it, so the gateway registers its codecs here when Django starts. `StationProtocol`
is also the base of those codecs: what it answers by itself holds for a version nobody registered. Such a version's
messages are shown as they are, and none of their fields counts as technical.
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
    """A setting of a station's own configuration. `value` is None where the station does not tell it."""

    key: str
    value: str | None
    is_read_only: bool = False


@dataclass(frozen=True, slots=True)
class CommandOutcome:
    """What a station's answer to a command means.

    Attributes:
        result: None where the answer says nothing that is known.
        text: what to show of an answer without a known result.
        configuration: the settings that the answer lists; None where it is no such list.
        unknown_keys: the settings that the station was asked for and does not have.
    """

    result: CommandResult | None = None
    text: str = ""
    configuration: Sequence[Setting] | None = None
    unknown_keys: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class StatusStep:
    """A status report among the messages of a session.

    Attributes:
        status: one of `ConnectorStatus`; empty where it is unknown.
        at: by the station's clock, where the message says so.
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
        """Return the JSON schema of the parameters that a command of this kind takes, in our words.

        Raises:
            KeyError: this OCPP version has no such command.
        """

    def read(self, action: str, payload: Payload) -> tuple[str, Payload]:
        """Return the command kind and parameters that a raw action and payload mean (kind `raw` where we have none).

        Raises:
            DomainError: the action is unknown or the payload does not fit its schema.
        """

    def outcome(self, answer: Payload) -> CommandOutcome:
        """Return what an answer means. It is only known that it answers some command."""

    def connector_in(self, action: str, payload: Payload) -> Any:
        """Return the number of the connector that a raw command names; None where it names none."""

    def password_in(self, action: str, payload: Payload) -> str | None:
        """Return the station's new password, if a raw command sets one."""

    def with_password(self, action: str, payload: Payload, password: str) -> Payload:
        """Return the payload of such a raw command with another password in its place."""


class StationProtocol:
    """An OCPP version, as far as it matters outside the gateway.

    Attributes:
        protocol: the name of the version, as stations, messages and commands store it.
        label: the name of the version for people.
        longest_tag: how many characters the version allows in the value of a tag; None: any number.
        actions: every action of the version, as it is spelled.
        usual_actions: those that stations send so often that a search for them needs no index.
        error_codes: the codes with which a call can be refused.
        session_actions: those that `session_step` understands.
        commands: None where no commands can be sent.
    """

    protocol: str = ""
    label: str = ""
    longest_tag: int | None = None
    actions: Collection[str] = ()
    usual_actions: Collection[str] = ()
    error_codes: Sequence[str] = ()
    session_actions: Collection[str] = ()
    commands: CommandCodec | None = None

    # --- messages for people -----------------------------------------------------------------------------------------

    def describe(self, action: str, request: Payload, response: Payload) -> list[str]:
        """Return the parts of a one-line summary of a call and its answer.

        Raises:
            AttributeError, KeyError, TypeError, ValueError, IndexError: the message is not as its schema wants it.
        """
        return describe_plainly(request, response)

    def session_step(self, message: LoggedMessage) -> StatusStep | TagStep | None:
        """Return what a station's message says about the course of a session."""
        return None

    def treatment(self, action: str, field: str, keyword: str) -> str | Promise | None:
        """Return what we do where a field breaks a rule, as a clause; None where nothing special is done."""
        return None

    # --- what is secret, and what is technical -----------------------------------------------------------------------

    def redact(self, action: str, payload: Payload) -> Payload:
        """Return the payload without secrets, as it may be logged."""
        return payload

    def redact_answer_to_password(self, answer: Payload) -> Payload:
        """Return what may be kept of the answer to a command that sets the password, which it might repeat."""
        return {}

    def may_hold_secret(self, text: str) -> bool:
        """Whether a text that is no readable message may hold a secret."""
        return False

    def technical_request(self, action: str, payload: Payload) -> Payload:
        """Return the fields of a call that tell nothing about who charges; none of an action that is not declared."""
        return {}

    def technical_answer(self, action: str, payload: Payload) -> Payload:
        """Return the technical fields of the answer to a call."""
        return {}

    def technical_parameters(self, kind: str, parameters: Payload) -> Payload:
        """Return those parameters of a command, in our words, that stand for technical fields."""
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
    """Return an OCPP version; one that nobody registered knows nothing but its name."""
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
    """Whether stations send messages with this action so often that a search for them needs no index."""
    spelled = spelling_of(action)
    return any(spelled in protocol.usual_actions for protocol in registered())


def session_actions() -> list[str]:
    """Return the actions, of all versions, whose messages tell about the course of a session."""
    return sorted({action for protocol in registered() for action in protocol.session_actions})


def error_codes() -> list[str]:
    """Return the codes with which calls are refused, of all versions, each once."""
    return list(dict.fromkeys(code for protocol in registered() for code in protocol.error_codes))
