"""The interface of an OCPP version. Code below a codec does not depend on the version.

A station's call is one of two kinds. *Direct*: the answer depends on our data, so one transaction calls the domain
service and writes the log. *Deferred*: the answer is known immediately, so the message is stored in the inbox together
with those of all other sockets, and the drain turns it into domain reports later.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from chargers import protocols
from chargers.models import ChargingStation
from chargers.protocols import CommandOutcome, StationProtocol
from chargers.stations.services.links import StationSeen
from chargers.stations.services.statuses import StatusReport
from maintenance.diagnostics.services import Progress
from maintenance.security_events.services import SecurityNotice
from ocpp_gateway.frames import Fault, FaultKind, Payload
from sessions.samples.services.matching import Sampled


@dataclass(frozen=True, slots=True)
class Reading:
    """A message that violates its schema, as far as it could be read.

    Attributes:
        payload: fields and types as in the schema; fields that could not be read are missing.
        rules: the violated rules, each as 'field: keyword', without any text that the station could choose.
        as_reported: the station's original value, by our field name, wherever `payload` holds a different one.
    """

    payload: Payload
    rules: tuple[str, ...]
    as_reported: Mapping[str, str]


@dataclass(slots=True)
class CallContext:
    """A direct call in progress: the station is locked, the epoch is checked, and a transaction is open.

    Attributes:
        is_drained: whether the drain also processes this message; a handler may set it to False.
        deviations: protocol violations in the content of the message, added by the handler.
    """

    station: ChargingStation
    received_at: datetime
    payload_text: str
    as_reported: Mapping[str, str] = field(default_factory=dict)
    is_drained: bool = True
    deviations: list[str] = field(default_factory=list)


DirectHandler = Callable[[CallContext, Payload], Payload]


@dataclass(slots=True)
class Reports:
    """The domain reports that a batch of deferred messages contains."""

    heard: list[StationSeen] = field(default_factory=list)
    statuses: list[StatusReport] = field(default_factory=list)
    samples: list[Sampled] = field(default_factory=list)
    stopped_sessions: list[tuple[int, int]] = field(default_factory=list)  # station id, transaction id as reported
    progress: list[Progress] = field(default_factory=list)
    security: list[SecurityNotice] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class InboxMessage:
    """A message in the inbox. If it deviates from its schema, it is read leniently again."""

    id: int
    station_id: int
    received_at: datetime
    action: str
    payload: Payload
    is_deviating: bool = False


# Arguments: the message, its payload as read, the station's original values, and the reports to add to.
Report = Callable[[InboxMessage, Payload, Mapping[str, str], Reports], None]


class Codec(StationProtocol):
    """One OCPP version. Subclasses add the terms of a version; this class holds what all versions share.

    Attributes:
        subprotocol: the name of the version in the WebSocket handshake.
        boot_action: the only call that a station may make before it is accepted.
        direct: handlers, by action, of calls whose answer depends on our data.
        reports: functions, by action, that turn a message into domain reports later. An action may be in both tables.
        fault_codes: CALLERROR codes, by kind of fault.
    """

    subprotocol: str = ""
    boot_action: str = ""
    direct: Mapping[str, DirectHandler] = MappingProxyType({})
    reports: Mapping[str, Report] = MappingProxyType({})
    fault_codes: Mapping[FaultKind, str] = MappingProxyType(
        {  # OCPP-J 2.0.1 part 4, section 4.3
            FaultKind.FORMATION: "FormatViolation",
            FaultKind.PROPERTY: "PropertyConstraintViolation",
            FaultKind.OCCURRENCE: "OccurrenceConstraintViolation",
            FaultKind.TYPE: "TypeConstraintViolation",
            FaultKind.UNKNOWN_ACTION: "NotImplemented",
            FaultKind.UNSUPPORTED_ACTION: "NotSupported",
            FaultKind.SECURITY: "SecurityError",
            FaultKind.INTERNAL: "InternalError",
        }
    )

    def read(self, action: str, payload: Payload) -> Reading | None:
        """Read a station's call. Return None if its payload is valid as it is.

        Raises:
            Fault: the action is unknown, or the message has no usable content.
        """
        if action not in self.direct and action not in self.reports:
            raise Fault(FaultKind.UNKNOWN_ACTION, f"The action {action[:60]} is not known.")
        return None

    def read_answer(self, action: str, payload: Payload) -> Reading | None:
        """Read a station's answer to a command. Return None if it is valid as it is; no answer is refused."""
        return None

    def is_deferred(self, action: str) -> bool:
        return action in self.reports and action not in self.direct

    def instant_answer(self, action: str) -> str:
        """Return the JSON text of the answer to a deferred call."""
        return "{}"

    def also_drained(self, action: str) -> bool:
        """Return whether the drain also processes a direct call (for example the samples that an end carries)."""
        return action in self.reports

    def report(self, message: InboxMessage, into: Reports) -> None:
        """Add the reports of an inbox message to `into`."""
        reading = self.read(message.action, message.payload) if message.is_deviating else None
        if reading is None:
            self.reports[message.action](message, message.payload, {}, into)
        else:
            self.reports[message.action](message, reading.payload, reading.as_reported, into)

    def outcome(self, answer: Payload) -> CommandOutcome:
        """Return the outcome of a command, read from the station's answer."""
        return CommandOutcome() if self.commands is None else self.commands.outcome(answer)


_codecs: dict[str, Codec] = {}  # by subprotocol
_versions: dict[str, Codec] = {}


def register(codec: Codec) -> None:
    """Accept this version in handshakes and make it available to pages and domain code."""
    _codecs[codec.subprotocol] = _versions[codec.protocol] = codec
    protocols.register(codec)


def unregister(codec: Codec) -> None:
    _codecs.pop(codec.subprotocol, None)
    _versions.pop(codec.protocol, None)
    protocols.unregister(codec.protocol)


def choose(offered: list[str]) -> Codec | None:
    """Return the first supported version in the station's order of preference (OCPP-J 1.6 section 3.2)."""
    return next((_codecs[name] for name in offered if name in _codecs), None)


def by_protocol(protocol: str) -> Codec:
    return _versions[protocol]
