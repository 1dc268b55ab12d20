"""Deviations in words. What is not known here is shown as it is."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

RULES = {  # of the schema, after the name of the field
    "required": gettext_lazy("is missing"),
    "additionalProperties": gettext_lazy("is not in the specification"),
    "type": gettext_lazy("has the wrong type"),
    "enum": gettext_lazy("has a value that is not in the specification"),
    "maxLength": gettext_lazy("is too long"),
    "format": gettext_lazy("is no time that can be read"),
    "minItems": gettext_lazy("has too few entries"),
    "maxItems": gettext_lazy("has too many entries"),
    "range": gettext_lazy("is a number that cannot be"),
    "multipleOf": gettext_lazy("is not precise as specified"),
}
FAULTS = {  # of the whole message
    "json": gettext_lazy("The message is no valid JSON"),
    "frame": gettext_lazy("The message is not built as OCPP-J says"),
    "message id": gettext_lazy("The message has no usable id"),
    "depth": gettext_lazy("The message is nested too deeply"),
    "nul": gettext_lazy("A text contains the character NUL"),
    "unknown_action": gettext_lazy("There is no such action"),
    "unsupported_action": gettext_lazy("This action goes from the central system to the station"),
    "not accepted": gettext_lazy("Sent before the station was accepted"),
}
CODES = [
    "FormationViolation",
    "PropertyConstraintViolation",
    "OccurenceConstraintViolation",
    "TypeConstraintViolation",
    "NotImplemented",
    "NotSupported",
    "SecurityError",
    "ProtocolError",
    "GenericError",
]


def rule_words(what: str) -> str:
    """'status: enum' in words."""
    if not what:
        return _("Many other ones")
    field, _colon, rule = what.rpartition(": ")
    if field and rule in RULES:
        name = _("A field of its own") if field == "?" or field.endswith(".?") else f"“{field}”"
        return f"{name} {RULES[rule]}"
    return str(FAULTS.get(what, what))


def code_words(code: str) -> str:
    """What the station was answered."""
    return code or _("tolerated")
