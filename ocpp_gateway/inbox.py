"""The durable inbox: the frames of all sockets of this process are committed together, then all are answered.

While one batch is being committed the next one gathers, so a batch is as large as the load asks for and a lone message
waits for nobody. Nothing is acknowledged before its commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.conf import settings
from django.db import connection, transaction

from chargers.models import ChargingStation
from cpms.common.database import DatabaseThreads, StorageFailure, array, server_side_cursor
from maintenance.services import Deviated, count_deviations

logger = logging.getLogger(__name__)
MOST_AT_ONCE = 1000
EVERY_SECONDS = 0.006  # a commit costs much the same for one message as for a dozen

Link = tuple[int, int]  # station id, epoch


@dataclass(frozen=True, slots=True)
class Row:
    """A call with the answer it gets; one with an error code is only logged.

    Attributes:
        deviations: the rules it broke, whether it was refused (then there is an error code) or read all the same.
    """

    station_id: int
    epoch: int
    protocol: str
    received_at: datetime
    action: str
    message_id: str
    payload: str
    answer: str
    error_code: str = ""
    deviations: tuple[str, ...] = ()

    @property
    def is_deviating(self) -> bool:
        return bool(self.deviations)


def shard_of(station_id: int) -> int:
    return station_id % settings.INBOX_SHARDS


_POSTGRESQL = """
WITH given AS (
    SELECT * FROM unnest(%s::bigint[], %s::bigint[], %s::varchar[], %s::timestamptz[], %s::varchar[], %s::varchar[],
                         %s::text[], %s::text[], %s::varchar[], %s::boolean[])
        WITH ORDINALITY AS g(station_id, epoch, protocol, received_at, action, message_id, payload, answer, error_code,
                             is_deviating, place)
), valid AS (
    SELECT given.* FROM given
    JOIN chargers_chargingstation station ON station.id = given.station_id AND station.epoch = given.epoch
    ORDER BY place
), stored AS (
    INSERT INTO maintenance_message
        (station_id, received_at, direction, action, message_id, payload, answer, error_code, epoch, protocol,
         is_deviating)
    SELECT station_id, received_at, 'in', action, message_id, payload, answer, error_code, epoch, protocol,
           is_deviating
    FROM valid
    RETURNING id, station_id, received_at, error_code, epoch, protocol, is_deviating
), waiting AS (
    INSERT INTO maintenance_inboxentry (message_id, station_id, shard, protocol, received_at, error, is_deviating)
    SELECT id, station_id, mod(station_id, %s), protocol, received_at, '', is_deviating
    FROM stored WHERE error_code = ''
)
SELECT DISTINCT station_id, epoch FROM stored
"""


def store_rows(rows: Sequence[Row]) -> set[Link]:
    """Commit a batch. Returns the links whose rows were stored: one whose epoch is not the newest is left out."""
    store = _store_postgresql if connection.vendor == "postgresql" else _store_anywhere
    deviating = [row for row in rows if row.deviations]
    if not deviating:
        return store(rows)
    with transaction.atomic():
        stored = store(rows)
        count_deviations(
            Deviated(row.station_id, row.action, row.error_code, rule, row.received_at)
            for row in deviating
            if (row.station_id, row.epoch) in stored
            for rule in row.deviations
        )
    return stored


def _store_postgresql(rows: Sequence[Row]) -> set[Link]:
    columns = [
        array(getattr(row, name) for row in rows)
        for name in ("station_id", "epoch", "protocol", "received_at", "action", "message_id", "payload", "answer",
                     "error_code", "is_deviating")
    ]  # fmt: skip
    with server_side_cursor() as cursor:
        cursor.execute(_POSTGRESQL, [*columns, settings.INBOX_SHARDS], prepare=True)
        return {(station_id, epoch) for station_id, epoch in cursor.fetchall()}


def _store_anywhere(rows: Sequence[Row]) -> set[Link]:
    with transaction.atomic(), connection.cursor() as cursor:
        epochs = dict(
            ChargingStation.objects.filter(pk__in={row.station_id for row in rows}).values_list("pk", "epoch")
        )
        stored = set()
        for row in rows:
            if epochs.get(row.station_id) != row.epoch:
                continue
            stored.add((row.station_id, row.epoch))
            at = connection.ops.adapt_datetimefield_value(row.received_at)
            cursor.execute(
                "INSERT INTO maintenance_message (station_id, received_at, direction, action, message_id, payload, "
                "answer, error_code, epoch, protocol, is_deviating) "
                "VALUES (%s, %s, 'in', %s, %s, %s, %s, %s, %s, %s, %s) RETURNING id",
                [
                    row.station_id,
                    at,
                    row.action,
                    row.message_id,
                    row.payload,
                    row.answer,
                    row.error_code,
                    row.epoch,
                    row.protocol,
                    row.is_deviating,
                ],
            )
            (message_id,) = cursor.fetchone()
            if not row.error_code:
                cursor.execute(
                    "INSERT INTO maintenance_inboxentry (message_id, station_id, shard, protocol, received_at, error, "
                    "is_deviating) VALUES (%s, %s, %s, %s, %s, '', %s)",
                    [message_id, row.station_id, shard_of(row.station_id), row.protocol, at, row.is_deviating],
                )
    return stored


class Inbox:
    """Gathers rows of all sockets and commits them in batches."""

    def __init__(self, threads: DatabaseThreads, wake_drain: Callable[[set[int]], None]) -> None:
        self._threads, self._wake_drain = threads, wake_drain
        self._waiting: list[tuple[Row, asyncio.Future[bool]]] = []
        self._something = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="inbox")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def put(self, row: Row) -> bool:
        """Wait until a row is durable. False when its link is not the station's newest any more.

        Raises:
            StorageFailure: it could not be stored; the message must not be answered.
        """
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((row, done))
        self._something.set()
        return await done

    async def _run(self) -> None:
        rested = 0.0
        while True:
            await self._something.wait()
            if (rest := rested + EVERY_SECONDS - time.monotonic()) > 0:
                await asyncio.sleep(rest)
            rested = time.monotonic()
            batch, self._waiting = self._waiting[:MOST_AT_ONCE], self._waiting[MOST_AT_ONCE:]
            if not self._waiting:
                self._something.clear()
            await self._commit(batch)

    async def _commit(self, batch: list[tuple[Row, asyncio.Future[bool]]]) -> None:
        try:
            stored = await self._threads.run(settings.OCPP_STORAGE_SECONDS, store_rows, [row for row, _done in batch])
        except StorageFailure as error:
            logger.warning("a batch was not stored", extra={"messages": len(batch), "cause": str(error)[:200]})
            _fail(batch, error)
            return
        except Exception as error:
            if len(batch) == 1:
                logger.exception("a message cannot be stored", extra={"station_id": batch[0][0].station_id})
                _fail(batch, error)
                return
            for each in batch:  # find the one that spoils it for the others
                await self._commit([each])
            return
        for row, done in batch:
            if not done.done():
                done.set_result((row.station_id, row.epoch) in stored)
        self._wake_drain({shard_of(station_id) for station_id, _epoch in stored})


def _fail(batch: list[tuple[Row, asyncio.Future[bool]]], error: Exception) -> None:
    for _row, done in batch:
        if not done.done():
            done.set_exception(error)
