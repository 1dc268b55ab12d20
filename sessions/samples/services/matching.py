"""Find the session that a meter reading belongs to: by transaction id, or else by connector and time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from cpms.common.database.prepared import Prepared, among
from sessions.ledger.models import ChargingSession
from sessions.ledger.services.clocks import MAX_MATCHED_DURATION, is_implausible_time
from sessions.ledger.services.ends import PLACEHOLDER_IDS
from sessions.samples.services.meter import Figures, Value

LAST_READING_DELAY = timedelta(minutes=1)  # the last reading of a session may be later than its end by this much

Owner = tuple[int | None, int, int]  # session id, station id, connector number

CANDIDATE_FIELDS = (
    "pk",
    "station_id",
    "connector_number",
    "started_at",
    "stopped_at",
    "reported_transaction_id",
    "reported_started_at",
)


@dataclass(frozen=True, slots=True)
class Sampled:
    """The values that a station sampled at one instant on one connector.

    Attributes:
        transaction_id: as the station sent it; None if it sent none.
        at: by the station's clock.
        values: as they were sent: value and, if given, measurand, unit, phase, context, location, format.
        received_at: when the message arrived; None if unknown.
    """

    station_id: int
    connector: int
    transaction_id: int | None
    at: datetime
    values: Sequence[Value]
    received_at: datetime | None = None

    @property
    def seen_at(self) -> datetime:
        """When the values were sampled: the time of arrival if the station's time is implausible."""
        if self.received_at is not None and is_implausible_time(self.at, self.received_at):
            return self.received_at
        return self.at


@dataclass(slots=True)
class Reading:
    """A meter reading that is about to be stored.

    Attributes:
        fresh: how many of the values were not stored before.
        unknown_id: the transaction id that the station sent, unless it is the session's own.
    """

    values: list[Value]
    figures: Figures = field(default_factory=Figures)
    fresh: int = 0
    unknown_id: int | None = None
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """The fields of a session that decide which readings belong to it."""

    pk: int
    station_id: int
    connector_number: int
    started_at: datetime
    stopped_at: datetime | None
    reported_transaction_id: int | None
    reported_started_at: datetime | None

    def time_of(self, report: Sampled) -> datetime:
        """Return the time of a reading, corrected if the clock is still as wrong as it was at the session's start."""
        if self.reported_started_at is None:
            return report.at
        ahead = self.reported_started_at - self.started_at
        if abs(ahead) > timedelta(days=1):  # decided without the time of arrival, so that repeated readings stay equal
            is_still_wrong = abs(report.at - self.reported_started_at) < abs(report.at - self.started_at)
        else:
            is_still_wrong = report.seen_at != report.at
        return report.at - ahead if is_still_wrong else report.at


# Candidates are read without a lock, so that starts and ends need not wait until a whole batch of readings is stored.


@Prepared
def _with_ids(ids: Any, stations: Any) -> Any:
    rows = ChargingSession.objects.filter(among("id", ids), among("station_id", stations))
    return rows.order_by().values_list(*CANDIDATE_FIELDS)


@Prepared
def _around(stations: Any, first: Any, last: Any) -> Any:
    is_then = Q(stopped_at__isnull=True) | Q(stopped_at__gte=first)
    rows = ChargingSession.objects.filter(is_then, among("station_id", stations), started_at__lte=last)
    return rows.order_by().values_list(*CANDIDATE_FIELDS)


@Prepared
def with_reported_ids(ids: Any, stations: Any) -> Any:
    rows = ChargingSession.objects.filter(
        among("reported_transaction_id", ids), among("station_id", stations), reported_transaction_id__isnull=False
    )
    return rows.order_by().values_list(*CANDIDATE_FIELDS)


@dataclass(slots=True)
class Batch:
    """Readings that are stored together, and the sessions that they may belong to."""

    sessions: dict[int, Candidate] = field(default_factory=dict)
    readings: dict[tuple[Owner, datetime], Reading] = field(default_factory=dict)

    def add_candidates(self, found: Iterable[tuple[Any, ...]]) -> None:
        self.sessions.update({row[0]: Candidate(*row) for row in found})


def distinct(values: Iterable[Value]) -> list[Value]:
    """Return the values without duplicates; two values are the same if all of their fields are."""
    return list({tuple(sorted(value.items())): value for value in values}.values())


def find_sessions(reports: Sequence[Sampled], batch: Batch) -> None:
    """Add the sessions that the reports may belong to to the batch."""
    ids = {r.transaction_id for r in reports if r.transaction_id is not None}
    stations = {r.station_id for r in reports}
    if ids:
        batch.add_candidates(_with_ids(ids=ids, stations=stations))
    unassigned = [r for r in reports if not has_known_session(r, batch)]
    if unassigned:
        times = [r.seen_at for r in unassigned]
        first, last = min(times), max(times)
        batch.add_candidates(_around(stations={r.station_id for r in unassigned}, first=first, last=last))
    named = {r.transaction_id for r in unassigned if r.transaction_id is not None}
    if named:
        batch.add_candidates(with_reported_ids(ids=named, stations=stations))


def has_known_session(report: Sampled, batch: Batch) -> bool:
    session = batch.sessions.get(report.transaction_id) if report.transaction_id is not None else None
    return session is not None and session.station_id == report.station_id


def owner_of(report: Sampled, batch: Batch) -> Owner:
    """Return the session that a report belongs to.

    It is found by its transaction id; without an id (or with 0 or -1) by connector and time. A report with an unknown
    id belongs to no session until the end with this id arrives.
    """
    no_session: Owner = (None, report.station_id, report.connector)
    if has_known_session(report, batch):
        return (report.transaction_id, report.station_id, report.connector)
    candidates = [s for s in batch.sessions.values() if s.station_id == report.station_id]
    if report.transaction_id is not None and report.transaction_id not in PLACEHOLDER_IDS:
        named = first_end_after(
            [s for s in candidates if s.reported_transaction_id == report.transaction_id], report.at
        )
        return (named.pk, report.station_id, report.connector) if named is not None else no_session
    if report.connector == 0 and report.transaction_id is not None:
        return (_ended_without_id(report, candidates), report.station_id, report.connector)
    during = [
        s
        for s in candidates
        if s.connector_number == report.connector
        and s.started_at <= report.seen_at
        and (s.stopped_at is None or report.seen_at <= s.stopped_at)
    ]
    return (during[0].pk, report.station_id, report.connector) if len(during) == 1 else no_session


def first_end_after(ends: Sequence[Candidate], at: datetime) -> Candidate | None:
    """Return the first end after a reading. Stations use ids again, so several ends may have named the same id."""
    possible = [
        (end.stopped_at, end.pk, end)
        for end in ends
        if end.stopped_at is not None
        and end.stopped_at - MAX_MATCHED_DURATION <= at <= end.stopped_at + LAST_READING_DELAY
    ]
    return min(possible)[2] if possible else None


def _ended_without_id(report: Sampled, candidates: Sequence[Candidate]) -> int | None:
    """Return the first session that ended with this id after a reading that came inside the report of an end."""
    ends = [
        (s.stopped_at, s.pk)
        for s in candidates
        if s.reported_transaction_id == report.transaction_id and s.stopped_at and report.at <= s.stopped_at
    ]
    return min(ends)[1] if ends else None
