"""The durable inbox: frames of all sockets of this process are committed together, and answered after that.

While one batch is being committed, the next one is collected. So batches grow with the load, and a single message does
not wait. No message is acknowledged before its commit.
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
BATCH_SIZE = 1000
MIN_INTERVAL_SECONDS = 0.006  # a commit costs about the same for one message as for a dozen


class Inbox:
    """Gathers the calls of all sockets and commits them in batches."""

    def __init__(self, threads: DatabaseThreads, wake_drain: Callable[[set[int]], None]) -> None:
        self._threads, self._wake_drain = threads, wake_drain
        self._waiting: list[tuple[LoggedCall, asyncio.Future[bool]]] = []
        self._has_calls = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(self._run(), name="inbox")

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def put(self, call: LoggedCall) -> bool:
        """Wait until a call is committed. Return False if its link is no longer the station's newest.

        Raises:
            StorageFailure: the call could not be stored and must not be answered.
        """
        done: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append((call, done))
        self._has_calls.set()
        return await done

    async def _run(self) -> None:
        last_batch_at = 0.0
        while True:
            await self._has_calls.wait()
            if (delay := last_batch_at + MIN_INTERVAL_SECONDS - time.monotonic()) > 0:
                await asyncio.sleep(delay)
            last_batch_at = time.monotonic()
            batch, self._waiting = self._waiting[:BATCH_SIZE], self._waiting[BATCH_SIZE:]
            if not self._waiting:
                self._has_calls.clear()
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
            for entry in batch:  # store the others despite the one that fails
                await self._commit([entry])
            return
        for call, done in batch:
            if not done.done():
                done.set_result((call.station_id, call.epoch) in stored)
        self._wake_drain({shard_of(station_id) for station_id, _epoch in stored})


def _fail(batch: list[tuple[LoggedCall, asyncio.Future[bool]]], error: Exception) -> None:
    for _call, done in batch:
        if not done.done():
            done.set_exception(error)
