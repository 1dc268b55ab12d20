"""Deviations and security events in words. What is not known here is shown as it is."""

from __future__ import annotations

from collections import defaultdict

from django.utils.dateparse import parse_datetime
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.rights import GrantRole
from cpms.common import look
from cpms.common.words import error_words
from maintenance.models import Deviation, Notification

RULES = {  # of the schema, after the name of the field
    "required": gettext_lazy("is missing"),
    "additionalProperties": gettext_lazy("is not defined in OCPP 1.6"),
    "type": gettext_lazy("has the wrong type"),
    "enum": gettext_lazy("has a value that is not defined in OCPP 1.6"),
    "maxLength": gettext_lazy("is longer than OCPP 1.6 allows"),
    "format": gettext_lazy("is not a valid time"),
    "minItems": gettext_lazy("has too few entries"),
    "maxItems": gettext_lazy("has too many entries"),
    "range": gettext_lazy("is a number outside the valid range"),
    "fraction": gettext_lazy("is not a whole number"),
    "multipleOf": gettext_lazy("has more decimal places than OCPP 1.6 allows"),
    "characters": gettext_lazy("contains control characters or other invalid characters"),
    "unreadable": gettext_lazy("cannot be read"),
    "unknown": gettext_lazy("names a transaction that is not known"),
    "clock": gettext_lazy("is a time that cannot be right"),
}
FAULTS = {  # of the whole message
    "json": gettext_lazy("the message is not valid JSON"),
    "size": gettext_lazy("the message is larger than allowed"),
    "frame": gettext_lazy("the message does not have the structure of an OCPP-J message"),
    "message id": gettext_lazy("the message has no usable message ID"),
    "depth": gettext_lazy("the message is nested too deeply"),
    "unknown_action": gettext_lazy("OCPP 1.6 has no such action"),
    "unsupported_action": gettext_lazy("this action is sent by the central system, not by the station"),
    "not accepted": gettext_lazy("the message was sent before the station was accepted"),
    "boot: missing": gettext_lazy("the station sends messages without ever sending a BootNotification"),
    "path: slashes": gettext_lazy("the station connects to an address with doubled or missing parts"),
}
ANSWERS = ("answer.", "answer:")
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
    "UnknownCardsTried": gettext_lazy("More than 10 unknown cards were tried within a minute"),
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


def split_rule(what: str) -> tuple[bool, str, str]:
    """Split a rule into whether it is about the answer to a command, the path of the field, and the keyword.

    'answer.status: enum' is (True, 'status', 'enum'); the rule of a whole message is a keyword without field.
    """
    is_answer = what.startswith(ANSWERS)
    own = what[len(ANSWERS[0]) :] if is_answer else what
    own = own.strip()
    field, _colon, keyword = own.rpartition(": ")
    return (is_answer, field, keyword) if field and keyword in RULES else (is_answer, "", own)


def rule_phrase(what: str) -> str:
    """Say 'status: enum' in words that go on a sentence."""
    if not what:
        return _("further violations, counted together")
    is_answer, field, keyword = split_rule(what)
    if not field:
        said = str(FAULTS.get(keyword, keyword))
    elif field == "payload":
        said = _("the message %(what)s") % {"what": RULES[keyword]}
    elif field.rpartition(".")[2] == "?":
        said = _("a field of its own %(what)s") % {"what": RULES[keyword]}
    else:
        said = _("field “%(field)s” %(what)s") % {"field": field, "what": RULES[keyword]}
    return _("in the response, %(what)s") % {"what": said} if is_answer else said


def rule_words(what: str) -> str:
    """Say 'status: enum' in words that stand alone."""
    return capfirst(rule_phrase(what))


def code_words(deviation: Deviation) -> str:
    """What the station was answered; nothing where that was not always the same."""
    return deviation.code or (_("processed") if deviation.what else "")
