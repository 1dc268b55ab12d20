"""Record the starts of sessions that stations report.

Stations repeat, reorder and delay their reports. The content of a report is its key: the same content again returns
the same session and changes nothing. The caller has locked the station's row, so the reports of one station are
handled one after another, whichever process receives them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Coalesce, Upper

from chargers.models import ChargingStation
from chargers.stations.services.statuses import ensure_connectors
from chargers.tags.services.authorization import Verdict, authorize_tag
from chargers.tags.services.refusals import record_refusal
from chargers.vocabulary import TagVerdict
from cpms.common.database.prepared import Prepared
from sessions.ledger.models import ChargingSession, Flag
from sessions.ledger.services.busy import is_charging_elsewhere
from sessions.ledger.services.clocks import (
    ARRIVAL,
    MAX_MATCHED_DURATION,
    METER_START_FROM,
    OFFLINE_DELAY,
    READING,
    STARTED_FROM,
    effective_time,
    flag_sources,
    set_flag,
)
from sessions.ledger.services.closing import close_without_report
from sessions.ledger.services.predecessors import predecessor_ids
from sessions.ledger.services.review import review_overlap, update_billing
from sessions.ledger.services.settling import settle_end

ClosedBy = ChargingSession.ClosedBy
NO_ENTRIES: Mapping[str, str] = {}
MAX_TAG_LENGTH = 255
MIN_REGISTER_WH = -(2**62)

_Sessions = QuerySet[ChargingSession]


def _starts() -> _Sessions:
    time = Coalesce("reported_started_at", "started_at")
    reported = ChargingSession.objects.filter(start_received_at__isnull=False)
    return reported.alias(reported_time=time).select_related("tag")


@Prepared
def _same_start(station: Any, connector: Any, id_tag: Any, station_time: Any, meter_start_wh: Any) -> _Sessions:
    key = {"id_tag": id_tag, "reported_time": station_time, "meter_start_wh": meter_start_wh}
    return _starts().filter(station=station, connector_number=connector, **key).order_by()


@Prepared
def _open_at(station: Any, connector: Any) -> _Sessions:
    rows = ChargingSession.objects.open().filter(station=station, connector_number=connector)
    return rows.order_by("pk").select_for_update(no_key=True)


@Prepared
def _ends_without_start(
    station: Any, upper_tag: Any, started_at: Any, latest_end: Any, meter_start_wh: Any
) -> _Sessions:
    rows = ChargingSession.objects.alias(upper_tag=Upper("stop_id_tag")).filter(
        Q(stop_id_tag="") | Q(upper_tag=upper_tag),
        station=station,
        start_received_at__isnull=True,
        stopped_at__gte=started_at,
        stopped_at__lte=latest_end,
        meter_stop_wh__gte=meter_start_wh,
    )
    return rows.order_by("stopped_at").select_for_update(no_key=True)[:2]


@dataclass(frozen=True, slots=True)
class StartResult:
    """The result of a reported start.

    Attributes:
        verdict: whether the tag was accepted.
        is_new: False if the report repeats an earlier one.
        is_of_predecessor: whether the session belongs to the team that had the station before.
    """

    session: ChargingSession
    verdict: Verdict
    is_new: bool
    is_of_predecessor: bool = False


@dataclass(frozen=True, slots=True)
class _Start:
    station: ChargingStation
    connector: int
    id_tag: str
    meter_wh: int | None
    station_time: datetime | None
    received_at: datetime

    @property
    def at(self) -> datetime:
        return effective_time(self.station_time, self.received_at)[0]

    @property
    def is_late(self) -> bool:
        return self.received_at - self.at > OFFLINE_DELAY


def start_session(
    *,
    station: ChargingStation,
    connector: int,
    id_tag: str,
    meter_start_wh: int | None,
    started_at: datetime | None,
    received_at: datetime,
    as_reported: Mapping[str, str] = NO_ENTRIES,
) -> StartResult:
    """Record that a station reports the start of a session.

    The session is always stored; with a tag that is not accepted it cannot be billed.

    Args:
        station: locked by the caller.
        connector: number of the connector; 0 if the station does not say which one.
        meter_start_wh: None if it is missing or unreadable; the first reading is used then.
        started_at: by the station's clock; None if it is missing or unreadable; the time of arrival is used then.
        as_reported: what the station sent where it was interpreted differently, by our keys.
    """
    start = _Start(station, connector, id_tag[:MAX_TAG_LENGTH], meter_start_wh, started_at, received_at)
    if (same := _find_repeated(start, station.pk)) is not None:
        return StartResult(same, Verdict(same.authorization, same.tag), False)
    for former_id in predecessor_ids(station):
        if start.station_time is not None and (same := _find_repeated(start, former_id)) is not None:
            return StartResult(same, Verdict(same.authorization, same.tag), False, is_of_predecessor=True)
    if connector > 0:
        ensure_connectors([(station.pk, connector)])
    # The tag must be valid at the time of the session, or now if the station's clock runs ahead of ours.
    verdict = authorize_tag(station=station, value=start.id_tag, at=min(start.at, received_at))
    record_refusal(station=station, value=start.id_tag, verdict=verdict, at=start.at)
    closed_at = _close_open_sessions(start)
    if _is_concurrent(start, verdict):
        verdict = Verdict(TagVerdict.CONCURRENT, verdict.tag)
    session = _find_end_without_start(start) or ChargingSession(station=station, team_id=station.team_id)
    session.tag, session.authorization = verdict.tag, verdict.status
    session.as_reported = {**session.as_reported, **as_reported}
    _set_start_fields(session, start, closed_at)
    session.save()
    return StartResult(session, verdict, True)


def _is_concurrent(start: _Start, verdict: Verdict) -> bool:
    tag = verdict.tag
    if not verdict.is_accepted or start.is_late or tag is None or tag.allows_concurrent:
        return False
    return is_charging_elsewhere(tag, start.station)


def _set_start_fields(session: ChargingSession, start: _Start, closed_at: datetime | None) -> None:
    """Set the start of the session, and update its flags, energy and billing; the caller saves it.

    Args:
        closed_at: the start of the next session on the connector, if this one is already over.
    """
    session.connector_number, session.id_tag = start.connector, start.id_tag
    session.started_at, session.reported_started_at = effective_time(start.station_time, start.received_at)
    session.start_received_at, session.meter_start_wh = start.received_at, start.meter_wh
    if start.station_time is None:
        session.as_reported[STARTED_FROM] = ARRIVAL
    if start.meter_wh is None:
        session.as_reported[METER_START_FROM] = READING
    if session.last_register_wh is None:
        session.last_register_wh = start.meter_wh
    set_flag(session, Flag.UNAUTHORISED, session.authorization != TagVerdict.ACCEPTED)
    if start.is_late:
        session.add_flag(Flag.OFFLINE)
    set_flag(session, Flag.NEGATIVE_REGISTER, start.meter_wh is not None and start.meter_wh < 0)
    if session.stopped_at is not None:  # its end arrived first
        set_flag(session, Flag.RECONSTRUCTED, False)
        set_flag(session, Flag.NEGATIVE_DURATION, session.stopped_at < session.started_at)
        settle_end(session)
        review_overlap(session)
        return
    if closed_at is not None:  # a newer session is already open on the connector
        session.stopped_at, session.meter_stop_wh, session.closed_by = closed_at, start.meter_wh, ClosedBy.SUPERSEDED
        session.add_flag(Flag.SUPERSEDED)
    flag_sources(session)
    update_billing(session)


def _find_repeated(start: _Start, station_id: int) -> ChargingSession | None:
    """Return the session that this same report has already started, if any.

    Without a time or a meter value it is compared with sessions whose start lacked the same.
    """
    if start.station_time is not None and start.meter_wh is not None:
        return _same_start.first(
            station=station_id,
            connector=start.connector,
            id_tag=start.id_tag,
            station_time=start.station_time,
            meter_start_wh=start.meter_wh,
        )
    here: Any = _starts().filter(station=station_id, connector_number=start.connector)
    if start.station_time is not None:
        same = here.filter(id_tag=start.id_tag, reported_time=start.station_time).order_by("-pk")
        return next((row for row in same if METER_START_FROM in row.as_reported), None)
    newest: ChargingSession | None = here.order_by("-pk").first()
    if newest is None or newest.id_tag != start.id_tag or STARTED_FROM not in newest.as_reported:
        return None
    if start.meter_wh is not None:
        is_same = newest.meter_start_wh == start.meter_wh and METER_START_FROM not in newest.as_reported
    else:
        is_same = newest.is_open and METER_START_FROM in newest.as_reported
    return newest if is_same else None


def _close_open_sessions(start: _Start) -> datetime | None:
    """Close the sessions still open on the connector: it has one at a time, so they ended before this one started.

    Returns:
        None if the new session is the latest on the connector, else the time at which the next one started.
    """
    for session in _open_at(station=start.station.pk, connector=start.connector):
        if session.started_at <= start.at or _is_later_by_meter(start, session):
            last = session.last_sample_at or max(start.at, session.started_at)
            ends_at = min(last, start.at) if session.started_at <= start.at else last
            close_without_report(session, ClosedBy.SUPERSEDED, at=ends_at)
        elif start.connector > 0:
            return _next_start_after(start)
    return None


def _is_later_by_meter(start: _Start, session: ChargingSession) -> bool:
    """Return whether the start is the later one although its time is earlier: the station's clock was set back.

    That is the case if the meter of the open session rose, and the new start is not below its last reading.
    """
    first, last = session.meter_start_wh, session.last_register_wh
    return None not in (start.meter_wh, first, last) and first < last <= start.meter_wh  # type: ignore[operator]


def _next_start_after(start: _Start) -> datetime:
    later = ChargingSession.objects.filter(
        station=start.station, connector_number=start.connector, started_at__gt=start.at
    )
    found: datetime = later.order_by("started_at").values_list("started_at", flat=True)[0]
    return found


def _find_end_without_start(start: _Start) -> ChargingSession | None:
    """Return the session that was created from this start's end, which arrived first.

    Returns None unless exactly one such session is possible and no other session started in between.
    """
    rows = _ends_without_start(
        station=start.station.pk,
        upper_tag=start.id_tag.upper(),
        started_at=start.at,
        latest_end=start.at + MAX_MATCHED_DURATION,
        meter_start_wh=start.meter_wh if start.meter_wh is not None else MIN_REGISTER_WH,
    )
    if len(rows) != 1:
        return None
    between = ChargingSession.objects.filter(
        station=start.station,
        start_received_at__isnull=False,
        started_at__gt=start.at,
        started_at__lt=rows[0].stopped_at,
    )
    return None if between.exists() else rows[0]
