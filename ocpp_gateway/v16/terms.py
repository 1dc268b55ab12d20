"""Translation tables between the terms of OCPP 1.6 and our own."""

from __future__ import annotations

from collections.abc import Mapping

from chargers.vocabulary import (
    Availability,
    CommandResult,
    ConfigurationKey,
    ConnectorError,
    ConnectorStatus,
    JobStatus,
    Measurand,
    RegistrationStatus,
    ResetKind,
    StationMessage,
    StopReason,
    TagVerdict,
)
from ocpp_gateway.translations import Translations

# --- from a station --------------------------------------------------------------------------------------------------
STATUSES: Translations = {
    "Available": ConnectorStatus.AVAILABLE.value,
    "Preparing": ConnectorStatus.PREPARING.value,
    "Charging": ConnectorStatus.CHARGING.value,
    "SuspendedEV": ConnectorStatus.SUSPENDED_EV.value,
    "SuspendedEVSE": ConnectorStatus.SUSPENDED_EVSE.value,
    "Finishing": ConnectorStatus.FINISHING.value,
    "Reserved": ConnectorStatus.RESERVED.value,
    "Unavailable": ConnectorStatus.UNAVAILABLE.value,
    "Faulted": ConnectorStatus.FAULTED.value,
}
ERRORS: Translations = {
    "NoError": "",
    "ConnectorLockFailure": ConnectorError.CONNECTOR_LOCK.value,
    "EVCommunicationError": ConnectorError.VEHICLE_COMMUNICATION.value,
    "GroundFailure": ConnectorError.GROUND.value,
    "HighTemperature": ConnectorError.HIGH_TEMPERATURE.value,
    "InternalError": ConnectorError.INTERNAL.value,
    "LocalListConflict": ConnectorError.LOCAL_LIST.value,
    "OtherError": ConnectorError.OTHER.value,
    "OverCurrentFailure": ConnectorError.OVER_CURRENT.value,
    "OverVoltage": ConnectorError.OVER_VOLTAGE.value,
    "PowerMeterFailure": ConnectorError.POWER_METER.value,
    "PowerSwitchFailure": ConnectorError.POWER_SWITCH.value,
    "ReaderFailure": ConnectorError.READER.value,
    "ResetFailure": ConnectorError.RESET.value,
    "UnderVoltage": ConnectorError.UNDER_VOLTAGE.value,
    "WeakSignal": ConnectorError.WEAK_SIGNAL.value,
}
STOP_REASONS: Translations = {
    "DeAuthorized": StopReason.DEAUTHORIZED.value,
    "EmergencyStop": StopReason.EMERGENCY_STOP.value,
    "EVDisconnected": StopReason.VEHICLE_DISCONNECTED.value,
    "HardReset": StopReason.HARD_RESET.value,
    "Local": StopReason.LOCAL.value,
    "Other": StopReason.OTHER.value,
    "PowerLoss": StopReason.POWER_LOSS.value,
    "Reboot": StopReason.REBOOT.value,
    "Remote": StopReason.REMOTE.value,
    "SoftReset": StopReason.SOFT_RESET.value,
    "UnlockCommand": StopReason.UNLOCK.value,
}
JOB_STATUSES: Translations = {
    "Idle": JobStatus.IDLE.value,
    "DownloadScheduled": JobStatus.DOWNLOAD_SCHEDULED.value,
    "Downloading": JobStatus.DOWNLOADING.value,
    "DownloadPaused": JobStatus.DOWNLOAD_PAUSED.value,
    "Downloaded": JobStatus.DOWNLOADED.value,
    "DownloadFailed": JobStatus.DOWNLOAD_FAILED.value,
    "SignatureVerified": JobStatus.SIGNATURE_VERIFIED.value,
    "InvalidSignature": JobStatus.INVALID_SIGNATURE.value,
    "InstallScheduled": JobStatus.INSTALL_SCHEDULED.value,
    "Installing": JobStatus.INSTALLING.value,
    "InstallRebooting": JobStatus.INSTALL_REBOOTING.value,
    "Installed": JobStatus.INSTALLED.value,
    "InstallationFailed": JobStatus.INSTALLATION_FAILED.value,
    "InstallVerificationFailed": JobStatus.VERIFICATION_FAILED.value,
    "Uploading": JobStatus.UPLOADING.value,
    "Uploaded": JobStatus.UPLOADED.value,
    "UploadFailed": JobStatus.UPLOAD_FAILED.value,
    "UploadFailure": JobStatus.LOG_UPLOAD_FAILED.value,
    "BadMessage": JobStatus.BAD_MESSAGE.value,
    "NotSupportedOperation": JobStatus.NOT_SUPPORTED.value,
    "PermissionDenied": JobStatus.PERMISSION_DENIED.value,
}
RESULTS: Mapping[str, CommandResult] = {
    "Accepted": CommandResult.ACCEPTED,
    "Scheduled": CommandResult.SCHEDULED,
    "Unlocked": CommandResult.UNLOCKED,
    "RebootRequired": CommandResult.REBOOT_REQUIRED,
    "Rejected": CommandResult.REJECTED,
    "NotSupported": CommandResult.NOT_SUPPORTED,
    "NotImplemented": CommandResult.NOT_IMPLEMENTED,
    "UnlockFailed": CommandResult.UNLOCK_FAILED,
    "UnknownMessageId": CommandResult.UNKNOWN_MESSAGE,
    "UnknownVendorId": CommandResult.UNKNOWN_VENDOR,
}
# The terms of a meter value (section 7.29 and following) equal those of `Measurand`, `Unit`, `Phase`, `ReadingContext`,
# `Location` and `ValueFormat`: values are passed on as they were sent. This is the default of a missing measurand.
ENERGY_REGISTER = Measurand.ENERGY_REGISTER.value

# --- to a station ----------------------------------------------------------------------------------------------------
REGISTRATIONS: Translations = {
    RegistrationStatus.ACCEPTED.value: "Accepted",
    RegistrationStatus.PENDING.value: "Pending",
    RegistrationStatus.REJECTED.value: "Rejected",
}
VERDICTS: Translations = {
    TagVerdict.ACCEPTED.value: "Accepted",
    TagVerdict.BLOCKED.value: "Blocked",
    TagVerdict.EXPIRED.value: "Expired",
    TagVerdict.INVALID.value: "Invalid",
    TagVerdict.CONCURRENT.value: "ConcurrentTx",
}
RESET_KINDS: Translations = {ResetKind.SOFT.value: "Soft", ResetKind.HARD.value: "Hard"}
AVAILABILITIES: Translations = {
    Availability.OPERATIVE.value: "Operative",
    Availability.INOPERATIVE.value: "Inoperative",
}
STATION_MESSAGES: Translations = {
    StationMessage.STATUS.value: "StatusNotification",
    StationMessage.METER_VALUES.value: "MeterValues",
    StationMessage.BOOT.value: "BootNotification",
    StationMessage.HEARTBEAT.value: "Heartbeat",
    StationMessage.DIAGNOSTICS_STATUS.value: "DiagnosticsStatusNotification",
    StationMessage.FIRMWARE_STATUS.value: "FirmwareStatusNotification",
}
CONFIGURATION_KEYS: Translations = {
    ConfigurationKey.PASSWORD.value: "AuthorizationKey",
    ConfigurationKey.CONNECTION_TIMEOUT.value: "ConnectionTimeOut",
    ConfigurationKey.SECURITY_PROFILE.value: "SecurityProfile",
}
PASSWORD_KEY = CONFIGURATION_KEYS[ConfigurationKey.PASSWORD.value].lower()  # keys are case-insensitive
