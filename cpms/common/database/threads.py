"""Database work around sockets and in batches.

`database_sync_to_async` and the async ORM put all sockets of a process on one thread; sockets get a pool of their own.
Batches go to PostgreSQL as one statement with array parameters, which costs a tenth of the ORM's bulk calls.
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


ILL = (
    StorageFailure,
    OperationalError,
    InterfaceError,
    psycopg.OperationalError,  # of `server_side_cursor`, which Django does not wrap
    psycopg.InterfaceError,
    psycopg.errors.IdleInTransactionSessionTimeout,
)


def is_storage_failure(error: BaseException) -> bool:
    """Whether an error means 'the database is ill' rather than 'this message is'."""
    for each in (error, error.__cause__):
        if isinstance(each, psycopg.errors.ProgramLimitExceeded):  # an operational error by class, not by nature
            return False
    return isinstance(error, ILL) or isinstance(error.__cause__, ILL)


def is_conflict(error: BaseException) -> bool:
    """Whether two transactions got into each other's way, and the same may be done again at once."""
    cause = error if isinstance(error, psycopg.Error) else error.__cause__
    return isinstance(cause, psycopg.errors.DeadlockDetected | psycopg.errors.SerializationFailure)


class _Job:
    """A piece of work: when it was given, when a thread took it, and the socket it uses meanwhile."""

    __slots__ = ("given_at", "socket", "started_at")

    def __init__(self) -> None:
        self.given_at = time.monotonic()
        self.started_at: float | None = None
        self.socket: int | None = None


class DatabaseThreads:
    """Threads with a database connection each, for code that runs on an event loop."""

    def __init__(self, count: int, name: str) -> None:
        self._pool = concurrent.futures.ThreadPoolExecutor(count, thread_name_prefix=name)
        self._lock = threading.Lock()
        self._last_done_at = time.monotonic()

    async def run(self, timeout: float, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run `work` in a thread; when the database is silent for `timeout` seconds, cut its connection and give up.

        The time in the queue does not count while the queue moves: a thousand stations that come back at once are
        served one after another rather than all of them too late.

        Raises:
            StorageFailure: the database did not answer in time, or said that it cannot.
        """
        job = _Job()
        future = self._pool.submit(self._work, job, work, args, kwargs)
        waiting = asyncio.wrap_future(future)
        try:
            while (left := self._left(job, timeout)) > 0:
                done, _waits = await asyncio.wait({waiting}, timeout=left)
                if done:
                    return waiting.result()
        except Exception as error:
            if is_storage_failure(error):
                raise StorageFailure(str(error).strip()) from error
            raise
        waiting.add_done_callback(lambda late: late.cancelled() or late.exception())  # nobody waits any more
        if not future.cancel():
            self._cut(job)
        raise StorageFailure("the database did not answer in time")

    def _left(self, job: _Job, timeout: float) -> float:
        """How long to wait on: since its start for work that runs, since the queue moved for work that waits."""
        since = job.started_at or max(job.given_at, self._last_done_at)
        return since + timeout - time.monotonic()

    def _work(self, job: _Job, work: Callable[..., T], args: Any, kwargs: Any) -> T:
        job.started_at = time.monotonic()
        try:
            connection.close_if_unusable_or_obsolete()
            self._note_socket(job)
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

    def _note_socket(self, job: _Job) -> None:
        if connection.vendor != "postgresql":
            return
        connection.ensure_connection()
        with self._lock:
            job.socket = connection.connection.fileno()

    def _cut(self, job: _Job) -> None:
        """A thread that waits for a database that went silent wakes up when its socket is shut down."""
        with self._lock:
            if job.socket is None:
                return
            with contextlib.suppress(OSError):
                twin = socket.socket(fileno=os.dup(job.socket))
                try:
                    twin.shutdown(socket.SHUT_RDWR)
                finally:
                    twin.close()

    def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)
