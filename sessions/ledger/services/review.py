"""Decide whether a session can be billed: its energy must be plausible and it must not overlap another session.

This is the only place that sets `is_billable`. Flags that late data disproves are removed again.
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
from sessions.ledger.services.clocks import MAX_MATCHED_DURATION, set_flag
from sessions.ledger.services.registers import RATING_SLACK, SLACK_SECONDS

ClosedBy = ChargingSession.ClosedBy
UNKNOWN_RATING_W = 500_000  # used where no rating is known: no connector delivers more
VOLTS = 230
SLACK_WH = 100
OVERLAP_SLACK = timedelta(seconds=5)
MAX_OTHERS = 50
STOP_BILLING = frozenset(flag.value for flag in FLAGS_THAT_STOP_BILLING)


def with_connector_rating(sessions: QuerySet[ChargingSession]) -> QuerySet[ChargingSession]:
    """Annotate sessions with the rating of their connector; where that is None, `rating_of` queries the circuit."""
    connector = Connector.objects.filter(station=OuterRef("station_id"), number=OuterRef("connector_number"))
    return sessions.annotate(connector_w=Subquery(connector.order_by().values("max_power_w")[:1]))


@Prepared
def _rated_connectors(stations: Any) -> Any:
    rows = Connector.objects.filter(among("station_id", stations), max_power_w__isnull=False).order_by()
    return rows.values_list("station_id", "number", "max_power_w")


@Prepared
def _stations_with_circuit(stations: Any) -> Any:
    rows = ChargingStation.objects.filter(among("id", stations), circuit__isnull=False).order_by()
    return rows.values_list("pk", "circuit__max_current_a", "circuit__phases")


def attach_ratings(sessions: Sequence[ChargingSession]) -> None:
    """Load the connector ratings and circuits of many sessions with two queries, for `rating_of`.

    Few connectors have a rating and few stations a circuit, so this is faster than joining both to every session.
    """
    stations = {session.station_id for session in sessions}
    if not stations:
        return
    rated = {(station, number): watts for station, number, watts in _rated_connectors(stations=stations)}
    circuits = {station: circuit for station, *circuit in _stations_with_circuit(stations=stations)}
    for session in sessions:
        row: Any = session
        row.connector_w = rated.get((session.station_id, session.connector_number))
        row.circuit_a, row.circuit_phases = circuits.get(session.station_id, (None, None))


def rating_of(session: ChargingSession) -> int:
    """Return the highest power that the session's connector can deliver, in W.

    That is the rating of the connector, else that of the station's circuit, else `UNKNOWN_RATING_W`. The result is
    stored on the instance, so that it is queried once.
    """
    row: Any = session
    known: int | None = row.__dict__.get("rated_w")
    if known is None:
        known = row.rated_w = _load_rating(row)
    return known


def _load_rating(session: Any) -> int:
    if not hasattr(session, "connector_w"):
        rows = Connector.objects.filter(station=session.station_id, number=session.connector_number)
        session.connector_w = rows.values_list("max_power_w", flat=True).first()
    if session.connector_w:
        return int(session.connector_w)
    if not hasattr(session, "circuit_a"):
        circuit = Circuit.objects.filter(stations=session.station_id).values_list("max_current_a", "phases")
        session.circuit_a, session.circuit_phases = circuit.first() or (None, None)
    return int(session.circuit_a * session.circuit_phases * VOLTS) if session.circuit_a else UNKNOWN_RATING_W


def mark_without_circuit(session: ChargingSession) -> None:
    """Record on the instance that its station has no circuit, which saves `rating_of` a query."""
    row: Any = session
    row.circuit_a = row.circuit_phases = None


def max_plausible_power_w(session: ChargingSession) -> float:
    """Return the highest power in W that is believed; a higher figure is not shown as the session's power."""
    return rating_of(session) * RATING_SLACK


def update_billing(session: ChargingSession, *, overlaps: bool | None = None) -> None:
    """Update the flags about energy and overlap and decide whether the session can be billed.

    The caller saves `flags`, `has_flags` and `is_billable`.

    Args:
        overlaps: whether the session overlaps another one on its connector; None leaves that flag as it is.
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
    """Return whether the average power is more than the connector can deliver; False if the duration is unknown."""
    end = session.stopped_at or session.last_sample_at
    if session.energy_wh <= SLACK_WH or end is None or end < session.started_at or session.start_received_at is None:
        return False
    if Flag.CLOCK in session.flags:
        return False
    seconds = (end - session.started_at).total_seconds() + SLACK_SECONDS
    average_w = (session.energy_wh - SLACK_WH) * 3600 / seconds
    if session.max_power_w is not None and average_w <= session.max_power_w:  # that was checked against the rating
        return False
    return average_w > rating_of(session) * RATING_SLACK


def may_overlap_others(latest: Any) -> Exists:
    """Return the condition that other sessions on the same connector may overlap a session that ends at this time."""
    others = ChargingSession.objects.filter(
        Q(stopped_at=None) | Q(stopped_at__gt=OuterRef("started_at")),
        station=OuterRef("station_id"),
        connector_number=OuterRef("connector_number"),
        connector_number__gt=0,
        started_at__lt=latest,
        started_at__gt=OuterRef("started_at") - MAX_MATCHED_DURATION,
        start_received_at__isnull=False,
        reported_started_at=None,
    )
    return Exists(others.exclude(pk=OuterRef("pk")))


def _known_end(session: ChargingSession) -> datetime:
    """Return the time until which the session certainly lasted: for an end that we set, its last reading."""
    if session.stopped_at is None:
        return timezone.now()
    if session.closed_by == ClosedBy.STATION:
        return session.stopped_at
    return session.last_sample_at or session.started_at


def _has_reliable_times(session: ChargingSession) -> bool:
    """Return whether the session's times are reliable enough to compare them with other sessions."""
    is_reported = session.start_received_at is not None and session.connector_number > 0
    return is_reported and Flag.CLOCK not in session.flags and Flag.TIME_MISSING not in session.flags


def _overlapping(session: ChargingSession, *, except_pk: int = 0) -> list[ChargingSession]:
    if not _has_reliable_times(session):
        return []
    start, end = session.started_at, _known_end(session)
    rows = (
        ChargingSession.objects.filter(
            Q(stopped_at=None) | Q(stopped_at__gt=start),
            station=session.station_id,
            connector_number=session.connector_number,
            started_at__lt=end - OVERLAP_SLACK,
            started_at__gt=start - MAX_MATCHED_DURATION,
        )
        .exclude(pk__in=[session.pk, except_pk])
        .order_by("pk")[:MAX_OTHERS]
    )
    return [
        row
        for row in rows
        if _has_reliable_times(row) and min(end, _known_end(row)) - max(start, row.started_at) > OVERLAP_SLACK
    ]


def review_overlap(session: ChargingSession) -> None:
    """Update overlap and billing of the session and of those that it overlaps, or overlapped until now.

    The other sessions are saved here; the caller saves the session itself.
    """
    did_overlap = Flag.OVERLAP in session.flags
    others = _overlapping(session)
    update_billing(session, overlaps=bool(others))
    for other in others:
        if Flag.OVERLAP not in other.flags:
            _set_overlap(other, True)
    if did_overlap:
        for other in _flagged_neighbours(session, {each.pk for each in others}):
            if not _overlapping(other, except_pk=session.pk):
                _set_overlap(other, False)


def _flagged_neighbours(session: ChargingSession, known: set[int]) -> list[ChargingSession]:
    rows = ChargingSession.objects.filter(
        station=session.station_id,
        connector_number=session.connector_number,
        has_flags=True,
        started_at__range=(session.started_at - MAX_MATCHED_DURATION, session.started_at + MAX_MATCHED_DURATION),
    ).exclude(pk__in=[session.pk, *known])
    return [row for row in rows.order_by("pk") if Flag.OVERLAP in row.flags]


def _set_overlap(session: ChargingSession, overlaps: bool) -> None:
    update_billing(session, overlaps=overlaps)
    session.save(update_fields=["flags", "has_flags", "is_billable"])
