"""Page texts about commands: what was requested, by whom, and the result."""

from __future__ import annotations

from django.utils.translation import gettext as _

from chargers.models import Connector
from chargers.protocols import CommandOutcome, protocol_named
from chargers.vocabulary import Availability, CommandResult, ConnectorStatus, ResetKind, label_of
from cpms.common.web.formatting import duration_text
from operations.commands.models import Command
from operations.commands.services.sealing import redact

Kind, State = Command.Kind, Command.State
BADGE_KINDS = {
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


def parameters_text(command: Command) -> str:
    """Return the parameters of a command as text, for example "connector 2, tag 04A2"."""
    parameters = redact(command.kind, command.parameters)
    parts = []
    if parameters.get("type"):
        choices = ResetKind if command.kind == Kind.RESET else Availability
        parts.append(label_of(choices, str(parameters["type"])))
    if parameters.get("connector"):
        parts.append(_("connector %(number)s") % {"number": parameters["connector"]})
    if parameters.get("id_tag"):
        parts.append(_("tag %(tag)s") % {"tag": parameters["id_tag"]})
    if parameters.get("session"):
        parts.append(_("session %(number)s") % {"number": parameters["session"]})
    parts += [str(parameters[name]) for name in ("message", "action") if parameters.get(name)]
    if command.kind == Kind.CHANGE_CONFIGURATION:
        parts.append(f"{parameters.get('key')} = {parameters.get('value')}")
    return ", ".join(parts)


def requester_label(command: Command) -> str:
    """Return who requested a command; the reader may not be allowed to see that."""
    if getattr(command, "is_requester_hidden", False):
        return _("hidden")
    return str(command.requested_by or _("the system"))


def interpret_answer(command: Command) -> CommandOutcome:
    """Interpret the station's answer by the OCPP version in which it was given."""
    codec = protocol_named(command.protocol).commands
    return CommandOutcome() if codec is None else codec.outcome(command.answer or {})


def result_text(command: Command) -> str:
    """Return a text that explains the state of a command."""
    if command.state == State.REQUESTED:
        return _("waiting until the station is connected and free")
    if command.state == State.SENT:
        return _("waiting for a response")
    if command.state == State.FAILED:
        return ": ".join(part for part in (command.error_code, command.error_description) if part)
    if command.state == State.UNKNOWN:
        return _("connection lost before the response; the command may have been carried out")
    if command.state == State.TIMED_OUT:
        return _("no response in time; the command may have been carried out")
    if command.state == State.EXPIRED:
        return _("not sent: the station did not connect in time")
    if command.state == State.CANCELLED:
        return command.get_cancel_reason_display()
    answer = interpret_answer(command)
    text = str(answer.result.label) if answer.result is not None else answer.text
    if command.state == State.ACCEPTED and answer.result == CommandResult.SCHEDULED:
        return _("scheduled after the running session")
    if command.sent_at and command.settled_at:
        duration = command.settled_at - command.sent_at
        ms = int(duration.total_seconds() * 1000)
        time = _("%(ms)d ms") % {"ms": ms} if ms < 10_000 else duration_text(duration)
        return _("%(answer)s in %(time)s") % {"answer": text or _("answered"), "time": time}
    return text


def opposite_availability(connector: Connector) -> Availability:
    """Return the availability that the button of a connector requests."""
    is_off = connector.status == ConnectorStatus.UNAVAILABLE
    return Availability.OPERATIVE if is_off else Availability.INOPERATIVE
