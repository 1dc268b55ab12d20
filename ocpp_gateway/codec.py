"""What one OCPP version is to the gateway. Everything below a codec knows no version.

A call of a station is one of two kinds. *Direct*: the answer depends on our data, so one transaction calls the domain
service and writes the log. *Deferred*: the answer is known at once, so the message goes into the inbox with the batch
of all sockets, and the drain turns it into domain reports later.
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
    """A message that does not fit its schema, as far as it could be read.

    Attributes:
        payload: with the fields and types of the schema; what could not be read is missing.
        rules: what was broken, each as 'field: keyword', without anything that the station could choose.
        as_reported: under our names, what the station said where `payload` holds something else.
    """

    payload: Payload
    rules: tuple[str, ...]
    as_reported: Mapping[str, str]


@dataclass(slots=True)
class CallContext:
    """One direct call under way: the station is locked, the epoch is checked, the transaction is open.

    Attributes:
        is_drained: whether the drain gets this message as well; a handler may take it back.
        deviations: rules that the message broke by what it says, which a handler adds.
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
    """What a batch of deferred messages means to the domain."""

    heard: list[StationSeen] = field(default_factory=list)
    statuses: list[StatusReport] = field(default_factory=list)
    samples: list[Sampled] = field(default_factory=list)
    stopped_sessions: list[tuple[int, int]] = field(default_factory=list)  # station id, transaction id as reported
    progress: list[Progress] = field(default_factory=list)
    security: list[SecurityNotice] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Stored:
    """A message as it lies in the inbox. One that deviates from its schema is read leniently once more."""

    id: int
    station_id: int
    received_at: datetime
    action: str
    payload: Payload
    is_deviating: bool = False


Report = Callable[[Stored, Payload, Mapping[str, str], Reports], None]  # message, what it says, in which other words


class Codec(StationProtocol):
    """One OCPP version. A version adds its words; what is here holds for all of them.

    Attributes:
        subprotocol: how the version is named in the handshake.
        boot_action: the one call that a station may make before it is accepted.
        direct: what answers a call whose answer depends on our data.
        reports: what a message means that is applied later. One that is in `direct` as well is both.
        fault_codes: the codes of a CALLERROR, by what is wrong.
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
        """Read a call of a station. None when it fits its schema as it is.

        Raises:
            Fault: the action is unknown, or the message says nothing that could be used.
        """
        if action not in self.direct and action not in self.reports:
            raise Fault(FaultKind.UNKNOWN_ACTION, f"The action {action[:60]} is not known.")
        return None

    def read_answer(self, action: str, payload: Payload) -> Reading | None:
        """Read what a station answered to a command. None when it fits its schema; nothing is refused."""
        return None

    def is_deferred(self, action: str) -> bool:
        return action in self.reports and action not in self.direct

    def instant_answer(self, action: str) -> str:
        """Return the JSON text of the answer to a deferred call."""
        return "{}"

    def also_drained(self, action: str) -> bool:
        """Whether the drain still has work with a direct call (samples inside a report of an end)."""
        return action in self.reports

    def report(self, message: Stored, into: Reports) -> None:
        """Add what a message of the inbox means."""
        reading = self.read(message.action, message.payload) if message.is_deviating else None
        if reading is None:
            self.reports[message.action](message, message.payload, {}, into)
        else:
            self.reports[message.action](message, reading.payload, reading.as_reported, into)

    def outcome(self, answer: Payload) -> CommandOutcome:
        """Return what a station's answer to a command means."""
        return CommandOutcome() if self.commands is None else self.commands.outcome(answer)


_codecs: dict[str, Codec] = {}  # by subprotocol
_versions: dict[str, Codec] = {}


def register(codec: Codec) -> None:
    """Speak this version from now on, and let pages and domain code find it."""
    _codecs[codec.subprotocol] = _versions[codec.protocol] = codec
    protocols.register(codec)


def unregister(codec: Codec) -> None:
    _codecs.pop(codec.subprotocol, None)
    _versions.pop(codec.protocol, None)
    protocols.unregister(codec.protocol)


def choose(offered: list[str]) -> Codec | None:
    """The first of the station's own list that we speak (OCPP-J 1.6 section 3.2)."""
    return next((_codecs[name] for name in offered if name in _codecs), None)


def by_protocol(protocol: str) -> Codec:
    return _versions[protocol]
