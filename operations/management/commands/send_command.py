import json
import sys
from datetime import timedelta
from typing import Any

from django.core.management.base import CommandParser
from django.utils.translation import gettext as _

from chargers.onboarding.services.registration import find_station
from cpms.common.errors import DomainError
from cpms.common.scripting import ScriptCommand
from cpms.common.text.safety import is_storable
from operations.commands.models import Command as StationCommand
from operations.commands.services import asking
from operations.commands.services.asking import DEFAULT_EXPIRY


class Command(ScriptCommand):
    help = "Send an OCPP action to a station. The gateway node that holds its link sends it."

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("identity", metavar="IDENTITY")
        parser.add_argument("action", metavar="ACTION", help="name of an action in the station's OCPP version")
        parser.add_argument(
            "payload", metavar="PAYLOAD", nargs="?", default="{}", help="payload of the action, a JSON object"
        )
        parser.add_argument("--wait", type=float, metavar="SECONDS", help="wait up to this long for the answer")
        parser.add_argument(
            "--expires",
            type=float,
            metavar="SECONDS",
            default=DEFAULT_EXPIRY.total_seconds(),
            help="how long the command waits for a station that is offline (default: %(default)s)",
        )

    def run(
        self, *, identity: str, action: str, payload: str, wait: float | None, expires: float, **options: Any
    ) -> None:
        command = asking.request_raw_command(
            station=find_station(identity),
            action=action,
            payload=_parse_payload(payload),
            expires_in=_parse_expiry(expires),
        )
        if wait is not None:
            command = asking.wait_for(command, seconds=wait)
        self.show(_as_json(command, identity), _as_text(command, wait))
        if wait is not None and command.answer is None:
            sys.exit(1)


def _parse_payload(text: str) -> dict[str, Any]:
    try:
        payload = json.loads(text)
    except (ValueError, RecursionError):
        raise _field_error("payload", _("The payload is not valid JSON.")) from None
    if not isinstance(payload, dict):
        raise _field_error("payload", _("The payload must be a JSON object."))
    if not is_storable(payload):
        raise _field_error(
            "payload", _("The payload contains characters that cannot be stored, or is nested too deeply.")
        )
    return payload


def _field_error(field: str, message: str) -> DomainError:
    return DomainError(message, fields={field: message})


def _parse_expiry(seconds: float) -> timedelta:
    try:
        return timedelta(seconds=seconds)
    except (OverflowError, ValueError):
        raise _field_error("expires", _("Enter a valid number of seconds.")) from None


def _as_json(command: StationCommand, identity: str) -> dict[str, Any]:
    return {
        "id": command.pk,
        "station": identity,
        "action": command.action,
        "kind": command.kind,
        "state": command.state,
        "answer": command.answer,
        "error_code": command.error_code,
        "error_description": command.error_description,
        "session": command.session_id,
    }


def _as_text(command: StationCommand, wait: float | None) -> str:
    text = f"Command {command.pk} ({command.action}): {command.get_state_display()}"
    if command.answer is not None:
        return f"{text}. Answer: {json.dumps(command.answer, ensure_ascii=False)}"
    if command.error_code:
        return f"{text}. CALLERROR {command.error_code}: {command.error_description}"
    if wait is not None and not command.is_settled:
        return f"{text}; no answer within {wait:g} s."
    return f"{text}."
