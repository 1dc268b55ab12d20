"""Thread pools for database work of code that runs on an event loop.

`database_sync_to_async` and the async ORM run the work of all sockets of a process on one thread. Sockets use a pool of
their own instead.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import contextlib
import os
import socket
import threading
import time
from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar

import psycopg
from django.db import InterfaceError, OperationalError, connection

P = ParamSpec("P")


T = TypeVar("T")


class StorageFailure(Exception):
    """The database is unavailable: nothing was stored, and the caller may try again later."""


STORAGE_ERRORS = (
    StorageFailure,
    OperationalError,
    InterfaceError,
    psycopg.OperationalError,  # raised by `server_side_cursor`, which Django does not wrap
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
)


def is_storage_failure(error: BaseException) -> bool:
    """Return whether an error means that the database is unavailable, rather than that the data is wrong."""
    for candidate in (error, error.__cause__):
        if isinstance(candidate, psycopg.errors.ProgramLimitExceeded):  # an OperationalError caused by the data
            return False
    return isinstance(error, STORAGE_ERRORS) or isinstance(error.__cause__, STORAGE_ERRORS)


def is_conflict(error: BaseException) -> bool:
    """Return whether a transaction failed because of a concurrent one and may be repeated immediately."""
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    return isinstance(cause, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure)


class _Job:
    """A unit of work: when it was submitted, when a thread started it, and the database socket it uses."""

    __slots__ = ("socket", "started_at", "submitted_at")

    def __init__(self) -> None:
        self.submitted_at = time.monotonic()
        self.started_at: float | None = None
        self.socket: int | None = None


class DatabaseThreads:
    """Threads with one database connection each, for code that runs on an event loop."""

    def __init__(self, count: int, name: str) -> None:
        self._pool = concurrent.futures.ThreadPoolExecutor(count, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._last_done_at = time.monotonic()

    async def run(self, timeout: float, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` in a thread. If the database does not answer for `timeout` seconds, close its connection.

        Time in the queue is not counted while the queue moves: otherwise a thousand stations that reconnect at once
        would all time out.

        Raises:
            StorageFailure: the database did not answer in time or reported that it is unavailable.
        """
        job = _Job()
        future = self._pool.submit(self._run_job, job, work, args, kwargs)
        waiting = asyncio.wrap_future(future)
        try:
            while (remaining := self._remaining(job, timeout)) > 0:
                done, _waits = await asyncio.wait({waiting}, timeout=remaining)
                if done:
                    return waiting.result()
        except Exception as error:
            if is_storage_failure(error):
                raise StorageFailure(str(error).strip()) from error
            raise
        waiting.add_done_callback(lambda late: late.cancelled() or late.exception())  # or asyncio complains
        if not future.cancel():
            self._shut_down_socket(job)
        raise StorageFailure("the database did not answer in time")

    def _remaining(self, job: _Job, timeout: float) -> float:
        """Return the seconds left: from the start of running work, from the last move of the queue for waiting work."""
        since = job.started_at or max(job.submitted_at, self._last_done_at)
        return since + timeout - time.monotonic()

    def _run_job(self, job: _Job, work: Callable[..., T], args: Any, kwargs: Any) -> T:
        job.started_at = time.monotonic()
        try:
            connection.close_if_unusable_or_obsolete()
            self._store_socket(job)
            result = work(*args, **kwargs)
            self._last_done_at = time.monotonic()
            return result
        except Exception as error:
            if is_storage_failure(error):
                with contextlib.suppress(Exception):
                    connection.close()
            raise
        finally:
            with self._lock:
                job.socket = None

    def _store_socket(self, job: _Job) -> None:
        if connection.vendor != "postgresql":
            return
        connection.ensure_connection()
        with self._lock:
            job.socket = connection.connection.fileno()

    def _shut_down_socket(self, job: _Job) -> None:
        """Shut down the socket of a job, which wakes a thread that waits for an unresponsive database."""
        with self._lock:
            if job.socket is None:
                return
            with contextlib.suppress(OSError):
                duplicate = socket.socket(fileno=os.dup(job.socket))
                try:
                    duplicate.shutdown(socket.SHUT_RDWR)
                finally:
                    duplicate.close()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
