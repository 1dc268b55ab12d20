"""What a command asks for and what became of it, in a sentence."""

from __future__ import annotations

from django.utils.translation import gettext as _

from chargers.models import Connector
from chargers.protocols import CommandOutcome, protocol_named
from chargers.vocabulary import Availability, CommandResult, ConnectorStatus, ResetKind, label_of
from cpms.common.web.formatting import duration_text
from operations.commands.models import Command
from operations.commands.services.sealing import redact

Kind, State = Command.Kind, Command.State
KINDS_OF_STATE = {
    State.REQUESTED: "asked",
    State.SENT: "asked",
    State.ACCEPTED: "charging",
    State.CONFIRMED: "good",
    State.REFUSED: "bad",
    State.FAILED: "bad",
    State.TIMED_OUT: "warn",
    State.UNKNOWN: "unknown",
    State.EXPIRED: "neutral",
    State.CANCELLED: "neutral",
}


def what(command: Command) -> str:
    """What exactly was asked for: 'Connector 2, tag 04A2…'."""
    asked = redact(command.kind, command.parameters)
    parts = []
    if asked.get("type"):
        choices = ResetKind if command.kind == Kind.RESET else Availability
        parts.append(label_of(choices, str(asked["type"])))
    if asked.get("connector"):
        parts.append(_("connector %(number)s") % {"number": asked["connector"]})
    if asked.get("id_tag"):
        parts.append(_("tag %(tag)s") % {"tag": asked["id_tag"]})
    if asked.get("session"):
        parts.append(_("session %(number)s") % {"number": asked["session"]})
    parts += [str(asked[name]) for name in ("message", "action") if asked.get(name)]
    if command.kind == Kind.CHANGE_CONFIGURATION:
        parts.append(f"{asked.get('key')} = {asked.get('value')}")
    return ", ".join(parts)


def requester(command: Command) -> str:
    """Return who asked for it, for a person who may perhaps not know who charges."""
    if getattr(command, "is_requester_hidden", False):
        return _("not shown")
    return str(command.requested_by or _("the system"))


def answer_of(command: Command) -> CommandOutcome:
    """What the station's answer means, in the version in which it was given."""
    codec = protocol_named(command.protocol).commands
    return CommandOutcome() if codec is None else codec.outcome(command.answer or {})


def outcome(command: Command) -> str:
    """Why it is in its state, for the person who asked."""
    if command.state == State.REQUESTED:
        return _("waits until the station is connected and free")
    if command.state == State.SENT:
        return _("the station has not answered yet")
    if command.state == State.FAILED:
        return ": ".join(part for part in (command.error_code, command.error_description) if part)
    if command.state == State.UNKNOWN:
        return _("the connection broke before the answer; it may or may not have been carried out")
    if command.state == State.TIMED_OUT:
        return _("the station did not answer in time; it may or may not have been carried out")
    if command.state == State.EXPIRED:
        return _("the station was not connected in time; it was not sent")
    if command.state == State.CANCELLED:
        return command.get_cancel_reason_display()
    answer = answer_of(command)
    answered = str(answer.result.label) if answer.result is not None else answer.text
    if command.state == State.ACCEPTED and answer.result == CommandResult.SCHEDULED:
        return _("the station does it when the running session is over")
    if command.sent_at and command.settled_at:
        took = command.settled_at - command.sent_at
        ms = int(took.total_seconds() * 1000)
        spent = _("%(ms)d ms") % {"ms": ms} if ms < 10_000 else duration_text(took)
        return _("%(answer)s in %(time)s") % {"answer": answered or _("answered"), "time": spent}
    return answered


def availability_of(connector: Connector) -> Availability:
    """What the button beside a connector would ask for."""
    is_off = connector.status == ConnectorStatus.UNAVAILABLE
    return Availability.OPERATIVE if is_off else Availability.INOPERATIVE
