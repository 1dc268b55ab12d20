"""Summaries of logged OCPP 1.6 messages: as parts of one line, and as steps of a session's timeline."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from chargers.protocols import StatusStep, TagStep
from chargers.vocabulary import Measurand, Unit, error_label, label_of
from cpms.common.web.formatting import number
from ocpp_gateway.frames import Payload
from ocpp_gateway.translations import inverted
from ocpp_gateway.v16.moments import moment_in
from ocpp_gateway.v16.terms import ENERGY_REGISTER, ERRORS, STATUSES, VERDICTS


def _tag(request: Payload) -> str:
    return _("tag %(tag)s") % {"tag": request["idTag"]} if request.get("idTag") else ""


def _wh(value: Any) -> str:
    return f"{number(value)} Wh" if isinstance(value, int | float) else ""


def _verdict(response: Payload) -> str:
    return str(response.get("idTagInfo", {}).get("status") or "")


def _boot(request: Payload, response: Payload) -> list[str]:
    name = f"{request.get('chargePointVendor', '')} {request.get('chargePointModel', '')}".strip()
    return [name, str(request.get("firmwareVersion") or ""), str(response.get("status") or "")]


def _status(request: Payload, response: Payload) -> list[str]:
    subject = (
        _("station")
        if request.get("connectorId") == 0
        else _("connector %(number)s") % {"number": request.get("connectorId")}
    )
    error = str(request.get("errorCode") or "")
    return [
        f"{subject}: {request.get('status')}",
        error_label(ERRORS.get(error, error)),
        str(request.get("info") or ""),
    ]


def _start(request: Payload, response: Payload) -> list[str]:
    session = response.get("transactionId")
    named = _("session %(number)s") % {"number": session} if session else ""
    return [named, _tag(request), _wh(request.get("meterStart")), _verdict(response)]


def _stop(request: Payload, response: Payload) -> list[str]:
    transaction = request.get("transactionId")
    named = _("session %(number)s") % {"number": transaction} if transaction is not None else ""
    return [named, _wh(request.get("meterStop")), str(request.get("reason") or "")]


def _authorize(request: Payload, response: Payload) -> list[str]:
    return [_tag(request), _verdict(response)]


def _meter(request: Payload, response: Payload) -> list[str]:
    if "meterValue" not in request:
        return [_("connector %(number)s") % {"number": request.get("connectorId")}]
    by_quantity: dict[tuple[str, str], list[str]] = {}
    for value in request["meterValue"][-1]["sampledValue"]:
        measurand = value.get("measurand") or ENERGY_REGISTER
        unit = value.get("unit") or (Unit.WATT_HOUR.value if measurand.startswith("Energy") else "")
        by_quantity.setdefault((measurand, unit), []).append(str(value.get("value"))[:12])
    shown = [
        f"{label_of(Measurand, measurand)} {' '.join(figures[:3])} {label_of(Unit, unit)}".strip()
        for (measurand, unit), figures in by_quantity.items()
    ]
    return [_("connector %(number)s") % {"number": request.get("connectorId")}, *shown[:4]]


SUMMARIES: dict[str, Callable[[Payload, Payload], list[str]]] = {
    "BootNotification": _boot,
    "StatusNotification": _status,
    "StartTransaction": _start,
    "StopTransaction": _stop,
    "Authorize": _authorize,
    "MeterValues": _meter,
    "Heartbeat": lambda request, response: [],
}


# --- timeline of a session -------------------------------------------------------------------------------------------


def _status_step(request: Payload, response: Payload) -> StatusStep | None:
    connector, status = request.get("connectorId"), str(request.get("status", ""))
    if not isinstance(connector, int):
        return None
    try:
        at = moment_in({"timestamp": str(request.get("timestamp") or "")})
    except (ValueError, OverflowError):
        at = None
    error = str(request.get("errorCode") or "")
    return StatusStep(
        connector=connector,
        status=STATUSES.get(status, ""),
        error_code=ERRORS.get(error, error),
        info=str(request.get("info") or ""),
        at=at,
    )


def _tag_step(request: Payload, response: Payload) -> TagStep:
    verdict = response.get("idTagInfo")
    status = str(verdict.get("status", "")) if isinstance(verdict, dict) else ""
    return TagStep(id_tag=str(request.get("idTag", "")), verdict=inverted(VERDICTS).get(status, status))


STEPS: dict[str, Callable[[Payload, Payload], StatusStep | TagStep | None]] = {
    "StatusNotification": _status_step,
    "Authorize": _tag_step,
}
