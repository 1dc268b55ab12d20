"""The ledger: how a session ends."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet

from chargers.models import ChargingStation, Oddity
from chargers.services import authorize_tag, keep_oddity
from cpms.common.prepared import Prepared
from sessions.models import ChargingSession, Flag
from sessions.services.ledger import CENTRAL, CLOCK_SLACK, LATE, ClosedBy, book_energy


@Prepared
def _with_id(station: Any, pk: Any) -> QuerySet[ChargingSession]:
    return ChargingSession.objects.filter(station=station, pk=pk).order_by().select_for_update(no_key=True)


@dataclass(frozen=True, slots=True)
class StopResult:
    """`session` is None where the report was only kept as an oddity."""

    session: ChargingSession | None
    is_new: bool


def stop_session(
    *,
    station: ChargingStation,
    transaction_id: int,
    meter_stop_wh: int,
    stopped_at: datetime,
    received_at: datetime,
    reason: str,
    id_tag: str,
    raw: str,
) -> StopResult:
    """A station reports that a session ended. The first report of an end counts, the same again changes nothing.

    Args:
        station: locked by the caller; only its own sessions can be touched (P30).
        raw: the report as received, kept where it contradicts what is known.
    """
    end = _End(station, transaction_id, meter_stop_wh, stopped_at, received_at, reason, id_tag)
    session = _with_id.first(station=station.pk, pk=transaction_id)
    if session is None:
        return _stop_unknown(end)
    if session.is_open or session.closed_by in (ClosedBy.SUPERSEDED, ClosedBy.RULE):
        _apply_end(session, end)
        return StopResult(session, True)
    if (session.stopped_at, session.meter_stop_wh) == (stopped_at, meter_stop_wh):
        return StopResult(session, False)
    session.add_flag(Flag.CONFLICTING_STOP)
    session.save(update_fields=["flags", "has_flags"])
    keep_oddity(
        station_id=station.pk,
        kind=Oddity.Kind.CONFLICTING_STOP,
        session_id=session.pk,
        note=f"Ended at {session.stopped_at} with {session.meter_stop_wh} Wh; now {stopped_at} with {meter_stop_wh} Wh",
        payload=raw,
    )
    return StopResult(session, False)


@dataclass(frozen=True, slots=True)
class _End:
    station: ChargingStation
    transaction_id: int
    meter_stop_wh: int
    stopped_at: datetime
    received_at: datetime
    reason: str
    id_tag: str


def _apply_end(session: ChargingSession, end: _End) -> None:
    session.stopped_at, session.stop_received_at = end.stopped_at, end.received_at
    session.meter_stop_wh, session.stop_reason = end.meter_stop_wh, end.reason
    session.stop_id_tag, session.closed_by = end.id_tag, ClosedBy.STATION
    session.flags = [flag for flag in session.flags if flag not in (Flag.SUPERSEDED, Flag.CLOSED_BY_RULE)]
    session.has_flags = bool(session.flags)
    session.power_w = 0 if session.power_w is not None else None
    if end.received_at - end.stopped_at > LATE:
        session.add_flag(Flag.OFFLINE)
    if end.stopped_at < session.started_at:
        session.add_flag(Flag.NEGATIVE_DURATION)
    if end.stopped_at - end.received_at > CLOCK_SLACK:
        session.add_flag(Flag.CLOCK)
    book_energy(session)
    session.save()


def _stop_unknown(end: _End) -> StopResult:
    """An end with an id that is none of this station's: found again, matched, or kept as a session of its own (B1)."""
    again = ChargingSession.objects.filter(
        station=end.station,
        reported_transaction_id=end.transaction_id,
        stopped_at=end.stopped_at,
        meter_stop_wh=end.meter_stop_wh,
    ).first()
    if again is not None:
        return StopResult(again, False)
    if end.transaction_id in CENTRAL:
        session = _only_open_session(end)
        if session is not None:
            session.reported_transaction_id = end.transaction_id
            _apply_end(session, end)
            return StopResult(session, True)
    verdict = authorize_tag(station=end.station, value=end.id_tag, at=end.stopped_at)
    session = ChargingSession(
        station=end.station,
        team_id=end.station.team_id,
        connector_number=0,
        id_tag=end.id_tag,
        tag=verdict.tag,
        authorization=verdict.status,
        is_billable=False,
        started_at=end.stopped_at,
        reported_transaction_id=end.transaction_id,
    )
    session.add_flag(Flag.RECONSTRUCTED)
    _apply_end(session, end)
    return StopResult(session, True)


def _only_open_session(end: _End) -> ChargingSession | None:
    """Errata 3.18: an end with id -1 belongs to the only open session it fits; None when none or several do."""
    fitting = (
        ChargingSession.objects.open()
        .select_for_update(no_key=True)
        .filter(station=end.station, started_at__lte=end.stopped_at)
        .filter(Q(meter_start_wh__isnull=True) | Q(meter_start_wh__lte=end.meter_stop_wh))
    )
    rows = list(fitting[:3])
    if len(rows) > 1 and end.id_tag:
        rows = [row for row in rows if row.id_tag.upper() == end.id_tag.upper()]
    return rows[0] if len(rows) == 1 else None
