"""Store meter readings once, even if they are repeated, and update the figures of their sessions.

Only the drain of the inbox calls this, with one worker per station at a time. Readings may arrive late: they are
matched with their session by transaction id, or by connector and time.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from django.db.models import Q

from cpms.common.database.batches import insert_new_rows
from sessions.ledger.models import ChargingSession
from sessions.ledger.services.ends import PLACEHOLDER_IDS
from sessions.samples.models import MeterReading
from sessions.samples.services.matching import (
    Batch,
    Candidate,
    Reading,
    Sampled,
    distinct,
    find_sessions,
    first_end_after,
    owner_of,
    with_reported_ids,
)
from sessions.samples.services.meter import Figures, read_figures
from sessions.samples.services.summing import json_text, update_sessions

MAX_ADOPTED = 30_000  # one reading every ten seconds for three days

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
    """Store readings and update their sessions. Repeated readings change nothing.

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
            named = report.transaction_id if report.transaction_id not in (*PLACEHOLDER_IDS, owner[0]) else None
            values = distinct(report.values)
            batch.readings[owner, at] = Reading(values, unknown_id=named, received_at=report.received_at)
        else:
            known.values = distinct([*known.values, *report.values])
    return _store_and_update(batch)


def _store_and_update(batch: Batch) -> set[int]:
    for reading in batch.readings.values():
        reading.figures, reading.fresh = read_figures(reading.values), len(reading.values)
    _store(batch)
    return update_sessions(batch)


def adopt_readings(stopped: Iterable[tuple[int, int]]) -> set[int]:
    """Assign readings with an unknown transaction id to the session of which only an end with this id was reported.

    Args:
        stopped: station id and transaction id of reported ends.

    Returns:
        primary keys of the sessions that received readings.
    """
    named = {(station_id, number) for station_id, number in stopped if number not in PLACEHOLDER_IDS}
    if not named:
        return set()
    stations, ids = {station_id for station_id, _number in named}, {number for _station, number in named}
    ends: dict[tuple[int, int | None], list[Candidate]] = defaultdict(list)
    for row in with_reported_ids(ids=ids, stations=stations):
        session = Candidate(*row)
        ends[session.station_id, session.reported_transaction_id].append(session)
    if not ends:
        return set()
    unassigned = MeterReading.objects.filter(
        session__isnull=True, reported_transaction_id__in=ids, station_id__in=stations
    ).order_by("-at", "-pk")
    by_session: dict[Candidate, list[MeterReading]] = defaultdict(list)
    for reading in unassigned[:MAX_ADOPTED]:
        end = first_end_after(ends[reading.station_id, reading.reported_transaction_id], reading.at)
        if end is not None:
            by_session[end].append(reading)
    batch = Batch()
    for session, readings in by_session.items():
        _adopt(session, readings, batch)
    return _store_and_update(batch) if by_session else set()


def _adopt(session: Candidate, readings: Sequence[MeterReading], batch: Batch) -> None:
    """Add the readings to the batch as the session's, and delete their old rows.

    The session may already have a reading of the same instant, so that the rows cannot simply be updated.
    """
    connectors = {reading.connector_number for reading in readings}
    number = session.connector_number or (connectors.pop() if len(connectors) == 1 else 0)
    if number != session.connector_number:  # the report of an end does not name the connector
        ChargingSession.objects.filter(pk=session.pk, connector_number=0).update(connector_number=number)
    owner = (session.pk, session.station_id, number)
    for reading in sorted(readings, key=lambda each: each.pk):
        known = batch.readings.get((owner, reading.at))
        values = [*known.values, *reading.values] if known else reading.values
        batch.readings[owner, reading.at] = Reading(distinct(values), unknown_id=reading.reported_transaction_id)
    MeterReading.objects.filter(pk__in=[reading.pk for reading in readings]).delete()


def _store(batch: Batch) -> None:
    """Insert new readings; add new values to readings of instants that are already stored."""
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
    """Merge repeated readings into the stored ones, and count only values that were not stored before."""
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
