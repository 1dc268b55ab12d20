"""What the station reported about a session: every end, and values that were interpreted differently or not used."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import NamedTuple

from django.utils.translation import gettext as _

from chargers.models import Oddity
from chargers.vocabulary import stop_reason_label
from cpms.common.web.formatting import number
from sessions.ledger.models import ChargingSession
from sessions.ledger.services.clocks import METER_START_FROM, METER_STOP_FROM, STARTED_FROM, STOPPED_FROM
from sessions.ledger.services.ends import is_guessed_match
from sessions.ledger.services.unmatched import OtherEnd


class ReportedEnd(NamedTuple):
    """One end as it was reported.

    Attributes:
        at: the time by the station's clock.
        meter: the meter reading as the station reported it.
        note: whether and why the end is used.
        is_used: whether it is the end of the session.
        session_id: the other session that it belongs to, if it does.
    """

    at: datetime | None
    meter: str
    reason: str
    note: str
    is_used: bool
    session_id: int | None = None


def reported_ends(session: ChargingSession, others: Iterable[OtherEnd]) -> list[ReportedEnd]:
    """Return every end that was reported for the session, with the one in use first."""
    used = [_used_end(session)] if session.closed_by == ChargingSession.ClosedBy.STATION else []
    return [*used, *map(_unused_end, others)]


def matched_before(session: ChargingSession) -> int | None:
    """Return the session that this end without a start was matched with until that session's own end arrived."""
    if session.start_received_at is not None or session.reported_transaction_id is None:
        return None
    rows = Oddity.objects.filter(station=session.station_id, kind=Oddity.Kind.UNMATCHED_END)
    matching = rows.filter(facts__session=session.pk).order_by("-pk")
    return matching.values_list("session_id", flat=True).first()


def source_notes(session: ChargingSession) -> dict[str, str]:
    """Return, by figure, what the station reported if that is not what is shown, and what is used instead."""
    reported = session.as_reported
    texts = {
        "started_at": reported.get("started_at"),
        "stopped_at": reported.get("stopped_at"),
        "meter_start": reported.get("meter_start"),
        "meter_stop": reported.get("meter_stop"),
        "id_tag": reported.get("id_tag"),
    }
    sources = {
        "started_at": (STARTED_FROM, _("time of arrival used")),
        "stopped_at": (STOPPED_FROM, _("time of arrival used")),
        "meter_start": (METER_START_FROM, _("first reading used")),
        "meter_stop": (METER_STOP_FROM, _("last reading used")),
    }
    notes = {}
    for name, text in texts.items():
        key, used = sources.get(name, ("", ""))
        if key in reported:
            problem = _("“%(text)s” is not readable") % {"text": text} if text else _("not reported")
            notes[name] = f"{problem}, {used}"
        elif text:
            notes[name] = _("reported as “%(text)s”") % {"text": text}
    return notes


def _used_end(session: ChargingSession) -> ReportedEnd:
    if session.start_received_at is None:
        note = _("No matching session is known.")
    elif is_guessed_match(session):
        note = _("Used. Its transaction ID is unknown; it was matched by connector, tag, meter reading and time.")
    else:
        note = _("Used. It has the transaction ID of this session.")
    return ReportedEnd(
        at=session.reported_stopped_at or session.stopped_at,
        meter=str(session.as_reported.get("meter_stop") or _wh(session.meter_stop_wh)),
        reason=stop_reason_label(session.stop_reason),
        note=note,
        is_used=True,
    )


def _unused_end(end: OtherEnd) -> ReportedEnd:
    if end.session_id is None:
        note = _("Not used. It has the transaction ID of this session, but contradicts the end that is used.")
    else:
        note = _(
            "Not used. It has the unknown transaction ID %(id)s and was matched with this session until the session's "
            "own end arrived."
        ) % {"id": end.transaction_id}
    return ReportedEnd(end.at, _wh(end.meter_wh), stop_reason_label(end.reason), note, False, end.session_id)


def _wh(meter_wh: int | None) -> str:
    return "" if meter_wh is None else f"{number(meter_wh)} Wh"
