"""Texts about refused connections and protocol violations: cause, fix, rule and our handling."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from django.db.models import Count, Max, Min, QuerySet, Sum
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.text import capfirst
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from chargers.protocols import StationProtocol, protocol_named
from cpms.common.web import formatting
from maintenance.connections.models import Deviation, RefusedConnection

Cause, Near = RefusedConnection.Cause, RefusedConnection.Near


FIXES = {
    Cause.UNKNOWN_PATH: gettext_lazy("Set the station's address to …/ocpp/ followed by its identity."),
    Cause.UNKNOWN_IDENTITY: gettext_lazy("Add the station, or correct the identity it is set to."),
    Cause.NO_SUBPROTOCOL: gettext_lazy("Set the station to OCPP 1.6J (JSON over WebSocket)."),
    Cause.WRONG_SUBPROTOCOL: gettext_lazy("Set the station to OCPP 1.6J (JSON over WebSocket)."),
    Cause.NO_CREDENTIALS: gettext_lazy("Set a password (AuthorizationKey) at the station."),
    Cause.WRONG_CREDENTIALS: gettext_lazy("Set the same password at the station and here."),
    Cause.WRONG_USER: gettext_lazy("The user name must be the identity, case included."),
    Cause.TWO_CREDENTIALS: gettext_lazy("Look for a proxy that adds an Authorization header."),
    Cause.TOO_MANY_ATTEMPTS: gettext_lazy("Correct the password; it is accepted a minute later."),
    Cause.NOT_ENCRYPTED: gettext_lazy(
        "Set the station's address to wss://. If it cannot use TLS any more, support can clear its security profile."
    ),
    Cause.STORAGE: gettext_lazy("No action is needed: the station tries again by itself."),
}


NEAR_CAUSES = {
    Near.CASE: gettext_lazy("It connects as “%(given)s”, but its identity here is “%(identity)s”"),
    Near.BLANKS: gettext_lazy("It connects with extra spaces in its identity: “%(given)s”"),
    Near.PATH: gettext_lazy("It connects to the wrong address: %(path)s"),
    Near.USER: gettext_lazy("The address has no identity: %(path)s"),
    Near.USER_CASE: gettext_lazy("The user name differs from the identity in upper and lower case"),
    Near.PASSWORD_CASE: gettext_lazy("The password is wrong: it differs in upper and lower case only"),
    Near.PASSWORD_BLANKS: gettext_lazy("The password is wrong: it has extra spaces or a line break"),
}


NEAR_FIXES = {
    Near.CASE: gettext_lazy(
        "Set the identity at the station to “%(identity)s”, upper and lower case included, or correct it here."
    ),
    Near.BLANKS: gettext_lazy("Set the identity at the station to “%(identity)s”, without spaces around it."),
    Near.PATH: gettext_lazy("Set the station's address to …/ocpp/%(identity)s"),
    Near.USER: gettext_lazy("Set the station's address to …/ocpp/%(identity)s"),
    Near.USER_CASE: gettext_lazy("Set the user name at the station to “%(identity)s”, upper and lower case included."),
    Near.PASSWORD_CASE: gettext_lazy("Enter the password again, upper and lower case included."),
    Near.PASSWORD_BLANKS: gettext_lazy("Enter the password again, without spaces before or after it."),
}


VERSION_CAUSES = {Cause.NO_SUBPROTOCOL, Cause.WRONG_SUBPROTOCOL}  # shown together with a second mistake, if any

MAX_SHOWN = 200  # rules of one model; fewer are stored of one station
MAX_VERSIONS = 10  # firmware versions named in a report
CONVERTED = gettext_lazy("we convert the value if that is exact, and otherwise keep it as sent")
STORED_AS_SENT = gettext_lazy("we keep it as sent")
TREATMENTS: dict[str, Promise] = {  # by rule, for all fields and versions
    "additionalProperties": gettext_lazy("we ignore the field and keep it in the log"),
    "maxLength": gettext_lazy("we keep it in full"),
    "type": CONVERTED,
    "fraction": CONVERTED,
    "characters": gettext_lazy("we replace these characters in what we store"),
    "unreadable": gettext_lazy("we read the rest of the message and keep this part as sent"),
    "minItems": gettext_lazy("we read what is there"),
    "boot: missing": gettext_lazy("we serve the station and ask it to send its boot message"),
    "path: slashes": gettext_lazy("we accept the connection"),
}
MESSAGE_RULES = {  # rules that concern a whole message
    "json": gettext_lazy("the message is not valid JSON"),
    "size": gettext_lazy("the message is larger than allowed"),
    "frame": gettext_lazy("the message does not have the structure of an OCPP-J message"),
    "message id": gettext_lazy("the message has no usable message ID"),
    "depth": gettext_lazy("the message is nested too deeply"),
    "unknown_action": gettext_lazy("%(version)s has no such action"),
    "unsupported_action": gettext_lazy("this action is sent by the central system, not by the station"),
    "not accepted": gettext_lazy("the message was sent before the station was accepted"),
    "boot: missing": gettext_lazy("the station sends messages without having sent a boot message"),
    "path: slashes": gettext_lazy("the station connects to an address with doubled or missing parts"),
}
ANSWER_PREFIXES = ("answer.", "answer:")


def cause_label(row: RefusedConnection) -> str:
    """Return why a connection was refused. The row must have its station loaded."""
    near = NEAR_CAUSES.get(Near(row.near)) if row.near else None
    if near is None:
        return row.get_cause_display()
    text = str(near) % _placeholders(row)
    return f"{row.get_cause_display()}. {text}" if row.cause in VERSION_CAUSES else text


def fix_label(row: RefusedConnection) -> str:
    """Return how to fix a refused connection. The row must have its station loaded."""
    fix = str(FIXES.get(Cause(row.cause), ""))
    near = NEAR_FIXES.get(Near(row.near)) if row.near else None
    if near is None:
        return fix
    text = str(near) % _placeholders(row)
    return f"{fix} {text}" if row.cause in VERSION_CAUSES else text


def offered_versions_label(row: RefusedConnection) -> tuple[str, str]:
    """Return the OCPP versions that the client offered, and its encryption and kind of authentication."""
    encryption = _("TLS") if row.is_tls else _("no TLS")
    return row.subprotocols or _("none"), f"{encryption} · {row.authentication or _('no authentication')}"


def _placeholders(row: RefusedConnection) -> dict[str, str]:
    identity = row.station.identity if row.station else row.identity
    return {"given": row.identity, "identity": identity, "path": row.path}


def treatment_of(protocol: StationProtocol, action: str, code: str, what: str) -> str:
    """Return how we handle a violation, as a clause; empty for rules that are counted together."""
    if code:
        return _("we refuse the message with %(code)s") % {"code": code}
    if not what:
        return ""
    is_answer, field, keyword = split_rule(what)
    if is_answer and keyword not in ("additionalProperties", "characters"):
        return str(STORED_AS_SENT)
    return str(protocol.treatment(action, field, keyword) or TREATMENTS.get(keyword) or STORED_AS_SENT)


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule that a station, or stations of one model, violated. `stations` is their number; None: a single station."""

    protocol: StationProtocol
    action: str
    code: str
    what: str
    count: int
    first_at: datetime
    last_at: datetime
    stations: int | None = None

    @property
    def deviation(self) -> str:
        """The violation as a phrase."""
        phrase = rule_phrase(self.what, self.protocol.label)
        return f"{self.action}: {phrase}" if self.action else capfirst(phrase)

    @property
    def treatment(self) -> str:
        """How we handle it, as a clause."""
        return treatment_of(self.protocol, self.action, self.code, self.what)

    @property
    def times(self) -> str:
        """How often and when it happened, as a sentence."""
        count = ngettext("%(n)s time", "%(n)s times", self.count) % {"n": formatting.number(self.count)}
        if self.stations is not None:
            template = ngettext("%(times)s at %(n)d station", "%(times)s at %(n)d stations", self.stations)
            count = template % {"times": count, "n": self.stations}
        days = [formatting.day(timezone.localtime(at)) for at in (self.first_at, self.last_at)]
        return _("%(times)s since %(first)s, last on %(last)s.") % {"times": count, "first": days[0], "last": days[1]}

    @property
    def sentence(self) -> str:
        """The violation with handling and count, for a report to the manufacturer."""
        clauses = "; ".join(part for part in (self.deviation, self.treatment) if part)
        return f"{clauses}. {self.times}"


def of_row(row: Deviation) -> Violation:
    """Return the violation of a row, which must have its station loaded."""
    protocol = protocol_named(row.station.protocol)
    return Violation(protocol, row.action, row.code, row.what, row.count, row.first_at, row.last_at)


def of_stations(rows: QuerySet[Any]) -> list[Violation]:
    """Return the violations of several stations summed up by rule, the most frequent first."""
    found = (
        rows.order_by()
        .values("station__protocol", "action", "code", "what")
        .annotate(
            times=Sum("count"), first=Min("first_at"), last=Max("last_at"), stations=Count("station", distinct=True)
        )
        .order_by("-times", "action", "what", "code")
    )
    return [
        Violation(
            protocol_named(r["station__protocol"]),
            r["action"],
            r["code"],
            r["what"],
            r["times"],
            r["first"],
            r["last"],
            r["stations"],
        )
        for r in found[:MAX_SHOWN]
    ]


def report(details: Iterable[tuple[str | Promise, str]], violations: Sequence[Violation]) -> str:
    """Return a plain-text report for an e-mail to the manufacturer.

    Args:
        details: labels and values that describe the station or model; empty values are left out.
    """
    versions = sorted({violation.protocol.label for violation in violations})
    lines = [_("Protocol violations (%(versions)s)") % {"versions": ", ".join(versions) or "OCPP"}]
    lines += [f"{name}: {value}" for name, value in details if value]
    lines += [f"{_('As of')}: {formatting.day(timezone.localdate())}", ""]
    lines += [f"{number}. {violation.sentence}" for number, violation in enumerate(violations, 1)]
    return "\n".join(lines)


def station_report(station: Any, violations: Sequence[Violation]) -> str:
    details = [
        (_("Station"), station.identity),
        (_("Model"), f"{station.vendor} {station.model}".strip()),
        (_("Firmware"), station.firmware_version),
    ]
    return report(details, violations)


def model_url(vendor: str, model: str) -> str:
    """Return the URL of a model's page; empty if neither vendor nor model is known."""
    if not vendor and not model:
        return ""
    return f"{reverse('maintenance:deviation_model')}?{urlencode({'vendor': vendor, 'model': model})}"


def model_report(name: str, versions: Sequence[str], stations: int, violations: Sequence[Violation]) -> str:
    shown = ", ".join(versions[:MAX_VERSIONS]) + (" …" if len(versions) > MAX_VERSIONS else "")
    return report(
        [(_("Model"), name), (_("Stations"), formatting.number(stations)), (_("Firmware"), shown)], violations
    )


FIELD_RULES = {  # rules of the schema, as predicates of a field
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
    "unknown": gettext_lazy("refers to an unknown transaction"),
    "clock": gettext_lazy("is an implausible time"),
}


def split_rule(what: str) -> tuple[bool, str, str]:
    """Split a rule into whether it is about the answer to a command, the path of the field, and the keyword.

    'answer.status: enum' is (True, 'status', 'enum'); the rule of a whole message is a keyword without field.
    """
    is_answer = what.startswith(ANSWER_PREFIXES)
    rule = what[len(ANSWER_PREFIXES[0]) :] if is_answer else what
    rule = rule.strip()
    field, _colon, keyword = rule.rpartition(": ")
    return (is_answer, field, keyword) if field and keyword in FIELD_RULES else (is_answer, "", rule)


def rule_phrase(what: str, version: str) -> str:
    """Return a rule such as 'status: enum' as a phrase within a sentence.

    Args:
        version: the display name of the OCPP version.
    """
    if not what:
        return _("further violations, counted together")
    is_answer, field, keyword = split_rule(what)
    placeholders = {"version": version}
    if not field:
        phrase = str(MESSAGE_RULES.get(keyword, keyword)) % placeholders
    elif field == "payload":
        phrase = _("the message %(what)s") % {"what": FIELD_RULES[keyword] % placeholders}
    elif field.rpartition(".")[2] == "?":
        phrase = _("a proprietary field %(what)s") % {"what": FIELD_RULES[keyword] % placeholders}
    else:
        phrase = _("field “%(field)s” %(what)s") % {"field": field, "what": FIELD_RULES[keyword] % placeholders}
    return _("in the response, %(what)s") % {"what": phrase} if is_answer else phrase


def rule_label(deviation: Deviation) -> str:
    """Return the rule as a phrase that stands alone. The row must have its station loaded."""
    label = protocol_named(deviation.station.protocol).label
    return capfirst(rule_phrase(deviation.what, label))


def code_label(deviation: Deviation) -> str:
    """Return the error code of our reply, or that the message was processed; empty for rules counted together."""
    return deviation.code or (_("processed") if deviation.what else "")
