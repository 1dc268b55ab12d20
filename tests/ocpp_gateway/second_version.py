"""A second version, made up, with words of its own for everything: 'test1.0'. Nothing but this file knows of it."""

from __future__ import annotations

from typing import Any

from chargers.protocols import CommandOutcome
from chargers.stations.services.links import StationSeen
from chargers.stations.services.statuses import StatusReport
from chargers.vocabulary import CommandResult, ConnectorStatus, Measurand, ResetKind, StopReason, TagVerdict, Unit
from ocpp_gateway import codec, domain_calls
from ocpp_gateway.codec import Codec
from ocpp_gateway.commands import TableCommandCodec
from operations.models import Command
from sessions.samples.services.matching import Sampled

LAMPS = {"green": ConnectorStatus.AVAILABLE, "blue": ConnectorStatus.CHARGING, "red": ConnectorStatus.FAULTED}
CARDS = {verdict: "welcome" if verdict == TagVerdict.ACCEPTED else "go away" for verdict in TagVerdict}
REASONS = {"pulled": StopReason.VEHICLE_DISCONNECTED.value}


def plugged(context: codec.CallContext, payload: Any) -> dict[str, Any]:
    begun = domain_calls.start(
        context, connector=payload["socket"], id_tag=payload["card"], meter_wh=payload["juice"], at=None
    )
    return {"charge": begun.session.transaction_id, "card": CARDS[TagVerdict(begun.verdict.status)]}


def unplugged(context: codec.CallContext, payload: Any) -> dict[str, Any]:
    reason = REASONS[payload["why"]]
    domain_calls.stop(context, transaction=payload["charge"], meter_wh=payload["juice"], at=None, reason=reason)
    return {}


def lamp(message: codec.InboxMessage, payload: Any, _as_reported: Any, into: codec.Reports) -> None:
    at = message.received_at
    into.heard.append(StationSeen(message.station_id, at))
    into.statuses.append(StatusReport(message.station_id, payload["socket"], LAMPS[payload["shines"]], at, at))


def juice(message: codec.InboxMessage, payload: Any, _as_reported: Any, into: codec.Reports) -> None:
    value = {"value": str(payload["juice"]), "measurand": Measurand.ENERGY_REGISTER, "unit": Unit.WATT_HOUR}
    at = message.received_at
    into.samples.append(Sampled(message.station_id, payload["socket"], payload["charge"], at, [value], received_at=at))


class SecondCommands(TableCommandCodec):
    protocol, label = "test1.0", "Test 1.0"
    fields = {Command.Kind.RESET: ("Nap", {"type": "how"})}
    values = {(Command.Kind.RESET, "type"): {ResetKind.HARD.value: "right now", ResetKind.SOFT.value: "when free"}}

    def outcome(self, answer: Any) -> CommandOutcome:
        return CommandOutcome(CommandResult.ACCEPTED if answer.get("okay") == "sure" else CommandResult.REJECTED)


class SecondVersion(Codec):
    protocol, label, subprotocol, boot_action = "test1.0", "Test 1.0", "test1.0", "Hello"
    actions = ("Hello", "Plugged", "Unplugged", "Lamp", "Juice", "Nap")
    direct = {
        "Hello": lambda context, payload: {
            "you": domain_calls.boot(context, vendor=payload["maker"], model=payload["type"])
        },
        "Plugged": plugged,
        "Unplugged": unplugged,
    }
    reports = {"Lamp": lamp, "Juice": juice}
    commands = SecondCommands()

    def describe(self, action: str, request: Any, response: Any) -> list[str]:
        return [f"socket {request['socket']} shines {request['shines']}"] if action == "Lamp" else [action.lower()]
