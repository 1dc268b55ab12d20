"""What messages are called, as far as looking for them goes: how it is written, and how frequent it is."""

from __future__ import annotations

FREQUENT_ACTIONS = ["Heartbeat", "MeterValues"]  # most messages are one of these
COMMON_ACTIONS = ["StatusNotification"]  # said by every station often enough to be found among all that it said
ACTIONS = [
    *FREQUENT_ACTIONS,
    *COMMON_ACTIONS,
    "Authorize",
    "BootNotification",
    "CancelReservation",
    "CertificateSigned",
    "ChangeAvailability",
    "ChangeConfiguration",
    "ClearCache",
    "ClearChargingProfile",
    "DataTransfer",
    "DeleteCertificate",
    "DiagnosticsStatusNotification",
    "ExtendedTriggerMessage",
    "FirmwareStatusNotification",
    "GetCompositeSchedule",
    "GetConfiguration",
    "GetDiagnostics",
    "GetInstalledCertificateIds",
    "GetLocalListVersion",
    "GetLog",
    "InstallCertificate",
    "LogStatusNotification",
    "RemoteStartTransaction",
    "RemoteStopTransaction",
    "ReserveNow",
    "Reset",
    "SecurityEventNotification",
    "SendLocalList",
    "SetChargingProfile",
    "SignCertificate",
    "SignedFirmwareStatusNotification",
    "SignedUpdateFirmware",
    "StartTransaction",
    "StopTransaction",
    "TriggerMessage",
    "UnlockConnector",
    "UpdateFirmware",
]
_WRITTEN = {action.lower(): action for action in ACTIONS}


def written(action: str) -> str:
    """As OCPP writes it, in whatever case it was typed."""
    return _WRITTEN.get(action.lower(), action)


def are_rare(*, action: str = "", is_to_station: bool = False, has_error: bool = False) -> bool:
    """Whether messages that fulfil all of this are in one of the indexes of the few that somebody looks for."""
    is_rare_action = bool(action) and written(action) not in (*FREQUENT_ACTIONS, *COMMON_ACTIONS)
    return is_rare_action or is_to_station or has_error
