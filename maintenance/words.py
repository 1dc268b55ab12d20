"""Deviations and security events in words. What is not known here is shown as it is."""

from __future__ import annotations

from collections import defaultdict

from django.utils.dateparse import parse_datetime
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.rights import GrantRole
from cpms.common import look
from cpms.common.words import error_words
from maintenance.models import Deviation, Notification

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

EVENTS = {  # of the security whitepaper, and where 2.0.1 has another name for it, that one too
    "FirmwareUpdated": gettext_lazy("Firmware was updated"),
    "FailedToAuthenticateAtCentralSystem": gettext_lazy("The station's log-in was refused by the central system"),
    "FailedToAuthenticateAtCsms": gettext_lazy("The station's log-in was refused by the central system"),
    "CentralSystemFailedToAuthenticate": gettext_lazy("The central system could not prove who it is"),
    "CsmsFailedToAuthenticate": gettext_lazy("The central system could not prove who it is"),
    "SettingSystemTime": gettext_lazy("The station's clock was set"),
    "StartupOfTheDevice": gettext_lazy("The station started"),
    "ResetOrReboot": gettext_lazy("The station was reset"),
    "SecurityLogWasCleared": gettext_lazy("The security log was cleared"),
    "ReconfigurationOfSecurityParameters": gettext_lazy("Security settings were changed"),
    "MemoryExhaustion": gettext_lazy("The station's memory is full"),
    "InvalidMessages": gettext_lazy("Invalid messages came in at the station"),
    "AttemptedReplayAttacks": gettext_lazy("Messages were replayed to the station"),
    "TamperDetectionActivated": gettext_lazy("Somebody tampered with the station"),
    "InvalidFirmwareSignature": gettext_lazy("The signature of a firmware is not valid"),
    "InvalidFirmwareSigningCertificate": gettext_lazy("The certificate that signed a firmware is not valid"),
    "InvalidCentralSystemCertificate": gettext_lazy("The central system's certificate is not valid"),
    "InvalidCsmsCertificate": gettext_lazy("The central system's certificate is not valid"),
    "InvalidChargePointCertificate": gettext_lazy("The station's certificate is not valid"),
    "InvalidChargingStationCertificate": gettext_lazy("The station's certificate is not valid"),
    "InvalidTLSVersion": gettext_lazy("A version of TLS was offered that is not allowed"),
    "InvalidTLSCipherSuite": gettext_lazy("A cipher suite was offered that is not allowed"),
    "MaintenanceLoginAccepted": gettext_lazy("Somebody logged in for maintenance"),
    "MaintenanceLoginFailed": gettext_lazy("A log-in for maintenance failed"),
}


def event_words(type_: str) -> str:
    return str(EVENTS.get(type_, type_))


def notification_words(notification: Notification) -> str:
    """What is new, in one sentence."""
    kind, facts = notification.kind, defaultdict(str, notification.parameters)
    if "count" in facts:
        count = int(facts["count"])
        return {
            Notification.Kind.ALARM: ngettext("%(n)d security alert", "%(n)d security alerts", count),
            Notification.Kind.FAULT: ngettext("%(n)d connector is faulted", "%(n)d connectors are faulted", count),
            Notification.Kind.AWAY: ngettext("%(n)d station is offline", "%(n)d stations are offline", count),
            Notification.Kind.GRANT: ngettext("You were given access", "You were given access %(n)d times", count),
        }[Notification.Kind(kind)] % {"n": count}
    if kind == Notification.Kind.ALARM:
        return f"{facts['station']}: {event_words(facts['type'])}"
    if kind == Notification.Kind.FAULT:
        said = _("%(station)s: connector %(number)s is faulted") % {
            "station": facts["station"],
            "number": facts["connector"],
        }
        cause = error_words(facts["code"])
        return f"{said} ({cause})" if cause else said
    if kind == Notification.Kind.AWAY:
        since = parse_datetime(facts["since"])
        time = look.short_time(since) if since else ""
        return _("%(station)s is offline since %(time)s") % {"station": facts["station"], "time": time}
    role = dict(GrantRole.choices).get(facts["role"], facts["role"])
    return _("You were given access to %(place)s (%(role)s)") % {"place": facts["place"], "role": role}


def rule_words(what: str) -> str:
    """'status: enum' in words."""
    if not what:
        return _("Many other ones")
    field, _colon, rule = what.rpartition(": ")
    if field and rule in RULES:
        is_own = field == "?" or field.endswith(".?")
        name = _("A field of its own") if is_own else _("“%(field)s”") % {"field": field}
        return f"{name} {RULES[rule]}"
    return str(FAULTS.get(what, what))


def code_words(deviation: Deviation) -> str:
    """What the station was answered; nothing where that was not always the same."""
    return deviation.code or (_("tolerated") if deviation.what else "")
