"""Commands in the words of one OCPP version, by a table; what every version has in common."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from django.utils.translation import gettext as _

from chargers.protocols import CommandCodec, CommandOutcome
from cpms.common.errors import DomainError
from ocpp_gateway.frames import Payload
from ocpp_gateway.words import NO_WORDS, Words, turned_round
from operations.models import Command


class TableOfCommands(CommandCodec):
    """Translates commands by two tables; a version adds what it has beyond them.

    Attributes:
        label: the name of the version for people.
        fields: by kind, the action and the version's field for each of our parameters.
        values: by kind and parameter, our values in the words of the version; others are passed on as they are.
    """

    label: str = ""
    fields: Mapping[str, tuple[str, Mapping[str, str]]] = MappingProxyType({})
    values: Mapping[tuple[str, str], Words] = MappingProxyType({})

    def check(self, action: str, payload: Any, names: Mapping[str, str]) -> None:
        """Check what goes out: a station must be able to read it.

        Args:
            names: our parameter for each field.

        Raises:
            DomainError: the version has no such request, or the payload is not as it must be.
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
            theirs: _translated(self.values.get((kind, ours), NO_WORDS), parameters[ours])
            for ours, theirs in fields.items()
            if parameters.get(ours) is not None
        }
        self.check(action, payload, turned_round(fields))
        return action, payload

    def read(self, action: str, payload: Payload) -> tuple[str, Payload]:
        self.check(action, payload, {})
        kind = next((kind for kind, (known, _fields) in self.fields.items() if known == action), None)
        if kind is None:
            return Command.Kind.RAW, {"action": action, "payload": payload}
        ours = turned_round(self.fields[kind][1])
        return kind, {
            ours[theirs]: _translated(turned_round(self.values.get((kind, ours[theirs]), NO_WORDS)), value)
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


def _translated(words: Words, value: Any) -> Any:
    """A word that is not in the table stays as it is, for the check to refuse it or a station to know it."""
    return words.get(value, value) if isinstance(value, str) else value
