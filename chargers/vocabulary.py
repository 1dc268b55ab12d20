"""The project's own enumerations: what the database stores, the API shows and domain code compares with.

Some values are spelled as in OCPP 1.6, since that was the first supported version. They are still our own: only this
module spells them, code uses the members, and each codec in `ocpp_gateway/v*/` translates in both directions with its
own tables.
"""

from __future__ import annotations

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class ConnectorStatus(TextChoices):
    """The status of a connector or of a whole station, in the order in which a session goes through them."""

    AVAILABLE = "Available", _("Available")
    PREPARING = "Preparing", _("Preparing")
    CHARGING = "Charging", _("Charging")
    SUSPENDED_EV = "SuspendedEV", _("Suspended by the vehicle")
    SUSPENDED_EVSE = "SuspendedEVSE", _("Suspended by the station")
    FINISHING = "Finishing", _("Finishing")
    RESERVED = "Reserved", _("Reserved")
    UNAVAILABLE = "Unavailable", _("Unavailable")
    FAULTED = "Faulted", _("Faulted")


class ConnectorError(TextChoices):
    """Why a connector is faulted. Without an error the stored text is empty."""

    CONNECTOR_LOCK = "ConnectorLockFailure", _("The plug could not be locked or unlocked")
    VEHICLE_COMMUNICATION = "EVCommunicationError", _("Communication with the vehicle failed")
    GROUND = "GroundFailure", _("Ground failure")
    HIGH_TEMPERATURE = "HighTemperature", _("Temperature is too high")
    INTERNAL = "InternalError", _("Internal error of the station")
    LOCAL_LIST = "LocalListConflict", _("The station's tag list conflicts with ours")
    OTHER = "OtherError", _("Other error")
    OVER_CURRENT = "OverCurrentFailure", _("Current is too high")
    OVER_VOLTAGE = "OverVoltage", _("Voltage is too high")
    POWER_METER = "PowerMeterFailure", _("The energy meter failed")
    POWER_SWITCH = "PowerSwitchFailure", _("The power switch failed")
    READER = "ReaderFailure", _("The card reader failed")
    RESET = "ResetFailure", _("A reset failed")
    UNDER_VOLTAGE = "UnderVoltage", _("Voltage is too low")
    WEAK_SIGNAL = "WeakSignal", _("The radio signal is weak")


class TagVerdict(TextChoices):
    """The answer to a station about a tag, also stored with the session that was started with the tag."""

    ACCEPTED = "Accepted", _("Accepted")
    BLOCKED = "Blocked", _("Refused: tag blocked")
    EXPIRED = "Expired", _("Refused: tag expired")
    INVALID = "Invalid", _("Refused: tag unknown or not valid here")
    CONCURRENT = "ConcurrentTx", _("Refused: tag already charging elsewhere")


class StopReason(TextChoices):
    """Why a session ended, as reported by its station."""

    DEAUTHORIZED = "DeAuthorized", _("Tag not accepted")
    EMERGENCY_STOP = "EmergencyStop", _("Emergency stop")
    VEHICLE_DISCONNECTED = "EVDisconnected", _("Cable unplugged")
    HARD_RESET = "HardReset", _("Hard reset")
    LOCAL = "Local", _("Stopped at the station")
    OTHER = "Other", _("Other reason")
    POWER_LOSS = "PowerLoss", _("Power loss")
    REBOOT = "Reboot", _("Station restarted")
    REMOTE = "Remote", _("Stopped remotely")
    SOFT_RESET = "SoftReset", _("Soft reset")
    UNLOCK = "UnlockCommand", _("Connector unlocked remotely")


class RegistrationStatus(TextChoices):
    """Whether a station has booted, and whether it is served."""

    NEW = "new", _("Never booted")
    ACCEPTED = "accepted", _("Accepted")
    PENDING = "pending", _("Pending")
    REJECTED = "rejected", _("Rejected")


class CommandResult(TextChoices):
    """The meaning of a station's answer to a command. Not stored: the answer itself is."""

    ACCEPTED = "accepted", _("Accepted")
    SCHEDULED = "scheduled", _("Scheduled")
    UNLOCKED = "unlocked", _("Unlocked")
    REBOOT_REQUIRED = "reboot_required", _("Reboot required")
    REJECTED = "rejected", _("Rejected")
    NOT_SUPPORTED = "not_supported", _("Not supported")
    NOT_IMPLEMENTED = "not_implemented", _("Not implemented")
    UNLOCK_FAILED = "unlock_failed", _("Unlock failed")
    UNKNOWN_MESSAGE = "unknown_message", _("Unknown message")
    UNKNOWN_VENDOR = "unknown_vendor", _("Unknown vendor")

    @property
    def is_consent(self) -> bool:
        return self in _CONSENTS


_CONSENTS = {
    CommandResult.ACCEPTED,
    CommandResult.SCHEDULED,
    CommandResult.UNLOCKED,
    CommandResult.REBOOT_REQUIRED,
}


class JobStatus(TextChoices):
    """The progress of a long job of a station: a firmware update, or the upload of diagnostics or a log."""

    IDLE = "Idle", _("Idle")
    DOWNLOAD_SCHEDULED = "DownloadScheduled", _("Download scheduled")
    DOWNLOADING = "Downloading", _("Downloading")
    DOWNLOAD_PAUSED = "DownloadPaused", _("Download paused")
    DOWNLOADED = "Downloaded", _("Downloaded")
    DOWNLOAD_FAILED = "DownloadFailed", _("Download failed")
    SIGNATURE_VERIFIED = "SignatureVerified", _("Signature verified")
    INVALID_SIGNATURE = "InvalidSignature", _("Invalid signature")
    INSTALL_SCHEDULED = "InstallScheduled", _("Installation scheduled")
    INSTALLING = "Installing", _("Installing")
    INSTALL_REBOOTING = "InstallRebooting", _("Restarting to install")
    INSTALLED = "Installed", _("Installed")
    INSTALLATION_FAILED = "InstallationFailed", _("Installation failed")
    VERIFICATION_FAILED = "InstallVerificationFailed", _("Verification failed")
    UPLOADING = "Uploading", _("Uploading")
    UPLOADED = "Uploaded", _("Uploaded")
    UPLOAD_FAILED = "UploadFailed", _("Upload failed")
    LOG_UPLOAD_FAILED = "UploadFailure", _("Upload failed")
    BAD_MESSAGE = "BadMessage", _("Request not understood")
    NOT_SUPPORTED = "NotSupportedOperation", _("Not supported")
    PERMISSION_DENIED = "PermissionDenied", _("Permission denied")


class ResetKind(TextChoices):
    SOFT = "Soft", _("soft")
    HARD = "Hard", _("hard")


class Availability(TextChoices):
    OPERATIVE = "Operative", _("into service")
    INOPERATIVE = "Inoperative", _("out of service")


class StationMessage(TextChoices):
    """A message that a station can be asked to send."""

    STATUS = "StatusNotification", _("Status of its connectors")
    METER_VALUES = "MeterValues", _("Meter values")
    BOOT = "BootNotification", _("Boot notification")
    HEARTBEAT = "Heartbeat", _("Heartbeat")
    DIAGNOSTICS_STATUS = "DiagnosticsStatusNotification", _("Status of the diagnostics upload")
    FIRMWARE_STATUS = "FirmwareStatusNotification", _("Status of the firmware update")


class ConfigurationKey(TextChoices):
    """A setting of a station that the project itself reads or writes. Upper and lower case are equal."""

    PASSWORD = "AuthorizationKey"  # noqa: S105 - the name of the setting
    CONNECTION_TIMEOUT = "ConnectionTimeOut"
    SECURITY_PROFILE = "SecurityProfile"


class Measurand(TextChoices):
    """What a meter reading measures. Other quantities are stored and shown, but nothing is calculated from them."""

    ENERGY_REGISTER = "Energy.Active.Import.Register", _("Energy")
    POWER = "Power.Active.Import", _("Power")
    POWER_OFFERED = "Power.Offered", _("Offered")
    CURRENT = "Current.Import", _("Current")
    CURRENT_OFFERED = "Current.Offered", _("Offered")
    STATE_OF_CHARGE = "SoC", _("State of charge")


class Unit(TextChoices):
    WATT_HOUR = "Wh", "Wh"
    KILOWATT_HOUR = "kWh", "kWh"
    WATT = "W", "W"
    KILOWATT = "kW", "kW"
    AMPERE = "A", "A"
    PERCENT = "Percent", "%"


class Phase(TextChoices):
    """The conductors that a reading was taken on; without a phase, all of them together. Displayed as it is."""

    L1 = "L1"
    L2 = "L2"
    L3 = "L3"
    NEUTRAL = "N"
    L1_NEUTRAL = "L1-N"
    L2_NEUTRAL = "L2-N"
    L3_NEUTRAL = "L3-N"
    L1_L2 = "L1-L2"
    L2_L3 = "L2-L3"
    L3_L1 = "L3-L1"


class ReadingContext(TextChoices):
    """The occasion on which a reading was taken; not displayed."""

    PERIODIC = "Sample.Periodic"
    CLOCK = "Sample.Clock"
    TRIGGER = "Trigger"
    SESSION_BEGIN = "Transaction.Begin"
    SESSION_END = "Transaction.End"


class Location(TextChoices):
    """Where a reading was taken; not displayed."""

    OUTLET = "Outlet"
    INLET = "Inlet"
    VEHICLE = "EV"
    BODY = "Body"
    CABLE = "Cable"


class ValueFormat(TextChoices):
    """Whether a value is a plain number; not displayed."""

    RAW = "Raw"
    SIGNED = "SignedData"


class ConnectorStandard(TextChoices):
    """The plug or socket (the values of OCPI 2.2.1 section 8.4.5, ConnectorType, that fixed stations have)."""

    TYPE_1 = "IEC_62196_T1", _("Type 1")
    TYPE_2 = "IEC_62196_T2", _("Type 2")
    CCS_1 = "IEC_62196_T1_COMBO", _("CCS 1")
    CCS_2 = "IEC_62196_T2_COMBO", _("CCS 2")
    TYPE_3A = "IEC_62196_T3A", _("Type 3A")
    TYPE_3C = "IEC_62196_T3C", _("Type 3C")
    CHADEMO = "CHADEMO", "CHAdeMO"
    GBT_AC = "GBT_AC", "GB/T AC"
    GBT_DC = "GBT_DC", "GB/T DC"
    TESLA_S = "TESLA_S", "Tesla (NACS)"
    SCHUKO = "DOMESTIC_F", _("Schuko (domestic type F)")
    DOMESTIC_E = "DOMESTIC_E", _("Domestic type E")
    DOMESTIC_G = "DOMESTIC_G", _("Domestic type G")
    DOMESTIC_J = "DOMESTIC_J", _("Domestic type J")
    CEE_RED_16A = "IEC_60309_2_three_16", _("CEE red, 16 A")
    CEE_RED_32A = "IEC_60309_2_three_32", _("CEE red, 32 A")
    CEE_BLUE_16A = "IEC_60309_2_single_16", _("CEE blue, 16 A")
    PANTOGRAPH_BOTTOM_UP = "PANTOGRAPH_BOTTOM_UP", _("Pantograph on the vehicle")
    PANTOGRAPH_TOP_DOWN = "PANTOGRAPH_TOP_DOWN", _("Pantograph on the station")


class ConnectorFormat(TextChoices):
    """OCPI 2.2.1 section 8.4.4, ConnectorFormat."""

    SOCKET = "SOCKET", _("Socket")
    CABLE = "CABLE", _("Cable")


class PowerType(TextChoices):
    """OCPI 2.2.1 section 8.4.19, PowerType, without the variants for split-phase grids."""

    AC_1_PHASE = "AC_1_PHASE", _("AC, 1 phase")
    AC_2_PHASE = "AC_2_PHASE", _("AC, 2 phases")
    AC_3_PHASE = "AC_3_PHASE", _("AC, 3 phases")
    DC = "DC", _("DC")


class PhaseRotation(TextChoices):
    """Which phases of the circuit (R, S, T) are connected to L1, L2 and L3 of the station.

    The values are those of OCPP 1.6 section 9.1.7, ConnectorPhaseRotation; an empty text is "unknown".
    """

    RST = "RST", "R S T"
    RTS = "RTS", "R T S"
    SRT = "SRT", "S R T"
    STR = "STR", "S T R"
    TRS = "TRS", "T R S"
    TSR = "TSR", "T S R"


class SecurityEventKind(TextChoices):
    """A security event that a station reports. Other kinds are stored and displayed as they are."""

    FIRMWARE_UPDATED = "FirmwareUpdated", _("Firmware updated")
    LOGIN_REFUSED = "FailedToAuthenticateAtCentralSystem", _("The central system rejected the station's sign-in")
    LOGIN_REFUSED_AT_CSMS = "FailedToAuthenticateAtCsms", _("The central system rejected the station's sign-in")
    SERVER_NOT_PROVEN = "CentralSystemFailedToAuthenticate", _("The central system could not be authenticated")
    CSMS_NOT_PROVEN = "CsmsFailedToAuthenticate", _("The central system could not be authenticated")
    CLOCK_SET = "SettingSystemTime", _("The station's clock was set")
    STARTED = "StartupOfTheDevice", _("The station started")
    RESET = "ResetOrReboot", _("The station was reset")
    LOG_CLEARED = "SecurityLogWasCleared", _("The security log was cleared")
    SETTINGS_CHANGED = "ReconfigurationOfSecurityParameters", _("Security settings were changed")
    MEMORY_FULL = "MemoryExhaustion", _("The station's memory is full")
    INVALID_MESSAGES = "InvalidMessages", _("The station received invalid messages")
    REPLAY_ATTACKS = "AttemptedReplayAttacks", _("Replay attack on the station")
    TAMPERING = "TamperDetectionActivated", _("Tampering detected at the station")
    INVALID_FIRMWARE_SIGNATURE = "InvalidFirmwareSignature", _("Invalid firmware signature")
    INVALID_SIGNING_CERTIFICATE = (
        "InvalidFirmwareSigningCertificate",
        _("Invalid firmware signing certificate"),
    )
    INVALID_SERVER_CERTIFICATE = (
        "InvalidCentralSystemCertificate",
        _("Invalid certificate of the central system"),
    )
    INVALID_CSMS_CERTIFICATE = "InvalidCsmsCertificate", _("Invalid certificate of the central system")
    INVALID_CHARGE_POINT_CERTIFICATE = "InvalidChargePointCertificate", _("Invalid certificate of the station")
    INVALID_STATION_CERTIFICATE = "InvalidChargingStationCertificate", _("Invalid certificate of the station")
    INVALID_TLS_VERSION = "InvalidTLSVersion", _("TLS version not allowed")
    INVALID_CIPHER_SUITE = "InvalidTLSCipherSuite", _("Cipher suite not allowed")
    MAINTENANCE_LOGIN = "MaintenanceLoginAccepted", _("Maintenance sign-in")
    MAINTENANCE_LOGIN_FAILED = "MaintenanceLoginFailed", _("Maintenance sign-in failed")
    # detected by us: no station reports it
    UNKNOWN_CARDS_TRIED = "UnknownCardsTried", _("More than 10 unknown tags tried within a minute")


CRITICAL_SECURITY_EVENTS = frozenset(
    {
        SecurityEventKind.FIRMWARE_UPDATED,
        SecurityEventKind.CLOCK_SET,
        SecurityEventKind.STARTED,
        SecurityEventKind.RESET,
        SecurityEventKind.LOG_CLEARED,
        SecurityEventKind.MEMORY_FULL,
        SecurityEventKind.TAMPERING,
        SecurityEventKind.MAINTENANCE_LOGIN,
        SecurityEventKind.MAINTENANCE_LOGIN_FAILED,
    }
)
_CRITICAL_IN_LOWER_CASE = frozenset(kind.lower() for kind in CRITICAL_SECURITY_EVENTS)
# The messages that stations send most: the index of rare messages excludes them.
FREQUENT_MESSAGES = (StationMessage.HEARTBEAT.value, StationMessage.METER_VALUES.value)


def is_critical(kind: str) -> bool:
    """Return whether a security event raises an alert, ignoring the case of its kind."""
    return kind.lower() in _CRITICAL_IN_LOWER_CASE


def label_of(choices: type[TextChoices], value: str) -> str:
    """Return the label of a value; a text that is not one of the values is returned as it is."""
    return str(choices(value).label) if value in choices.values else value


def error_label(code: str) -> str:
    """Return the label of a connector's error; empty without an error."""
    return label_of(ConnectorError, code)


def stop_reason_label(reason: str) -> str:
    return label_of(StopReason, reason)
