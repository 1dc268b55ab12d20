"""The durable inbox: the frames of all sockets of this process are committed together, then all are answered.

While one batch is being committed the next one gathers, so a batch is as large as the load asks for and a lone message
waits for nobody. Nothing is acknowledged before its commit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable

from django.conf import settings

from cpms.common.database.threads import DatabaseThreads, StorageFailure
from maintenance.messages.services.log import LoggedCall, shard_of, store_calls

logger = logging.getLogger(__name__)
MAX_AT_ONCE = 1000
EVERY_SECONDS = 0.006  # a commit costs much the same for one message as for a dozen


class Inbox:
    """Gathers the calls of all sockets and commits them in batches."""

    def __init__(self, threads: DatabaseThreads, wake_drain: Callable[[set[int]], None]) -> None:
        self._threads, self._wake_drain = threads, wake_drain
        self._waiting: list[tuple[LoggedCall, asyncio.Future[bool]]] = []
        self._something = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="inbox")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def put(self, call: LoggedCall) -> bool:
        """Wait until a call is durable. False when its link is not the station's newest any more.

        Raises:
            StorageFailure: it could not be stored; the message must not be answered.
        """
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((call, done))
        self._something.set()
        return await done

    async def _run(self) -> None:
        rested = 0.0
        while True:
            await self._something.wait()
            if (rest := rested + EVERY_SECONDS - time.monotonic()) > 0:
                await asyncio.sleep(rest)
            rested = time.monotonic()
            batch, self._waiting = self._waiting[:MAX_AT_ONCE], self._waiting[MAX_AT_ONCE:]
            if not self._waiting:
                self._something.clear()
            await self._commit(batch)

    async def _commit(self, batch: list[tuple[LoggedCall, asyncio.Future[bool]]]) -> None:
        try:
            stored = await self._threads.run(
                settings.OCPP_STORAGE_SECONDS, store_calls, [call for call, _done in batch]
            )
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
        for call, done in batch:
            if not done.done():
                done.set_result((call.station_id, call.epoch) in stored)
        self._wake_drain({shard_of(station_id) for station_id, _epoch in stored})


def _fail(batch: list[tuple[LoggedCall, asyncio.Future[bool]]], error: Exception) -> None:
    for _call, done in batch:
        if not done.done():
            done.set_exception(error)
