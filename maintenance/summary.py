"""What a message says, in one line. Whatever cannot be read is shown as it came."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from cpms.common.look import number
from cpms.common.words import error_words
from maintenance.models import Message

Payload = dict[str, Any]
LONGEST = 160
SHORT = {
    "Energy.Active.Import.Register": "Energy",
    "Power.Active.Import": "Power",
    "Power.Offered": "Offered",
    "Current.Import": "Current",
    "Current.Offered": "Offered",
}


def summary(message: Message) -> str:
    """One line of what was asked and answered."""
    asked, answered = _read(message.payload), _read(message.answer)
    if message.error_code:
        return f"{message.error_code}: {answered.get('description') or answered.get('errorDescription') or ''}".rstrip(
            ": "
        )
    try:
        parts = SUMMARIES.get(message.action, _plain)(asked, answered)
    except (AttributeError, KeyError, TypeError, ValueError, IndexError):
        parts = _plain(asked, answered)
    return " · ".join(part for part in parts if part)[:LONGEST]


def pretty(text: str) -> str:
    """JSON with one value a line; other text as it is."""
    try:
        return json.dumps(json.loads(text), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        return text


def _read(text: str) -> Payload:
    try:
        value = json.loads(text) if text else {}
    except (ValueError, RecursionError):
        return {}
    return value if isinstance(value, dict) else {}


def _plain(asked: Payload, answered: Payload) -> list[str]:
    said = [f"{key} {value}" for key, value in asked.items() if isinstance(value, str | int | float)][:4]
    return [*said, str(answered.get("status") or "")]


def _tag(asked: Payload) -> str:
    return _("tag %(tag)s") % {"tag": asked["idTag"]} if asked.get("idTag") else ""


def _wh(value: Any) -> str:
    return f"{number(value)} Wh" if isinstance(value, int | float) else ""


def _verdict(answered: Payload) -> str:
    return str(answered.get("idTagInfo", {}).get("status") or "")


def _boot(asked: Payload, answered: Payload) -> list[str]:
    name = f"{asked.get('chargePointVendor', '')} {asked.get('chargePointModel', '')}".strip()
    return [name, str(asked.get("firmwareVersion") or ""), str(answered.get("status") or "")]


def _status(asked: Payload, answered: Payload) -> list[str]:
    place = (
        _("station")
        if asked.get("connectorId") == 0
        else _("connector %(number)s") % {"number": asked.get("connectorId")}
    )
    return [
        f"{place}: {asked.get('status')}",
        error_words(str(asked.get("errorCode") or "")),
        str(asked.get("info") or ""),
    ]


def _start(asked: Payload, answered: Payload) -> list[str]:
    session = answered.get("transactionId")
    named = _("session %(number)s") % {"number": session} if session else ""
    return [named, _tag(asked), _wh(asked.get("meterStart")), _verdict(answered)]


def _stop(asked: Payload, answered: Payload) -> list[str]:
    number_of = asked.get("transactionId")
    named = _("session %(number)s") % {"number": number_of} if number_of is not None else ""
    return [named, _wh(asked.get("meterStop")), str(asked.get("reason") or "")]


def _authorize(asked: Payload, answered: Payload) -> list[str]:
    return [_tag(asked), _verdict(answered)]


def _meter(asked: Payload, answered: Payload) -> list[str]:
    if "meterValue" not in asked:
        return [_("connector %(number)s") % {"number": asked.get("connectorId")}]
    values = asked["meterValue"][-1]["sampledValue"]
    told: dict[str, list[str]] = {}
    for value in values:
        what = value.get("measurand") or "Energy.Active.Import.Register"
        unit = value.get("unit") or ("Wh" if what.startswith("Energy") else "")
        told.setdefault(f"{what}|{unit}", []).append(str(value.get("value"))[:12])
    shown = []
    for key, figures in told.items():
        what, unit = key.split("|")
        name = SHORT.get(what, what)
        shown.append(f"{name} {' '.join(figures[:3])} {'%' if unit == 'Percent' else unit}".strip())
    return [_("connector %(number)s") % {"number": asked.get("connectorId")}, *shown[:4]]


SUMMARIES: dict[str, Callable[[Payload, Payload], list[str]]] = {
    "BootNotification": _boot,
    "StatusNotification": _status,
    "StartTransaction": _start,
    "StopTransaction": _stop,
    "Authorize": _authorize,
    "MeterValues": _meter,
    "Heartbeat": lambda asked, answered: [],
}
