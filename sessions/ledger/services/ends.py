"""The ledger: how a session ends.

The transaction id that we gave beats every guess: an end that was matched by connector, tag, meter and time is taken
back when the session's own end arrives.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce

from chargers.models import ChargingStation
from chargers.tags.services.authorization import authorize_tag
from chargers.vocabulary import StopReason, TagVerdict
from cpms.common.database.prepared import Prepared
from sessions.ledger.models import ChargingSession, Flag
from sessions.ledger.services.clocks import (
    ARRIVAL,
    LATE,
    LONGEST,
    METER_STOP_FROM,
    OF_END,
    READING,
    STOPPED_FROM,
    flag_sources,
    is_derived,
    set_flag,
    time_that_counts,
)
from sessions.ledger.services.predecessors import rows_before
from sessions.ledger.services.review import (
    judge,
    others_at_the_same_time,
    review_overlap,
    with_connector_rating,
    without_circuit,
)
from sessions.ledger.services.settling import GUESSED, settle, settle_end
from sessions.ledger.services.unmatched import keep_conflicting_end, keep_unmatched_end

pass


ClosedBy = ChargingSession.ClosedBy


MATCHED_BY, ID = "stop_matched_by", "id"  # in `as_reported`: the transaction id that we gave confirmed the end


BATCH_SIZE = timedelta(
    seconds=2
)  # a station may stop and start again so soon that the second start looks like the first


LITTLE_WH = 300  # what the quickest connector delivers meanwhile


MAX_TAG_LENGTH, MAX_REASON_LENGTH = 255, 40


MAX_LOOKED_AT = 200

CENTRAL = {0, -1}  # transaction ids of stations that never learnt theirs (errata 3.18), or that nobody can read


@Prepared
def _with_id(station: Any, pk: Any, latest: Any) -> QuerySet[ChargingSession]:
    rows = with_connector_rating(ChargingSession.objects.filter(station=station, pk=pk))
    rows = rows.annotate(has_others=others_at_the_same_time(latest))
    return rows.order_by().select_for_update(no_key=True)


@dataclass(frozen=True, slots=True)
class StopResult:
    """`session` is None where the report was only kept as an oddity. `is_of_predecessor`: the session is one of the
    team that had the station before."""

    session: ChargingSession | None
    is_new: bool
    is_of_predecessor: bool = False


@dataclass(frozen=True, slots=True)
class _End:
    station: ChargingStation
    transaction_id: int
    meter_wh: int | None
    told: datetime | None
    at: datetime
    reported_at: datetime | None  # by the station's clock, where that cannot be
    received_at: datetime
    reason: str
    id_tag: str
    raw: str
    connector: int | None
    as_reported: Mapping[str, str]

    def is_that_of(self, session: ChargingSession) -> bool:
        """Whether the session ended just so. What either of them does not say does not differ."""
        known = None if is_derived(session, STOPPED_FROM) else session.reported_stopped_at or session.stopped_at
        meter = None if is_derived(session, METER_STOP_FROM) else session.meter_stop_wh
        same_time = None in (known, self.told) or known == self.told
        return same_time and (None in (meter, self.meter_wh) or meter == self.meter_wh)


def stop_session(
    *,
    station: ChargingStation,
    transaction_id: int,
    meter_stop_wh: int | None,
    stopped_at: datetime | None,
    received_at: datetime,
    reason: str,
    id_tag: str,
    raw: str,
    connector: int | None = None,
    as_reported: Mapping[str, str] | None = None,
) -> StopResult:
    """A station reports that a session ended. The first report of an end counts, the same again changes nothing.

    Args:
        station: locked by the caller; only its own sessions can be touched.
        transaction_id: -1 where the station said none, or none that can be.
        meter_stop_wh: None where it is missing or cannot be read; the last reading stands for it then.
        stopped_at: by the station's clock; None where it is missing or cannot be read.
        raw: the report as received, kept where it contradicts what is known.
        connector: where the report names one.
        as_reported: what the station said where it was read differently, by our names.
    """
    at, reported_at = time_that_counts(stopped_at, received_at)
    end = _End(
        station=station,
        transaction_id=transaction_id,
        meter_wh=meter_stop_wh,
        told=stopped_at,
        at=at,
        reported_at=reported_at,
        received_at=received_at,
        reason=reason[:MAX_REASON_LENGTH],
        id_tag=id_tag[:MAX_TAG_LENGTH],
        raw=raw,
        connector=connector,
        as_reported={_key_of_end(key): text for key, text in (as_reported or {}).items()},
    )
    session = _with_id.first(station=station.pk, pk=transaction_id, latest=at)
    if session is not None:
        if station.circuit_id is None:
            without_circuit(session)
        return StopResult(session, _stop_own(session, end))
    for before in rows_before(station):
        session = _with_id.first(station=before, pk=transaction_id, latest=at) or _ended_before(end, before)
        if session is not None:
            is_own = session.pk == transaction_id
            return StopResult(session, is_own and _stop_own(session, end), is_of_predecessor=True)
    return _stop_unknown(end)


def _key_of_end(key: str) -> str:
    return key if key.startswith(OF_END) else f"stop_{key}"


def is_guess(session: ChargingSession) -> bool:
    """Whether its end was matched by connector, tag, meter and time: the id that it named is not the session's."""
    is_matched = session.start_received_at is not None and session.reported_transaction_id is not None
    return is_matched and session.as_reported.get(MATCHED_BY) != ID


def _stop_own(session: ChargingSession, end: _End) -> bool:
    """The end names the session by the id we gave. Returns whether that changed the session."""
    if session.is_open or session.closed_by in GUESSED:
        _apply_end(session, end)
        return True
    is_same = end.is_that_of(session)
    if is_guess(session):
        if is_same:
            session.as_reported = {**session.as_reported, MATCHED_BY: ID}
            session.save(update_fields=["as_reported"])
            return False
        _take_back(session, end)
        return True
    if is_same:
        return False
    if _goes_on_after_a_short_end(session, end):
        keep_conflicting_end(session, session)
        _apply_end(session, end)
    else:
        keep_conflicting_end(session, _as_session(end), raw=end.raw)
    session.add_flag(Flag.CONFLICTING_STOP)
    judge(session)
    session.save(update_fields=["flags", "has_flags", "is_billable"])
    return False


def _goes_on_after_a_short_end(session: ChargingSession, end: _End) -> bool:
    """Start, stop and start again within a second cannot be told from a repeated start: both got one id, and the later
    of its ends has the whole energy."""
    if session.stopped_at is None or end.meter_wh is None or session.meter_stop_wh is None:
        return False
    if session.meter_start_wh is not None and session.meter_stop_wh - session.meter_start_wh > LITTLE_WH:
        return False
    is_short = session.stopped_at - session.started_at <= BATCH_SIZE
    return is_short and end.at > session.stopped_at and end.meter_wh >= session.meter_stop_wh


def _apply_end(session: ChargingSession, end: _End) -> None:
    """Write the end down, with what follows from it, and save the session."""
    _write_end(session, end)
    for flag in (Flag.SUPERSEDED, Flag.CLOSED_BY_RULE):
        set_flag(session, flag, False)
    session.power_w = 0 if session.power_w is not None else None
    if end.received_at - end.at > LATE:
        session.add_flag(Flag.OFFLINE)
    set_flag(session, Flag.NEGATIVE_DURATION, end.at < session.started_at)
    settle_end(session)
    if getattr(session, "has_others", True) or Flag.OVERLAP in session.flags:
        review_overlap(session)
    else:
        judge(session)
    session.save()


def _write_end(session: ChargingSession, end: _End) -> None:
    session.stopped_at, session.reported_stopped_at = end.at, end.reported_at
    session.stop_received_at, session.stop_reason, session.stop_id_tag = end.received_at, end.reason, end.id_tag
    session.closed_by = ClosedBy.STATION
    kept = {key: text for key, text in session.as_reported.items() if not key.startswith(OF_END)}
    session.as_reported = {**kept, **end.as_reported}
    if end.told is None:
        session.as_reported[STOPPED_FROM] = ARRIVAL
    session.meter_stop_wh = end.meter_wh
    if end.meter_wh is None:
        session.as_reported[METER_STOP_FROM] = READING
        last = session.last_register_wh
        session.meter_stop_wh = last if last is not None else session.meter_start_wh


def _as_session(end: _End) -> ChargingSession:
    """A session of which only this end is known; not saved."""
    verdict = authorize_tag(station=end.station, value=end.id_tag, at=end.at)
    session = ChargingSession(
        station=end.station,
        team_id=end.station.team_id,
        connector_number=end.connector or 0,
        id_tag=end.id_tag,
        tag=verdict.tag,
        authorization=verdict.status,
        is_billable=False,
        started_at=end.at,
        reported_transaction_id=end.transaction_id,
    )
    session.add_flag(Flag.RECONSTRUCTED)
    _write_end(session, end)
    flag_sources(session)
    return session


def _take_back(session: ChargingSession, end: _End) -> None:
    """The session's own end arrived: the one that was matched by guessing becomes a session of its own again."""
    assert session.stopped_at is not None  # noqa: S101 - it has an end
    foreign = ChargingSession(
        station_id=session.station_id,
        team_id=session.team_id,
        connector_number=0,
        id_tag=session.stop_id_tag,
        tag=session.tag if session.stop_id_tag.upper() == session.id_tag.upper() else None,
        authorization=session.authorization,
        is_billable=False,
        started_at=session.stopped_at,
        reported_transaction_id=session.reported_transaction_id,
        stopped_at=session.stopped_at,
        reported_stopped_at=session.reported_stopped_at,
        stop_received_at=session.stop_received_at,
        meter_stop_wh=session.meter_stop_wh,
        stop_reason=session.stop_reason,
        stop_id_tag=session.stop_id_tag,
        closed_by=ClosedBy.STATION,
        as_reported={key: text for key, text in session.as_reported.items() if key.startswith(OF_END)},
    )
    foreign.add_flag(Flag.RECONSTRUCTED)
    session.reported_transaction_id = None
    set_flag(session, Flag.ENERGY_MISMATCH, False)
    _apply_end(session, end)
    foreign.save()
    _move_readings(session, foreign)
    keep_unmatched_end(session, foreign)


def _move_readings(session: ChargingSession, foreign: ChargingSession) -> None:
    """Readings that named the foreign id go with its end."""
    number = foreign.reported_transaction_id
    theirs = session.readings.filter(reported_transaction_id=number) if number not in CENTRAL else None
    values = list(theirs.values_list("values", flat=True)) if theirs is not None else []
    if theirs is not None and values:
        theirs.update(session=foreign)
        moved = sum(len(each) for each in values)
        session.sample_count, foreign.sample_count = max(0, session.sample_count - moved), moved
        settle(session)
        review_overlap(session)
        session.save()
    settle(foreign)
    judge(foreign)
    foreign.save()


def _stop_unknown(end: _End) -> StopResult:
    """An end with an id that is none of this station's: found again, matched, or kept as a session of its own."""
    again = _ended_before(end, end.station.pk)
    if end.transaction_id in CENTRAL and (again is None or end.told is None):
        session = _session_that_fits(end)
        if session is not None and not (again is not None and again.pk == session.pk):
            session.reported_transaction_id = end.transaction_id
            _apply_end(session, end)
            return StopResult(session, True)
    if again is not None:
        return StopResult(again, False)
    session = _as_session(end)
    judge(session)
    session.save()
    return StopResult(session, True)


def _ended_before(end: _End, station_id: int) -> ChargingSession | None:
    """The session that this same report, with an id that was not ours, ended already."""
    told = Coalesce("reported_stopped_at", "stopped_at")
    rows = ChargingSession.objects.alias(told=told).filter(
        station=station_id, reported_transaction_id=end.transaction_id
    )
    if end.told is not None:
        rows = rows.filter(told=end.told)
    if end.meter_wh is not None:
        rows = rows.filter(meter_stop_wh=end.meter_wh)
    if end.told is not None and end.meter_wh is not None:
        return rows.first()
    found = rows.order_by("-stop_received_at", "-pk").first()
    if found is None or (end.told is None) != is_derived(found, STOPPED_FROM):
        return None
    return found if (end.meter_wh is None) == is_derived(found, METER_STOP_FROM) else None


def _session_that_fits(end: _End) -> ChargingSession | None:
    """Errata 3.18: an end without an id belongs to the only session it fits; None when none or several do.

    An open one, or else one whose end nobody reported, where no other had begun on its connector by then.
    """
    begun = ChargingSession.objects.filter(
        Q(stopped_at=None) | Q(started_at__gte=end.at - LONGEST), station=end.station, started_at__lte=end.at
    )
    latest: dict[int, ChargingSession] = {}
    fitting = []
    for session in begun.order_by("-started_at", "-pk")[:MAX_LOOKED_AT]:
        number = session.connector_number
        is_latest = number == 0 or number not in latest
        latest.setdefault(number, session)
        if session.is_open or (is_latest and session.closed_by in GUESSED):
            fitting.append(session)
    fitting = [session for session in fitting if _can_be_meant(session, end)]
    fitting = [session for session in fitting if session.is_open] or fitting
    if len(fitting) > 1 and end.id_tag:
        fitting = [session for session in fitting if session.id_tag.upper() == end.id_tag.upper()]
    if len(fitting) > 1 and end.reason == StopReason.DEAUTHORIZED:
        fitting = [session for session in fitting if session.authorization != TagVerdict.ACCEPTED]
    if len(fitting) != 1:
        return None
    return ChargingSession.objects.select_for_update(no_key=True).filter(pk=fitting[0].pk).first()


def _can_be_meant(session: ChargingSession, end: _End) -> bool:
    if end.connector and session.connector_number not in (0, end.connector):
        return False
    return None in (session.meter_start_wh, end.meter_wh) or session.meter_start_wh <= end.meter_wh  # type: ignore[operator]
