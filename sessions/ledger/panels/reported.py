"""What the station itself said about a session, where that is not what counts: its clock, its exact meter values, every
end that it reported."""

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
        at: by the station's clock.
        meter: as the station said it.
        note: what became of it.
        session_id: the session that it belongs to, where that is another one.
    """

    at: datetime | None
    meter: str
    reason: str
    note: str
    counts: bool
    session_id: int | None = None


def reported_ends(session: ChargingSession, others: Iterable[OtherEnd]) -> list[ReportedEnd]:
    """Every end that was reported for the session, the one that counts first."""
    found = [_own(session)] if session.closed_by == ChargingSession.ClosedBy.STATION else []
    return [*found, *map(_other, others)]


def matched_before(session: ChargingSession) -> int | None:
    """The session that this end, which has no start, was taken for until that one's own end came."""
    if session.start_received_at is not None or session.reported_transaction_id is None:
        return None
    rows = Oddity.objects.filter(station=session.station_id, kind=Oddity.Kind.UNMATCHED_END)
    named = rows.filter(facts__session=session.pk).order_by("-pk")
    return named.values_list("session_id", flat=True).first()


def source_notes(session: ChargingSession) -> dict[str, str]:
    """Beside each figure, what the station said: by the name of the figure."""
    said = session.as_reported
    texts = {
        "started_at": said.get("started_at"),
        "stopped_at": said.get("stopped_at"),
        "meter_start": said.get("meter_start"),
        "meter_stop": said.get("meter_stop"),
        "id_tag": said.get("id_tag"),
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
        if key in said:
            what = _("“%(text)s” cannot be read") % {"text": text} if text else _("not reported")
            notes[name] = f"{what}, {used}"
        elif text:
            notes[name] = _("reported as “%(text)s”") % {"text": text}
    return notes


def _own(session: ChargingSession) -> ReportedEnd:
    if session.start_received_at is None:
        note = _("No session is known that it ends.")
    elif is_guessed_match(session):
        note = _("Counts. Its transaction id is unknown; it was matched by connector, tag, meter reading and time.")
    else:
        note = _("Counts. It names this session's transaction id.")
    return ReportedEnd(
        at=session.reported_stopped_at or session.stopped_at,
        meter=str(session.as_reported.get("meter_stop") or _wh(session.meter_stop_wh)),
        reason=stop_reason_label(session.stop_reason),
        note=note,
        counts=True,
    )


def _other(end: OtherEnd) -> ReportedEnd:
    if end.session_id is None:
        note = _("Does not count. It names this session's transaction id, but contradicts the end that counts.")
    else:
        note = _(
            "Does not count. It names the unknown transaction id %(id)s and was taken for this session's end until its "
            "own end arrived."
        ) % {"id": end.transaction_id}
    return ReportedEnd(end.at, _wh(end.meter_wh), stop_reason_label(end.reason), note, False, end.session_id)


def _wh(meter_wh: int | None) -> str:
    return "" if meter_wh is None else f"{number(meter_wh)} Wh"
