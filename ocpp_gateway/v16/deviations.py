"""Explanations of how we handle violations of OCPP 1.6, for fields that are handled specially."""

from __future__ import annotations

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy

ARRIVAL = gettext_lazy("we use the time of arrival")
NEAREST_READING = gettext_lazy("we use the nearest meter reading")
BY_GUESS = gettext_lazy("we find the session by connector, tag, meter and time")
ROUNDED = gettext_lazy("we round it half up to whole Wh and keep the exact value")
CONVERTED_OR_NEAREST = gettext_lazy(
    "we convert the value if that is exact, and otherwise use the nearest meter reading"
)
NO_ENERGY = gettext_lazy("we store and show the sample, but never count it as energy")
METERS = ("meterStart", "meterStop")

TREATMENTS: dict[tuple[str, str], Promise] = {  # by field and violated rule
    ("errorCode", "enum"): gettext_lazy("we read it as “OtherError” and keep the word"),
    ("reason", "enum"): gettext_lazy("we read it as “Other” and keep the word"),
    ("unit", "enum"): NO_ENERGY,
    ("measurand", "enum"): NO_ENERGY,
    ("idTag", "maxLength"): gettext_lazy("we keep it in full and treat the tag as invalid"),
    ("connectorId", "range"): gettext_lazy("we treat the connector as unknown"),
    ("timestamp", "clock"): gettext_lazy("we use the time of arrival and show the station's time beside it"),
    ("transactionId", "unknown"): gettext_lazy("we keep the end as a session of its own until its start is known"),
    **{("timestamp", rule): ARRIVAL for rule in ("required", "format", "type", "unreadable")},
    **{(name, rule): NEAREST_READING for name in METERS for rule in ("required", "range", "unreadable")},
    **{(name, "type"): CONVERTED_OR_NEAREST for name in METERS},
    **{(name, "fraction"): ROUNDED for name in (*METERS, "value")},
    **{("transactionId", rule): BY_GUESS for rule in ("required", "type", "range", "fraction", "unreadable")},
}
STATUS_READ = gettext_lazy("we read it as the closest status, if there is one, and keep the word")


def treatment_of(action: str, field: str, keyword: str) -> Promise | None:
    """Return the explanation of how a violation is handled, or None for the general one."""
    if (action, field, keyword) == ("StatusNotification", "status", "enum"):
        return STATUS_READ
    return TREATMENTS.get((field.rpartition(".")[2], keyword))
