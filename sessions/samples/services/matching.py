"""Whose readings they are: by transaction id, or by connector and time."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Q

from cpms.common.database.prepared import Prepared, among
from sessions.ledger.models import ChargingSession
from sessions.ledger.services.clocks import LONGEST, is_absurd
from sessions.ledger.services.ends import CENTRAL
from sessions.samples.services.meter import Figures, Value

LAST_READING = timedelta(minutes=1)  # may be that much later than the end it belongs to


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
    """The values a station sampled at one instant on one connector.

    Attributes:
        transaction_id: as the station said it; None where it said none.
        at: by the station's clock.
        values: each as it was sent: value, and where given measurand, unit, phase, context, location, format.
        received_at: when the message arrived; None where that is not known.
    """

    station_id: int
    connector: int
    transaction_id: int | None
    at: datetime
    values: Sequence[Value]
    received_at: datetime | None = None

    @property
    def seen_at(self) -> datetime:
        """When it was read, as far as can be told: a clock that cannot be right gives way to the time of arrival."""
        if self.received_at is not None and is_absurd(self.at, self.received_at):
            return self.received_at
        return self.at


@dataclass(slots=True)
class Reading:
    values: list[Value]
    figures: Figures = field(default_factory=Figures)
    fresh: int = 0  # how many of the values were not known before
    unknown_id: int | None = None  # the transaction id it named where that is not the session's own
    received_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """What must be known of a session to give it its readings."""

    pk: int
    station_id: int
    connector_number: int
    started_at: datetime
    stopped_at: datetime | None
    reported_transaction_id: int | None
    reported_started_at: datetime | None

    def time_of(self, report: Sampled) -> datetime:
        """A clock that was wrong when the session began, and still is: its times count from the session's start."""
        if self.reported_started_at is None:
            return report.at
        ahead = self.reported_started_at - self.started_at
        if abs(ahead) > timedelta(days=1):  # the same whenever it arrives: what is repeated is the same reading
            is_still_wrong = abs(report.at - self.reported_started_at) < abs(report.at - self.started_at)
        else:
            is_still_wrong = report.seen_at != report.at
        return report.at - ahead if is_still_wrong else report.at


# Candidates are read without a lock: a start or an end must not wait until a whole batch of readings is stored.


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
def reported(ids: Any, stations: Any) -> Any:
    rows = ChargingSession.objects.filter(
        among("reported_transaction_id", ids), among("station_id", stations), reported_transaction_id__isnull=False
    )
    return rows.order_by().values_list(*CANDIDATE_FIELDS)


@dataclass(slots=True)
class Batch:
    sessions: dict[int, Candidate] = field(default_factory=dict)
    readings: dict[tuple[Owner, datetime], Reading] = field(default_factory=dict)

    def take(self, found: Iterable[tuple[Any, ...]]) -> None:
        self.sessions.update({row[0]: Candidate(*row) for row in found})


def distinct(values: Iterable[Value]) -> list[Value]:
    """Natural key of a sampled value at one instant: all it says."""
    return list({tuple(sorted(value.items())): value for value in values}.values())


def find_sessions(reports: Sequence[Sampled], batch: Batch) -> None:
    ids = {r.transaction_id for r in reports if r.transaction_id is not None}
    stations = {r.station_id for r in reports}
    if ids:
        batch.take(_with_ids(ids=ids, stations=stations))
    loose = [r for r in reports if not is_named(r, batch)]
    if loose:
        times = [r.seen_at for r in loose]
        first, last = min(times), max(times)
        batch.take(_around(stations={r.station_id for r in loose}, first=first, last=last))
    named = {r.transaction_id for r in loose if r.transaction_id is not None}
    if named:
        batch.take(reported(ids=named, stations=stations))


def is_named(report: Sampled, batch: Batch) -> bool:
    session = batch.sessions.get(report.transaction_id) if report.transaction_id is not None else None
    return session is not None and session.station_id == report.station_id


def owner_of(report: Sampled, batch: Batch) -> Owner:
    """The session by its id; without one (or with 0, -1) by connector and time. An unknown id touches no session."""
    nobody: Owner = (None, report.station_id, report.connector)
    if is_named(report, batch):
        return (report.transaction_id, report.station_id, report.connector)
    candidates = [s for s in batch.sessions.values() if s.station_id == report.station_id]
    if report.transaction_id is not None and report.transaction_id not in CENTRAL:
        named = first_end([s for s in candidates if s.reported_transaction_id == report.transaction_id], report.at)
        return (named.pk, report.station_id, report.connector) if named is not None else nobody
    if report.connector == 0 and report.transaction_id is not None:
        return (_ended_without_id(report, candidates), report.station_id, report.connector)
    during = [
        s
        for s in candidates
        if s.connector_number == report.connector
        and s.started_at <= report.seen_at
        and (s.stopped_at is None or report.seen_at <= s.stopped_at)
    ]
    return (during[0].pk, report.station_id, report.connector) if len(during) == 1 else nobody


def first_end(ends: Sequence[Candidate], at: datetime) -> Candidate | None:
    """A station may use a number again: what it read belongs to the first end with that number after it."""
    fitting = [
        (end.stopped_at, end.pk, end)
        for end in ends
        if end.stopped_at is not None and end.stopped_at - LONGEST <= at <= end.stopped_at + LAST_READING
    ]
    return min(fitting)[2] if fitting else None


def _ended_without_id(report: Sampled, candidates: Sequence[Candidate]) -> int | None:
    """Values inside the report of an end belong to what it ended: the first end with that id after them."""
    ends = [
        (s.stopped_at, s.pk)
        for s in candidates
        if s.reported_transaction_id == report.transaction_id and s.stopped_at and report.at <= s.stopped_at
    ]
    return min(ends)[1] if ends else None
