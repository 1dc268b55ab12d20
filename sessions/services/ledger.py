"""The ledger: how a session begins and ends.

A station repeats, reorders and delays what it reports. The content of a report is its key (trust rule 4): the same
content again gives the same answer and changes nothing. The caller has locked the station's row, so the reports of
one station are handled one after another, whatever process they come in by.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.db.models.functions import Upper

from chargers.models import ChargingStation
from chargers.services import Verdict, authorize_tag, ensure_connectors
from chargers.services.tags import ACCEPTED, CONCURRENT
from cpms.common.prepared import Prepared
from sessions.models import ChargingSession, Flag

LATE = timedelta(minutes=2)  # a report older than this when it arrives was recorded while the station was offline
CLOCK_SLACK = timedelta(minutes=5)
LONGEST = timedelta(hours=72)  # a session that lasts longer is not matched by guessing
CENTRAL = {0, -1}  # transaction ids of stations that never learnt theirs (errata 3.18)
ClosedBy = ChargingSession.ClosedBy


_Sessions = QuerySet[ChargingSession]


@Prepared
def _same_start(station: Any, connector: Any, id_tag: Any, started_at: Any, meter_start_wh: Any) -> _Sessions:
    return (
        ChargingSession.objects.filter(
            station=station,
            connector_number=connector,
            id_tag=id_tag,
            started_at=started_at,
            meter_start_wh=meter_start_wh,
            start_received_at__isnull=False,
        )
        .select_related("tag")
        .order_by()
    )


@Prepared
def _open_at(station: Any, connector: Any, started_at: Any) -> _Sessions:
    fitting = ChargingSession.objects.open().filter(station=station, connector_number=connector)
    return fitting.filter(started_at__lte=started_at).order_by("pk").select_for_update(no_key=True)


@Prepared
def _open_with(tag: Any) -> _Sessions:
    return ChargingSession.objects.open().filter(tag=tag).order_by()[:1]


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
    session: ChargingSession
    verdict: Verdict
    is_new: bool


def start_session(
    *,
    station: ChargingStation,
    connector: int,
    id_tag: str,
    meter_start_wh: int,
    started_at: datetime,
    received_at: datetime,
) -> StartResult:
    """A station reports that a session began. It is always stored (P24); a refused tag makes it not billable (B2).

    Args:
        station: locked by the caller.
        started_at: by the station's clock.
    """
    session = _same_start.first(
        station=station.pk, connector=connector, id_tag=id_tag, started_at=started_at, meter_start_wh=meter_start_wh
    )
    if session is not None:
        return StartResult(session, Verdict(session.authorization, session.tag), False)
    if connector > 0:
        ensure_connectors([(station.pk, connector)])
    verdict = authorize_tag(station=station, value=id_tag, at=_judged_at(started_at, received_at))
    is_late = received_at - started_at > LATE
    _supersede_open_sessions(station, connector, started_at)
    if verdict.is_accepted and not is_late and _is_charging_elsewhere(verdict):
        verdict = Verdict(CONCURRENT, verdict.tag)
    session = _reported_end_without_start(station, id_tag, meter_start_wh, started_at) or ChargingSession(
        station=station, team_id=station.team_id
    )
    session.connector_number, session.id_tag, session.tag = connector, id_tag, verdict.tag
    session.authorization, session.is_billable = verdict.status, verdict.status == ACCEPTED
    session.started_at, session.start_received_at = started_at, received_at
    session.meter_start_wh = meter_start_wh
    if session.last_register_wh is None:
        session.last_register_wh = meter_start_wh
    _flag_start(session, is_late)
    if session.meter_stop_wh is not None:
        session.flags = [flag for flag in session.flags if flag != Flag.RECONSTRUCTED]
        book_energy(session)
    session.save()
    return StartResult(session, verdict, True)


def _judged_at(started_at: datetime, received_at: datetime) -> datetime:
    """A tag is judged by the time of the session, unless the station's clock runs ahead of ours."""
    return min(started_at, received_at)


def _flag_start(session: ChargingSession, is_late: bool) -> None:
    assert session.start_received_at is not None  # noqa: S101 - set by the caller
    if session.authorization != ACCEPTED:
        session.add_flag(Flag.UNAUTHORISED)
    if is_late:
        session.add_flag(Flag.OFFLINE)
    if session.started_at - session.start_received_at > CLOCK_SLACK or session.started_at.year < 2015:
        session.add_flag(Flag.CLOCK)


def _is_charging_elsewhere(verdict: Verdict) -> bool:
    tag = verdict.tag
    if tag is None or tag.allows_concurrent:
        return False
    return bool(_open_with(tag=tag.pk))


def _supersede_open_sessions(station: ChargingStation, connector: int, started_at: datetime) -> None:
    """A connector has one session at a time: what was still open there ended before the next began."""
    for session in _open_at(station=station.pk, connector=connector, started_at=started_at):
        close_without_report(session, ClosedBy.SUPERSEDED, at=session.last_sample_at or started_at)


def close_without_report(session: ChargingSession, closed_by: str, *, at: datetime) -> None:
    """Close a session whose end nobody reported, with its last known register; a late report still wins."""
    session.stopped_at = max(at, session.started_at)
    session.meter_stop_wh = session.last_register_wh if session.last_register_wh is not None else session.meter_start_wh
    session.closed_by = closed_by
    session.power_w = 0 if session.power_w is not None else None
    session.add_flag(Flag.SUPERSEDED if closed_by == ClosedBy.SUPERSEDED else Flag.CLOSED_BY_RULE)
    book_energy(session)
    session.save()


def _reported_end_without_start(
    station: ChargingStation, id_tag: str, meter_start_wh: int, started_at: datetime
) -> ChargingSession | None:
    """The one session of which only the end is known and that this start fits; None when none or several do."""
    rows = _ends_without_start(
        station=station.pk,
        upper_tag=id_tag.upper(),
        started_at=started_at,
        latest_end=started_at + LONGEST,
        meter_start_wh=meter_start_wh,
    )
    if len(rows) != 1:
        return None
    between = ChargingSession.objects.filter(
        station=station, start_received_at__isnull=False, started_at__gt=started_at, started_at__lt=rows[0].stopped_at
    )
    return None if between.exists() else rows[0]


def book_energy(session: ChargingSession) -> None:
    """Energy = end - start of the meter, never negative (P38); a meter that went backwards is summed by its readings
    later, when they are in."""
    if session.meter_start_wh is None or session.meter_stop_wh is None:
        session.energy_wh = 0
        return
    difference = session.meter_stop_wh - session.meter_start_wh
    if difference < 0:
        session.add_flag(Flag.METER_RESET)
        difference = 0
    session.energy_wh = difference
