"""What stations do differently from OCPP and what we do about it, in sentences for the manufacturer."""

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
from cpms.common.web import formatting as look
from maintenance.models import Deviation
from maintenance.words import rule_phrase, split_rule

MOST_SHOWN = 200  # rules of one model; of one station fewer are kept
MOST_VERSIONS = 10  # of firmware that a report names

CONVERTED = gettext_lazy("we convert the value if that is exact, and otherwise keep it as sent")
KEPT = gettext_lazy("we keep it as sent")
TREATMENTS: dict[str, Promise] = {  # of a rule, whichever field breaks it and in whatever version
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


def treatment_of(protocol: StationProtocol, action: str, code: str, what: str) -> str:
    """Return what we do about a violation, as a clause; empty for many rules counted together."""
    if code:
        return _("we refuse the message with %(code)s") % {"code": code}
    if not what:
        return ""
    is_answer, field, keyword = split_rule(what)
    if is_answer and keyword not in ("additionalProperties", "characters"):
        return str(KEPT)
    return str(protocol.treatment(action, field, keyword) or TREATMENTS.get(keyword) or KEPT)


@dataclass(frozen=True, slots=True)
class Violation:
    """One rule that a station, or the stations of a model, broke."""

    protocol: StationProtocol
    action: str
    code: str
    what: str
    count: int
    first_at: datetime
    last_at: datetime
    stations: int | None = None  # how many of a model; None: it is about one station

    @property
    def deviation(self) -> str:
        """What the station does differently."""
        phrase = rule_phrase(self.what, self.protocol.label)
        return f"{self.action}: {phrase}" if self.action else capfirst(phrase)

    @property
    def treatment(self) -> str:
        """What we do about it."""
        return treatment_of(self.protocol, self.action, self.code, self.what)

    @property
    def times(self) -> str:
        """How often it happened, since when, and when last."""
        count = ngettext("%(n)s time", "%(n)s times", self.count) % {"n": look.number(self.count)}
        if self.stations is not None:
            places = ngettext("%(times)s at %(n)d station", "%(times)s at %(n)d stations", self.stations)
            count = places % {"times": count, "n": self.stations}
        days = [look.day(timezone.localtime(at)) for at in (self.first_at, self.last_at)]
        return _("%(times)s since %(first)s, last on %(last)s.") % {"times": count, "first": days[0], "last": days[1]}

    @property
    def sentence(self) -> str:
        """All of it, to be sent to the manufacturer."""
        said = "; ".join(part for part in (self.deviation, self.treatment) if part)
        return f"{said}. {self.times}"


def of_row(row: Deviation) -> Violation:
    """Rows come with their station."""
    protocol = protocol_named(row.station.protocol)
    return Violation(protocol, row.action, row.code, row.what, row.count, row.first_at, row.last_at)


def of_stations(rows: QuerySet[Any]) -> list[Violation]:
    """Sum up the same rules of several stations, the most frequent first."""
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
        for r in found[:MOST_SHOWN]
    ]


def report(facts: Iterable[tuple[str | Promise, str]], violations: Sequence[Violation]) -> str:
    """Write everything as plain text for a mail to the manufacturer.

    Args:
        facts: what it is about, as names and values; what has no value is left out.
    """
    versions = sorted({violation.protocol.label for violation in violations})
    lines = [_("Protocol violations (%(versions)s)") % {"versions": ", ".join(versions) or "OCPP"}]
    lines += [f"{name}: {value}" for name, value in facts if value]
    lines += [f"{_('As of')}: {look.day(timezone.localdate())}", ""]
    lines += [f"{number}. {violation.sentence}" for number, violation in enumerate(violations, 1)]
    return "\n".join(lines)


def station_report(station: Any, violations: Sequence[Violation]) -> str:
    facts = [
        (_("Station"), station.identity),
        (_("Model"), f"{station.vendor} {station.model}".strip()),
        (_("Firmware"), station.firmware_version),
    ]
    return report(facts, violations)


def model_url(vendor: str, model: str) -> str:
    """Return the address of a model's page; empty for stations that have not said what they are."""
    if not vendor and not model:
        return ""
    return f"{reverse('maintenance:deviation_model')}?{urlencode({'vendor': vendor, 'model': model})}"


def model_report(name: str, versions: Sequence[str], stations: int, violations: Sequence[Violation]) -> str:
    shown = ", ".join(versions[:MOST_VERSIONS]) + (" …" if len(versions) > MOST_VERSIONS else "")
    return report([(_("Model"), name), (_("Stations"), look.number(stations)), (_("Firmware"), shown)], violations)
