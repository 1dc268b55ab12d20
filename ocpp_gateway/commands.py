"""Translation of commands into the terms of an OCPP version, by tables; shared by all versions."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django.utils.translation import gettext as _

from chargers.protocols import CommandCodec, CommandOutcome
from cpms.common.errors import DomainError
from ocpp_gateway.frames import Payload
from ocpp_gateway.translations import NO_TRANSLATIONS, Translations, inverted
from operations.models import Command


class TableCommandCodec(CommandCodec):
    """Translates commands by two tables. A version's subclass adds what the tables cannot express.

    Attributes:
        label: the display name of the version.
        fields: by kind of command, the OCPP action and the OCPP field of each of our parameters.
        values: by kind and parameter, the OCPP values of our values; other values are passed on unchanged.
    """

    label: str = ""
    fields: Mapping[str, tuple[str, Mapping[str, str]]] = MappingProxyType({})
    values: Mapping[tuple[str, str], Translations] = MappingProxyType({})

    def check(self, action: str, payload: Any, names: Mapping[str, str]) -> None:
        """Validate an outgoing request.

        Args:
            names: our parameter name for each OCPP field, used in errors.

        Raises:
            DomainError: the version has no such request, or the payload is invalid.
        """
        if not isinstance(payload, dict):
            raise DomainError(_("The payload must be a JSON object."), fields={"payload": _("Not an object.")})

    def encode(self, kind: str, parameters: Payload) -> tuple[str, Payload]:
        if kind == Command.Kind.RAW:
            action, payload = str(parameters.get("action", "")), parameters.get("payload", {})
            self.check(action, payload, {})
            return action, payload
        if kind not in self.fields:
            sentence = _("%(version)s has no such command.") % {"version": self.label}
            raise DomainError(sentence, fields={"kind": _("Not known.")})
        action, fields = self.fields[kind]
        for name in parameters:
            if name not in fields:
                raise DomainError(_("The command has no parameter %(name)s.") % {"name": name}, fields={name: "?"})
        payload = {
            theirs: _translated(self.values.get((kind, ours), NO_TRANSLATIONS), parameters[ours])
            for ours, theirs in fields.items()
            if parameters.get(ours) is not None
        }
        self.check(action, payload, inverted(fields))
        return action, payload

    def read(self, action: str, payload: Payload) -> tuple[str, Payload]:
        self.check(action, payload, {})
        kind = next((kind for kind, (known, _fields) in self.fields.items() if known == action), None)
        if kind is None:
            return Command.Kind.RAW, {"action": action, "payload": payload}
        ours = inverted(self.fields[kind][1])
        return kind, {
            ours[theirs]: _translated(inverted(self.values.get((kind, ours[theirs]), NO_TRANSLATIONS)), value)
            for theirs, value in payload.items()
        }

    def parameters_schema(self, kind: str) -> Payload:
        _action, fields = self.fields[kind]
        return {"type": "object", "properties": {name: {} for name in fields}, "additionalProperties": False}

    def outcome(self, answer: Payload) -> CommandOutcome:
        return CommandOutcome()

    def connector_in(self, action: str, payload: Payload) -> Any:
        return None

    def password_in(self, action: str, payload: Payload) -> str | None:
        return None

    def with_password(self, action: str, payload: Payload, password: str) -> Payload:
        return payload


def _translated(table: Translations, value: Any) -> Any:
    """Return the translation of a value. Unknown values stay unchanged; `check` rejects them if OCPP has none such."""
    return table.get(value, value) if isinstance(value, str) else value
