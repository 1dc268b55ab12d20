"""Readings of meters: stored once whatever is repeated, and summed up on their session.

Only the drain of the inbox calls this, one worker per station at a time; a reading that comes in late finds its
session by transaction id, or by connector and time, and still counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db.models import Q

from cpms.common.database.batches import insert_new_rows
from sessions.ledger.models import ChargingSession
from sessions.ledger.services.ends import CENTRAL
from sessions.samples.models import MeterReading
from sessions.samples.services.matching import (
    Batch,
    Candidate,
    Reading,
    Sampled,
    distinct,
    find_sessions,
    first_end,
    owner_of,
    reported,
)
from sessions.samples.services.meter import Figures, read_figures
from sessions.samples.services.summing import json_text, sum_up

MAX_ADOPTED = 30_000  # readings of three days, one every ten seconds

READING_COLUMNS = {
    "session_id": "bigint",
    "station_id": "bigint",
    "connector_number": "int",
    "at": "timestamptz",
    "values": "jsonb",
    "energy_wh": "bigint",
    "power_w": "int",
    "offered_w": "int",
    "current_ma": "jsonb",
    "state_of_charge": "numeric",
    "reported_transaction_id": "bigint",
}


def record_samples(reports: Sequence[Sampled]) -> set[int]:
    """Store readings and bring their sessions up to date. The same readings again change nothing.

    Returns:
        primary keys of the sessions that changed.
    """
    batch = Batch()
    find_sessions(reports, batch)
    for report in reports:
        owner, at = owner_of(report, batch), report.at
        if owner[0] is not None:
            session = batch.sessions[owner[0]]
            owner, at = (owner[0], report.station_id, session.connector_number), session.time_of(report)
        known = batch.readings.get((owner, at))
        if known is None:
            named = report.transaction_id if report.transaction_id not in (*CENTRAL, owner[0]) else None
            values = distinct(report.values)
            batch.readings[owner, at] = Reading(values, unknown_id=named, received_at=report.received_at)
        else:
            known.values = distinct([*known.values, *report.values])
    return _book(batch)


def _book(batch: Batch) -> set[int]:
    for reading in batch.readings.values():
        reading.figures, reading.fresh = read_figures(reading.values), len(reading.values)
    _store(batch)
    return sum_up(batch)


def adopt_readings(stopped: Iterable[tuple[int, int]]) -> set[int]:
    """Give sessions of which only the end was reported the readings that came before it and named the same id.

    Args:
        stopped: station id and transaction id of ends that were reported.

    Returns:
        primary keys of the sessions that got any.
    """
    named = {(station_id, number) for station_id, number in stopped if number not in CENTRAL}
    if not named:
        return set()
    stations, ids = {station_id for station_id, _number in named}, {number for _station, number in named}
    ends: dict[tuple[int, int | None], list[Candidate]] = defaultdict(list)
    for row in reported(ids=ids, stations=stations):
        session = Candidate(*row)
        ends[session.station_id, session.reported_transaction_id].append(session)
    if not ends:
        return set()
    loose = MeterReading.objects.filter(
        session__isnull=True, reported_transaction_id__in=ids, station_id__in=stations
    ).order_by("-at", "-pk")
    theirs: dict[Candidate, list[MeterReading]] = defaultdict(list)
    for reading in loose[:MAX_ADOPTED]:
        end = first_end(ends[reading.station_id, reading.reported_transaction_id], reading.at)
        if end is not None:
            theirs[end].append(reading)
    batch = Batch()
    for session, readings in theirs.items():
        _adopt(session, readings, batch)
    return _book(batch) if theirs else set()


def _adopt(session: Candidate, readings: Sequence[MeterReading], batch: Batch) -> None:
    """They are stored anew as the session's, which may know some of these instants already."""
    connectors = {reading.connector_number for reading in readings}
    number = session.connector_number or (connectors.pop() if len(connectors) == 1 else 0)
    if number != session.connector_number:  # an end does not say where it was
        ChargingSession.objects.filter(pk=session.pk, connector_number=0).update(connector_number=number)
    owner = (session.pk, session.station_id, number)
    for reading in sorted(readings, key=lambda each: each.pk):
        known = batch.readings.get((owner, reading.at))
        values = [*known.values, *reading.values] if known else reading.values
        batch.readings[owner, reading.at] = Reading(distinct(values), unknown_id=reading.reported_transaction_id)
    MeterReading.objects.filter(pk__in=[reading.pk for reading in readings]).delete()


def _store(batch: Batch) -> None:
    """Insert what is new; where the instant is known already, add the values it did not have."""
    rows = [
        (*owner, at, json_text(reading.values), *_figure_columns(reading.figures), reading.unknown_id)
        for (owner, at), reading in batch.readings.items()
    ]
    fresh = insert_new_rows(
        "charging_sessions_meterreading",
        {f'"{name}"' if name in ("values", "at") else name: kind for name, kind in READING_COLUMNS.items()},
        rows,
        ["id"],
    )
    if len(fresh) == len(rows):
        return
    _merge_known(batch, {pk for (pk,) in fresh})


def _figure_columns(figures: Figures) -> tuple[object, ...]:
    return (
        figures.energy_wh,
        figures.power_w,
        figures.offered_w,
        json_text(figures.current_ma) if figures.current_ma else None,
        figures.state_of_charge,
    )


def _merge_known(batch: Batch, fresh: set[int]) -> None:
    """Repeated readings: count only values that were not stored before."""
    by_session = {(owner[0], at): r for (owner, at), r in batch.readings.items() if owner[0] is not None}
    by_connector = {(owner[1:], at): r for (owner, at), r in batch.readings.items() if owner[0] is None}
    times = {at for _owner, at in batch.readings}
    stored = MeterReading.objects.filter(at__in=times).filter(
        Q(session_id__in={key for key, _at in by_session})
        | Q(session__isnull=True, station_id__in={key[0] for key, _at in by_connector})
    )
    for row in stored:
        if row.pk in fresh:
            continue
        if row.session_id is not None:
            reading = by_session.get((row.session_id, row.at))
        else:
            reading = by_connector.get(((row.station_id, row.connector_number), row.at))
        if reading is None:
            continue
        merged = distinct([*row.values, *reading.values])
        reading.fresh = len(merged) - len(row.values)
        reading.values, reading.figures = merged, read_figures(merged)
        if reading.fresh:
            figures = reading.figures
            row.values, row.energy_wh, row.power_w = merged, figures.energy_wh, figures.power_w
            row.offered_w, row.current_ma = figures.offered_w, figures.current_ma or None
            row.state_of_charge = figures.state_of_charge
            row.save()
