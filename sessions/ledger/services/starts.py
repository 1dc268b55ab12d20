"""The ledger: how a session begins.

A station repeats, reorders and delays what it reports. The content of a report is its key: the same
content again gives the same answer and changes nothing. The caller has locked the station's row, so the reports of
one station are handled one after another, whatever process they come in by.
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
from chargers.vocabulary import TagVerdict
from cpms.common.database.prepared import Prepared
from sessions.ledger.models import ChargingSession, Flag
from sessions.ledger.services.busy import is_charging_elsewhere
from sessions.ledger.services.clocks import (
    ARRIVAL,
    LATE,
    LONGEST,
    METER_START_FROM,
    READING,
    STARTED_FROM,
    flag_sources,
    set_flag,
    time_that_counts,
)
from sessions.ledger.services.closing import close_without_report
from sessions.ledger.services.predecessors import rows_before
from sessions.ledger.services.review import judge, review_overlap
from sessions.ledger.services.settling import settle_end

ClosedBy = ChargingSession.ClosedBy
NOTHING: Mapping[str, str] = {}
MAX_TAG_LENGTH = 255
LOWEST = -(2**62)

_Sessions = QuerySet[ChargingSession]


def _starts() -> _Sessions:
    told = Coalesce("reported_started_at", "started_at")
    return ChargingSession.objects.alias(told=told).filter(start_received_at__isnull=False).select_related("tag")


@Prepared
def _same_start(station: Any, connector: Any, id_tag: Any, told: Any, meter_start_wh: Any) -> _Sessions:
    same = {"connector_number": connector, "id_tag": id_tag, "told": told, "meter_start_wh": meter_start_wh}
    return _starts().filter(station=station, **same).order_by()


@Prepared
def _open_at(station: Any, connector: Any) -> _Sessions:
    fitting = ChargingSession.objects.open().filter(station=station, connector_number=connector)
    return fitting.order_by("pk").select_for_update(no_key=True)


@Prepared
def _ends_without_start(
    station: Any, upper_tag: Any, started_at: Any, latest_end: Any, meter_start_wh: Any
) -> _Sessions:
    fitting = ChargingSession.objects.alias(upper_tag=Upper("stop_id_tag")).filter(
        Q(stop_id_tag="") | Q(upper_tag=upper_tag),
        station=station,
        start_received_at__isnull=True,
        stopped_at__gte=started_at,
        stopped_at__lte=latest_end,
        meter_stop_wh__gte=meter_start_wh,
    )
    return fitting.order_by("stopped_at").select_for_update(no_key=True)[:2]


@dataclass(frozen=True, slots=True)
class StartResult:
    """`is_of_predecessor`: the session is one of the team that had the station before."""

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
    told: datetime | None
    received_at: datetime

    @property
    def at(self) -> datetime:
        return time_that_counts(self.told, self.received_at)[0]

    @property
    def is_late(self) -> bool:
        return self.received_at - self.at > LATE


def start_session(
    *,
    station: ChargingStation,
    connector: int,
    id_tag: str,
    meter_start_wh: int | None,
    started_at: datetime | None,
    received_at: datetime,
    as_reported: Mapping[str, str] = NOTHING,
) -> StartResult:
    """A station reports that a session began. It is always stored; a refused tag makes it not billable.

    Args:
        station: locked by the caller.
        meter_start_wh: None where it is missing or cannot be read; the first reading stands for it then.
        started_at: by the station's clock; None where it is missing or cannot be read.
        as_reported: what the station said where it was read differently, by our names.
    """
    start = _Start(station, connector, id_tag[:MAX_TAG_LENGTH], meter_start_wh, started_at, received_at)
    if (same := _repeated(start, station.pk)) is not None:
        return StartResult(same, Verdict(same.authorization, same.tag), False)
    for before in rows_before(station):
        if start.told is not None and (same := _repeated(start, before)) is not None:
            return StartResult(same, Verdict(same.authorization, same.tag), False, is_of_predecessor=True)
    if connector > 0:
        ensure_connectors([(station.pk, connector)])
    # A tag is judged by the time of the session, unless the station's clock runs ahead of ours.
    verdict = authorize_tag(station=station, value=start.id_tag, at=min(start.at, received_at))
    closed_at = _make_room(start)
    if _is_concurrent(start, verdict):
        verdict = Verdict(TagVerdict.CONCURRENT, verdict.tag)
    session = _reported_end_without_start(start) or ChargingSession(station=station, team_id=station.team_id)
    session.tag, session.authorization = verdict.tag, verdict.status
    session.as_reported = {**session.as_reported, **as_reported}
    _fill(session, start, closed_at)
    session.save()
    return StartResult(session, verdict, True)


def _is_concurrent(start: _Start, verdict: Verdict) -> bool:
    tag = verdict.tag
    if not verdict.is_accepted or start.is_late or tag is None or tag.allows_concurrent:
        return False
    return is_charging_elsewhere(tag, start.station)


def _fill(session: ChargingSession, start: _Start, closed_at: datetime | None) -> None:
    """Write down what the start says, and what follows from it."""
    session.connector_number, session.id_tag = start.connector, start.id_tag
    session.started_at, session.reported_started_at = time_that_counts(start.told, start.received_at)
    session.start_received_at, session.meter_start_wh = start.received_at, start.meter_wh
    if start.told is None:
        session.as_reported[STARTED_FROM] = ARRIVAL
    if start.meter_wh is None:
        session.as_reported[METER_START_FROM] = READING
    if session.last_register_wh is None:
        session.last_register_wh = start.meter_wh
    set_flag(session, Flag.UNAUTHORISED, session.authorization != TagVerdict.ACCEPTED)
    if start.is_late:
        session.add_flag(Flag.OFFLINE)
    set_flag(session, Flag.NEGATIVE_REGISTER, start.meter_wh is not None and start.meter_wh < 0)
    if session.stopped_at is not None:  # its end came first
        set_flag(session, Flag.RECONSTRUCTED, False)
        set_flag(session, Flag.NEGATIVE_DURATION, session.stopped_at < session.started_at)
        settle_end(session)
        review_overlap(session)
        return
    if closed_at is not None:  # an older one than that which runs there
        session.stopped_at, session.meter_stop_wh, session.closed_by = closed_at, start.meter_wh, ClosedBy.SUPERSEDED
        session.add_flag(Flag.SUPERSEDED)
    flag_sources(session)
    judge(session)


def _repeated(start: _Start, station_id: int) -> ChargingSession | None:
    """The session that this start began already."""
    if start.told is not None and start.meter_wh is not None:
        return _same_start.first(
            station=station_id,
            connector=start.connector,
            id_tag=start.id_tag,
            told=start.told,
            meter_start_wh=start.meter_wh,
        )
    here: Any = _starts().filter(station=station_id, connector_number=start.connector)
    if start.told is not None:
        same = here.filter(id_tag=start.id_tag, told=start.told).order_by("-pk")
        return next((row for row in same if METER_START_FROM in row.as_reported), None)
    newest: ChargingSession | None = here.order_by("-pk").first()
    if newest is None or newest.id_tag != start.id_tag or STARTED_FROM not in newest.as_reported:
        return None
    if start.meter_wh is not None:
        is_same = newest.meter_start_wh == start.meter_wh and METER_START_FROM not in newest.as_reported
    else:
        is_same = newest.is_open and METER_START_FROM in newest.as_reported
    return newest if is_same else None


def _make_room(start: _Start) -> datetime | None:
    """A connector has one session at a time: what is still open there ended before the next began.

    Returns:
        None where the new session is the latest one; else when the next one after it began.
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
    """Its time is earlier, but the meter went on since: the station's clock was set back."""
    begin, last = session.meter_start_wh, session.last_register_wh
    return None not in (start.meter_wh, begin, last) and begin < last <= start.meter_wh  # type: ignore[operator]


def _next_start_after(start: _Start) -> datetime:
    later = ChargingSession.objects.filter(
        station=start.station, connector_number=start.connector, started_at__gt=start.at
    )
    found: datetime = later.order_by("started_at").values_list("started_at", flat=True)[0]
    return found


def _reported_end_without_start(start: _Start) -> ChargingSession | None:
    """The one session of which only the end is known and that this start fits; None when none or several do."""
    rows = _ends_without_start(
        station=start.station.pk,
        upper_tag=start.id_tag.upper(),
        started_at=start.at,
        latest_end=start.at + LONGEST,
        meter_start_wh=start.meter_wh if start.meter_wh is not None else LOWEST,
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
