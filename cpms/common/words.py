"""What OCPP's words mean to people. Values we do not know are shown as the station sent them."""

from __future__ import annotations

from typing import NamedTuple

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


class Look(NamedTuple):
    """How a connector's status is shown, and what it means for a driver."""

    kind: str
    label: Promise
    meaning: Promise
    is_live: bool = False


STATUS = {
    "Available": Look("available", _("Available"), _("Free for a vehicle.")),
    "Preparing": Look("preparing", _("Preparing"), _("A vehicle is connected; charging has not begun.")),
    "Charging": Look("charging", _("Charging"), _("Energy is flowing into the vehicle."), True),
    "SuspendedEV": Look(
        "suspended", _("Suspended by the vehicle"), _("Energy is offered, but the vehicle takes none at the moment.")
    ),
    "SuspendedEVSE": Look(
        "suspended", _("Suspended by the station"), _("A vehicle is connected, but the station offers no energy.")
    ),
    "Finishing": Look("finishing", _("Finishing"), _("The session is over; the connector is not free yet.")),
    "Reserved": Look("reserved", _("Reserved"), _("Kept for somebody.")),
    "Unavailable": Look("unavailable", _("Unavailable"), _("Out of service: nobody can charge here.")),
    "Faulted": Look("faulted", _("Faulted"), _("The station reported an error and cannot deliver energy.")),
}
UNKNOWN = Look("unknown", _("Unknown"), _("The station has not reported a status."))

ERRORS = {
    "ConnectorLockFailure": _("The plug could not be locked or unlocked"),
    "EVCommunicationError": _("Communication with the vehicle failed"),
    "GroundFailure": _("Ground failure"),
    "HighTemperature": _("Temperature is too high"),
    "InternalError": _("Internal error of the station"),
    "LocalListConflict": _("The list of tags in the station conflicts with ours"),
    "OtherError": _("Another error"),
    "OverCurrentFailure": _("Current is too high"),
    "OverVoltage": _("Voltage is too high"),
    "PowerMeterFailure": _("The energy meter failed"),
    "PowerSwitchFailure": _("The power switch failed"),
    "ReaderFailure": _("The card reader failed"),
    "ResetFailure": _("A reset failed"),
    "UnderVoltage": _("Voltage is too low"),
    "WeakSignal": _("The radio signal is weak"),
}

STOP_REASONS = {
    "DeAuthorized": _("Tag was not accepted"),
    "EmergencyStop": _("Emergency stop"),
    "EVDisconnected": _("Cable unplugged"),
    "HardReset": _("Hard reset"),
    "Local": _("Stopped at the station"),
    "Other": _("Another reason"),
    "PowerLoss": _("Power was lost"),
    "Reboot": _("Station restarted"),
    "Remote": _("Stopped remotely"),
    "SoftReset": _("Soft reset"),
    "UnlockCommand": _("Connector unlocked remotely"),
}


def look_of(status: str) -> Look:
    return STATUS.get(status, UNKNOWN)


def error_words(code: str) -> str:
    """An error code in words; nothing for 'no error'."""
    return "" if code in ("", "NoError") else str(ERRORS.get(code, code))


def stop_words(reason: str) -> str:
    return str(STOP_REASONS.get(reason, reason))


def status_meanings() -> list[Look]:
    """Return every status of a connector with its explanation, in the order in which a session goes through them."""
    return [*STATUS.values(), UNKNOWN]
