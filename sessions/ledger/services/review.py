"""Whether a session can be billed: what its connector can deliver, and whom it overlaps.

One place decides. A flag that no longer holds after late data is removed again.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from chargers.models import ChargingStation, Circuit, Connector
from chargers.vocabulary import TagVerdict
from cpms.common.database.prepared import Prepared, among
from sessions.ledger.models import FLAGS_THAT_STOP_BILLING, ChargingSession, Flag
from sessions.ledger.services.clocks import LONGEST, set_flag
from sessions.ledger.services.registers import RATING_SLACK, SLACK_SECONDS

ClosedBy = ChargingSession.ClosedBy
UNKNOWN_RATING_W = 500_000  # no connector delivers more
VOLTS = 230
SLACK_WH = 100
OVERLAP_SLACK = timedelta(seconds=5)
MAX_OTHERS = 50
STOP_BILLING = frozenset(flag.value for flag in FLAGS_THAT_STOP_BILLING)


def with_connector_rating(sessions: QuerySet[ChargingSession]) -> QuerySet[ChargingSession]:
    """Add the rating of their connectors only; `rating_of` asks for the circuit where there is none."""
    connector = Connector.objects.filter(station=OuterRef("station_id"), number=OuterRef("connector_number"))
    return sessions.annotate(connector_w=Subquery(connector.order_by().values("max_power_w")[:1]))


@Prepared
def _rated_connectors(stations: Any) -> Any:
    rows = Connector.objects.filter(among("station_id", stations), max_power_w__isnull=False).order_by()
    return rows.values_list("station_id", "number", "max_power_w")


@Prepared
def _fused_stations(stations: Any) -> Any:
    rows = ChargingStation.objects.filter(among("id", stations), circuit__isnull=False).order_by()
    return rows.values_list("pk", "circuit__max_current_a", "circuit__phases")


def attach_ratings(sessions: Sequence[ChargingSession]) -> None:
    """Find out at once what the connectors of many sessions can deliver, for `rating_of`.

    Few connectors have a rating and few stations a circuit, so this is quicker than a join for each session.
    """
    stations = {session.station_id for session in sessions}
    if not stations:
        return
    rated = {(station, number): watts for station, number, watts in _rated_connectors(stations=stations)}
    fused = {station: facts for station, *facts in _fused_stations(stations=stations)}
    for each in sessions:
        facts: Any = each
        facts.connector_w = rated.get((each.station_id, each.connector_number))
        facts.fuse_a, facts.fuse_phases = fused.get(each.station_id, (None, None))


def rating_of(session: ChargingSession) -> int:
    """What the session's connector can deliver at most, in W: its rating, else its circuit's, else what none has."""
    facts: Any = session
    known: int | None = facts.__dict__.get("rated_w")
    if known is None:
        known = facts.rated_w = _rating(facts)
    return known


def _rating(facts: Any) -> int:
    if not hasattr(facts, "connector_w"):
        rows = Connector.objects.filter(station=facts.station_id, number=facts.connector_number)
        facts.connector_w = rows.values_list("max_power_w", flat=True).first()
    if facts.connector_w:
        return int(facts.connector_w)
    if not hasattr(facts, "fuse_a"):
        circuit = Circuit.objects.filter(stations=facts.station_id).values_list("max_current_a", "phases")
        facts.fuse_a, facts.fuse_phases = circuit.first() or (None, None)
    return int(facts.fuse_a * facts.fuse_phases * VOLTS) if facts.fuse_a else UNKNOWN_RATING_W


def without_circuit(session: ChargingSession) -> None:
    """Its station has none, so `rating_of` need not look for it."""
    facts: Any = session
    facts.fuse_a = facts.fuse_phases = None


def most_power_of(session: ChargingSession) -> float:
    """A figure above this is not shown as the session's power."""
    return rating_of(session) * RATING_SLACK


def judge(session: ChargingSession, *, overlaps: bool | None = None) -> None:
    """Decide whether the session can be billed; the caller saves `flags`, `has_flags` and `is_billable`.

    Args:
        overlaps: whether it overlaps another one on its connector; None leaves that as it is.
    """
    is_too_much = _has_too_much_energy(session)
    if is_too_much or session.flags:
        set_flag(session, Flag.TOO_MUCH_ENERGY, is_too_much)
    if overlaps is not None:
        set_flag(session, Flag.OVERLAP, overlaps)
    session.has_flags = bool(session.flags)
    session.is_billable = (
        session.authorization == TagVerdict.ACCEPTED
        and session.start_received_at is not None
        and not STOP_BILLING.intersection(session.flags)
    )


def _has_too_much_energy(session: ChargingSession) -> bool:
    """Only where it is known how long it took."""
    end = session.stopped_at or session.last_sample_at
    if session.energy_wh <= SLACK_WH or end is None or end < session.started_at or session.start_received_at is None:
        return False
    if Flag.CLOCK in session.flags:
        return False
    seconds = (end - session.started_at).total_seconds() + SLACK_SECONDS
    average_w = (session.energy_wh - SLACK_WH) * 3600 / seconds
    if session.max_power_w is not None and average_w <= session.max_power_w:  # which the connector can deliver
        return False
    return average_w > rating_of(session) * RATING_SLACK


def others_at_the_same_time(latest: Any) -> Exists:
    """For sessions that end at a time: whether there are others on their connector that may overlap them."""
    others = ChargingSession.objects.filter(
        Q(stopped_at=None) | Q(stopped_at__gt=OuterRef("started_at")),
        station=OuterRef("station_id"),
        connector_number=OuterRef("connector_number"),
        connector_number__gt=0,
        started_at__lt=latest,
        started_at__gt=OuterRef("started_at") - LONGEST,
        start_received_at__isnull=False,
        reported_started_at=None,
    )
    return Exists(others.exclude(pk=OuterRef("pk")))


def _known_end(session: ChargingSession) -> datetime:
    """Until when it is known to have lasted: an end that nobody reported is a guess."""
    if session.stopped_at is None:
        return timezone.now()
    if session.closed_by == ClosedBy.STATION:
        return session.stopped_at
    return session.last_sample_at or session.started_at


def _has_times(session: ChargingSession) -> bool:
    told = session.start_received_at is not None and session.connector_number > 0
    return told and Flag.CLOCK not in session.flags and Flag.TIME_MISSING not in session.flags


def _overlapping(session: ChargingSession, *, besides: int = 0) -> list[ChargingSession]:
    if not _has_times(session):
        return []
    begin, end = session.started_at, _known_end(session)
    rows = (
        ChargingSession.objects.filter(
            Q(stopped_at=None) | Q(stopped_at__gt=begin),
            station=session.station_id,
            connector_number=session.connector_number,
            started_at__lt=end - OVERLAP_SLACK,
            started_at__gt=begin - LONGEST,
        )
        .exclude(pk__in=[session.pk, besides])
        .order_by("pk")[:MAX_OTHERS]
    )
    return [
        row
        for row in rows
        if _has_times(row) and min(end, _known_end(row)) - max(begin, row.started_at) > OVERLAP_SLACK
    ]


def review_overlap(session: ChargingSession) -> None:
    """Judge the session and those that it overlaps, or overlapped until now; the caller saves the session itself."""
    did_overlap = Flag.OVERLAP in session.flags
    others = _overlapping(session)
    judge(session, overlaps=bool(others))
    for other in others:
        if Flag.OVERLAP not in other.flags:
            _set_overlap(other, True)
    if did_overlap:
        for other in _flagged_neighbours(session, {each.pk for each in others}):
            if not _overlapping(other, besides=session.pk):
                _set_overlap(other, False)


def _flagged_neighbours(session: ChargingSession, known: set[int]) -> list[ChargingSession]:
    rows = ChargingSession.objects.filter(
        station=session.station_id,
        connector_number=session.connector_number,
        has_flags=True,
        started_at__range=(session.started_at - LONGEST, session.started_at + LONGEST),
    ).exclude(pk__in=[session.pk, *known])
    return [row for row in rows.order_by("pk") if Flag.OVERLAP in row.flags]


def _set_overlap(session: ChargingSession, overlaps: bool) -> None:
    judge(session, overlaps=overlaps)
    session.save(update_fields=["flags", "has_flags", "is_billable"])
