"""Deviations and security events in words. What is not known here is shown as it is."""

from __future__ import annotations

from collections import defaultdict

from django.utils.dateparse import parse_datetime
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from accounts.access.rights import GrantRole
from chargers.protocols import protocol_named
from chargers.vocabulary import SecurityEventKind, error_label, label_of
from cpms.common.web import formatting as look
from maintenance.models import Deviation, Notification

RULES = {  # of the schema, after the name of the field
    "required": gettext_lazy("is missing"),
    "additionalProperties": gettext_lazy("is not defined in %(version)s"),
    "type": gettext_lazy("has the wrong type"),
    "enum": gettext_lazy("has a value that is not defined in %(version)s"),
    "maxLength": gettext_lazy("is longer than %(version)s allows"),
    "format": gettext_lazy("is not a valid time"),
    "minItems": gettext_lazy("has too few entries"),
    "maxItems": gettext_lazy("has too many entries"),
    "range": gettext_lazy("is a number outside the valid range"),
    "fraction": gettext_lazy("is not a whole number"),
    "multipleOf": gettext_lazy("has more decimal places than %(version)s allows"),
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
    "unknown_action": gettext_lazy("%(version)s has no such action"),
    "unsupported_action": gettext_lazy("this action is sent by the central system, not by the station"),
    "not accepted": gettext_lazy("the message was sent before the station was accepted"),
    "boot: missing": gettext_lazy("the station sends messages without ever having booted"),
    "path: slashes": gettext_lazy("the station connects to an address with doubled or missing parts"),
}
ANSWERS = ("answer.", "answer:")


def event_words(type_: str) -> str:
    return label_of(SecurityEventKind, type_)


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
        cause = error_label(facts["code"])
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


def rule_phrase(what: str, version: str) -> str:
    """Say 'status: enum' in words that go on a sentence.

    Args:
        version: the name of the OCPP version, for people.
    """
    if not what:
        return _("further violations, counted together")
    is_answer, field, keyword = split_rule(what)
    named = {"version": version}
    if not field:
        phrase = str(FAULTS.get(keyword, keyword)) % named
    elif field == "payload":
        phrase = _("the message %(what)s") % {"what": RULES[keyword] % named}
    elif field.rpartition(".")[2] == "?":
        phrase = _("a field of its own %(what)s") % {"what": RULES[keyword] % named}
    else:
        phrase = _("field “%(field)s” %(what)s") % {"field": field, "what": RULES[keyword] % named}
    return _("in the response, %(what)s") % {"what": phrase} if is_answer else phrase


def rule_words(deviation: Deviation) -> str:
    """Say 'status: enum' in words that stand alone. Rows come with their station."""
    label = protocol_named(deviation.station.protocol).label
    return capfirst(rule_phrase(deviation.what, label))


def code_words(deviation: Deviation) -> str:
    """What the station was answered; nothing where that was not always the same."""
    return deviation.code or (_("processed") if deviation.what else "")
