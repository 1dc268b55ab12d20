"""Record the ends of sessions that stations report.

A report usually names the transaction id that we gave to the session. Some stations name an id that we never gave,
because they started the session offline, or 0 or -1 (OCPP 1.6 errata 3.18). Such an end is matched by connector, tag,
meter and time: it is a guess. When the session's own end arrives later, with the right id, the guess is undone, and
the guessed end becomes a session of its own.
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
from chargers.tags.services.refusals import record_refusal
from chargers.vocabulary import StopReason, TagVerdict
from cpms.common.database.prepared import Prepared
from sessions.ledger.models import ChargingSession, Flag
from sessions.ledger.services.clocks import (
    ARRIVAL,
    END_KEY_PREFIXES,
    MAX_MATCHED_DURATION,
    METER_STOP_FROM,
    OFFLINE_DELAY,
    READING,
    STOPPED_FROM,
    effective_time,
    flag_sources,
    is_derived,
    set_flag,
)
from sessions.ledger.services.predecessors import predecessor_ids
from sessions.ledger.services.review import (
    mark_without_circuit,
    may_overlap_others,
    review_overlap,
    update_billing,
    with_connector_rating,
)
from sessions.ledger.services.settling import CLOSED_BY_US, settle, settle_end
from sessions.ledger.services.unmatched import record_conflicting_end, record_unmatched_end

ClosedBy = ChargingSession.ClosedBy
MATCHED_BY, ID = "stop_matched_by", "id"  # entry of `as_reported`: a report with the right id confirmed a guessed end
RESTART_WITHIN = timedelta(seconds=2)  # in a session this short, a new start looks like a repetition of the first one
RESTART_ENERGY_WH = 300  # the most that the fastest connector delivers in that time
MAX_TAG_LENGTH, MAX_REASON_LENGTH = 255, 40
MAX_CANDIDATES = 200
PLACEHOLDER_IDS = {0, -1}  # sent by stations that never received an id (errata 3.18), or used for unreadable ids


@Prepared
def _with_id(station: Any, pk: Any, latest: Any) -> QuerySet[ChargingSession]:
    rows = with_connector_rating(ChargingSession.objects.filter(station=station, pk=pk))
    rows = rows.annotate(has_others=may_overlap_others(latest))
    return rows.order_by().select_for_update(no_key=True)


@dataclass(frozen=True, slots=True)
class StopResult:
    """The result of a reported end.

    Attributes:
        session: the session that ended; None if the report was only stored as an anomaly.
        is_new: whether the report changed anything; False if it repeats an earlier one.
        is_of_predecessor: whether the session belongs to the team that had the station before.
    """

    session: ChargingSession | None
    is_new: bool
    is_of_predecessor: bool = False


@dataclass(frozen=True, slots=True)
class _End:
    """A reported end.

    Attributes:
        station_time: by the station's clock; None if it was missing or unreadable.
        at: the time to use, see `effective_time`.
        reported_at: the station's time if it is implausible, so that `at` is the time of arrival.
        raw: the report as it was received.
        connector: None if the protocol does not report it.
        as_reported: what the station sent where it was interpreted differently, by our keys.
    """

    station: ChargingStation
    transaction_id: int
    meter_wh: int | None
    station_time: datetime | None
    at: datetime
    reported_at: datetime | None
    received_at: datetime
    reason: str
    id_tag: str
    raw: str
    connector: int | None
    as_reported: Mapping[str, str]

    def matches(self, session: ChargingSession) -> bool:
        """Return whether the session has just this end. A figure missing on either side is not a difference."""
        known = None if is_derived(session, STOPPED_FROM) else session.reported_stopped_at or session.stopped_at
        meter = None if is_derived(session, METER_STOP_FROM) else session.meter_stop_wh
        same_time = None in (known, self.station_time) or known == self.station_time
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
    """Record that a station reports the end of a session. The same report again changes nothing.

    Args:
        station: locked by the caller; only its own sessions can be changed.
        transaction_id: as the station sent it; -1 if it sent none or an invalid one.
        meter_stop_wh: None if it is missing or unreadable; the last reading is used then.
        stopped_at: by the station's clock; None if it is missing or unreadable; the time of arrival is used then.
        raw: the report as it was received, stored if it contradicts what is known.
        connector: if the report names one.
        as_reported: what the station sent where it was interpreted differently, by our keys.
    """
    at, reported_at = effective_time(stopped_at, received_at)
    end = _End(
        station=station,
        transaction_id=transaction_id,
        meter_wh=meter_stop_wh,
        station_time=stopped_at,
        at=at,
        reported_at=reported_at,
        received_at=received_at,
        reason=reason[:MAX_REASON_LENGTH],
        id_tag=id_tag[:MAX_TAG_LENGTH],
        raw=raw,
        connector=connector,
        as_reported={_end_key(key): text for key, text in (as_reported or {}).items()},
    )
    session = _with_id.first(station=station.pk, pk=transaction_id, latest=at)
    if session is not None:
        if station.circuit_id is None:
            mark_without_circuit(session)
        return StopResult(session, _end_known_session(session, end))
    for former_id in predecessor_ids(station):
        session = _with_id.first(station=former_id, pk=transaction_id, latest=at) or _already_ended(end, former_id)
        if session is not None:
            is_own = session.pk == transaction_id
            return StopResult(session, is_own and _end_known_session(session, end), is_of_predecessor=True)
    return _end_unknown_id(end)


def _end_key(key: str) -> str:
    """Prefix a key of `as_reported` so that it is recognized as one of the end, see `END_KEY_PREFIXES`."""
    return key if key.startswith(END_KEY_PREFIXES) else f"stop_{key}"


def is_guessed_match(session: ChargingSession) -> bool:
    """Return whether the end was matched by connector, tag, meter and time and not confirmed by its id since."""
    is_matched = session.start_received_at is not None and session.reported_transaction_id is not None
    return is_matched and session.as_reported.get(MATCHED_BY) != ID


def _end_known_session(session: ChargingSession, end: _End) -> bool:
    """End the session whose id the report names. Returns whether that changed the session.

    An end that we set or guessed is replaced. A second, different end is stored beside the first one, and the session
    is flagged.
    """
    if session.is_open or session.closed_by in CLOSED_BY_US:
        _apply_end(session, end)
        return True
    is_same = end.matches(session)
    if is_guessed_match(session):
        if is_same:
            session.as_reported = {**session.as_reported, MATCHED_BY: ID}
            session.save(update_fields=["as_reported"])
            return False
        _undo_guessed_end(session, end)
        return True
    if is_same:
        return False
    if _replaces_short_end(session, end):
        record_conflicting_end(session, session)
        _apply_end(session, end)
    else:
        record_conflicting_end(session, _new_session_from(end), raw=end.raw)
    session.add_flag(Flag.CONFLICTING_STOP)
    update_billing(session)
    session.save(update_fields=["flags", "has_flags", "is_billable"])
    return False


def _replaces_short_end(session: ChargingSession, end: _End) -> bool:
    """Return whether the session really continued after its first, very early end.

    When a station starts, stops and starts again within a second, its second start looks like a repetition of the
    first one. Both got the same id, and the later of the two ends has the whole energy.
    """
    if session.stopped_at is None or end.meter_wh is None or session.meter_stop_wh is None:
        return False
    if session.meter_start_wh is not None and session.meter_stop_wh - session.meter_start_wh > RESTART_ENERGY_WH:
        return False
    is_short = session.stopped_at - session.started_at <= RESTART_WITHIN
    return is_short and end.at > session.stopped_at and end.meter_wh >= session.meter_stop_wh


def _apply_end(session: ChargingSession, end: _End) -> None:
    """Set the end of the session, update its flags, energy and billing, and save it."""
    _set_end_fields(session, end)
    for flag in (Flag.SUPERSEDED, Flag.CLOSED_BY_RULE):
        set_flag(session, flag, False)
    session.power_w = 0 if session.power_w is not None else None
    if end.received_at - end.at > OFFLINE_DELAY:
        session.add_flag(Flag.OFFLINE)
    set_flag(session, Flag.NEGATIVE_DURATION, end.at < session.started_at)
    settle_end(session)
    if getattr(session, "has_others", True) or Flag.OVERLAP in session.flags:
        review_overlap(session)
    else:
        update_billing(session)
    session.save()


def _set_end_fields(session: ChargingSession, end: _End) -> None:
    session.stopped_at, session.reported_stopped_at = end.at, end.reported_at
    session.stop_received_at, session.stop_reason, session.stop_id_tag = end.received_at, end.reason, end.id_tag
    session.closed_by = ClosedBy.STATION
    of_start = {key: text for key, text in session.as_reported.items() if not key.startswith(END_KEY_PREFIXES)}
    session.as_reported = {**of_start, **end.as_reported}
    if end.station_time is None:
        session.as_reported[STOPPED_FROM] = ARRIVAL
    session.meter_stop_wh = end.meter_wh
    if end.meter_wh is None:
        session.as_reported[METER_STOP_FROM] = READING
        last = session.last_register_wh
        session.meter_stop_wh = last if last is not None else session.meter_start_wh


def _new_session_from(end: _End) -> ChargingSession:
    """Return a new, unsaved session of which only this end is known."""
    verdict = authorize_tag(station=end.station, value=end.id_tag, at=end.at)
    record_refusal(station=end.station, value=end.id_tag, verdict=verdict, at=end.at)
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
    _set_end_fields(session, end)
    flag_sources(session)
    return session


def _undo_guessed_end(session: ChargingSession, end: _End) -> None:
    """Replace a guessed end by the session's own end, which has just arrived.

    The guessed end becomes a session of its own, of which only the end is known.
    """
    assert session.stopped_at is not None  # noqa: S101 - the session has an end
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
        as_reported={key: text for key, text in session.as_reported.items() if key.startswith(END_KEY_PREFIXES)},
    )
    foreign.add_flag(Flag.RECONSTRUCTED)
    session.reported_transaction_id = None
    set_flag(session, Flag.ENERGY_MISMATCH, False)
    _apply_end(session, end)
    foreign.save()
    _move_readings(session, foreign)
    record_unmatched_end(session, foreign)


def _move_readings(session: ChargingSession, foreign: ChargingSession) -> None:
    """Move the readings that named the foreign transaction id to the session of that end, and settle both."""
    number = foreign.reported_transaction_id
    moved_readings = session.readings.filter(reported_transaction_id=number) if number not in PLACEHOLDER_IDS else None
    values = list(moved_readings.values_list("values", flat=True)) if moved_readings is not None else []
    if moved_readings is not None and values:
        moved_readings.update(session=foreign)
        moved = sum(len(each) for each in values)
        session.sample_count, foreign.sample_count = max(0, session.sample_count - moved), moved
        settle(session)
        review_overlap(session)
        session.save()
    settle(foreign)
    update_billing(foreign)
    foreign.save()


def _end_unknown_id(end: _End) -> StopResult:
    """Handle an end whose id belongs to no session of this station.

    It repeats an earlier report, or it is matched with a session, or it is stored as a session of which only the end
    is known.
    """
    repeated = _already_ended(end, end.station.pk)
    if end.transaction_id in PLACEHOLDER_IDS and (repeated is None or end.station_time is None):
        session = _match_session(end)
        if session is not None and not (repeated is not None and repeated.pk == session.pk):
            session.reported_transaction_id = end.transaction_id
            _apply_end(session, end)
            return StopResult(session, True)
    if repeated is not None:
        return StopResult(repeated, False)
    session = _new_session_from(end)
    update_billing(session)
    session.save()
    return StopResult(session, True)


def _already_ended(end: _End, station_id: int) -> ChargingSession | None:
    """Return the session that this same report with a foreign id has already ended, if any.

    Without a time or a meter value it is compared with the latest end that lacked the same.
    """
    station_time = Coalesce("reported_stopped_at", "stopped_at")
    rows = ChargingSession.objects.alias(station_time=station_time).filter(
        station=station_id, reported_transaction_id=end.transaction_id
    )
    if end.station_time is not None:
        rows = rows.filter(station_time=end.station_time)
    if end.meter_wh is not None:
        rows = rows.filter(meter_stop_wh=end.meter_wh)
    if end.station_time is not None and end.meter_wh is not None:
        return rows.first()
    found = rows.order_by("-stop_received_at", "-pk").first()
    if found is None or (end.station_time is None) != is_derived(found, STOPPED_FROM):
        return None
    return found if (end.meter_wh is None) == is_derived(found, METER_STOP_FROM) else None


def _match_session(end: _End) -> ChargingSession | None:
    """Return the only session that an end without an id can belong to (OCPP 1.6 errata 3.18), or None.

    Open sessions come first, then sessions that we closed if they were the latest on their connector. If several are
    possible, the tag and the reason of the end decide.
    """
    candidates = ChargingSession.objects.filter(
        Q(stopped_at=None) | Q(started_at__gte=end.at - MAX_MATCHED_DURATION),
        station=end.station,
        started_at__lte=end.at,
    )
    latest: dict[int, ChargingSession] = {}
    matching = []
    for session in candidates.order_by("-started_at", "-pk")[:MAX_CANDIDATES]:
        number = session.connector_number
        is_latest = number == 0 or number not in latest
        latest.setdefault(number, session)
        if session.is_open or (is_latest and session.closed_by in CLOSED_BY_US):
            matching.append(session)
    matching = [session for session in matching if _is_compatible(session, end)]
    matching = [session for session in matching if session.is_open] or matching
    if len(matching) > 1 and end.id_tag:
        matching = [session for session in matching if session.id_tag.upper() == end.id_tag.upper()]
    if len(matching) > 1 and end.reason == StopReason.DEAUTHORIZED:
        matching = [session for session in matching if session.authorization != TagVerdict.ACCEPTED]
    if len(matching) != 1:
        return None
    return ChargingSession.objects.select_for_update(no_key=True).filter(pk=matching[0].pk).first()


def _is_compatible(session: ChargingSession, end: _End) -> bool:
    """Return whether neither the connector nor the meter value rules out that the end belongs to this session."""
    if end.connector and session.connector_number not in (0, end.connector):
        return False
    return None in (session.meter_start_wh, end.meter_wh) or session.meter_start_wh <= end.meter_wh  # type: ignore[operator]
