"""Wakes the drain after a commit: a hint through Celery, sent by a separate thread, since Redis may be unavailable."""

from __future__ import annotations

import logging
import threading
import time

from celery import current_app
from django.core.cache import cache

logger = logging.getLogger(__name__)
INTERVAL_SECONDS = 0.1
REQUEST_SECONDS = 5


def wake_drain(shard: int, *, again: bool = False) -> bool:
    """Ask Celery to drain a shard, unless a request is already pending: hints would pile up.

    Args:
        again: the drain itself requests its next turn.

    Returns:
        False if Celery could not be reached; the periodic `drain_all` catches up then.
    """
    try:
        if again:
            cache.set(_key(shard), 1, REQUEST_SECONDS)
        elif not cache.add(_key(shard), 1, REQUEST_SECONDS):
            return True
        current_app.send_task("ocpp_gateway.drain", args=[shard], retry=False, expires=10)
    except Exception as error:
        logger.warning("the drain was not woken", extra={"cause": type(error).__name__})
        return False
    return True


def clear_wake_request(shard: int) -> None:
    """Let the next commit wake the drain again. The drain checks once more after this, so it misses no message."""
    try:
        cache.delete(_key(shard))
    except Exception as error:  # the key expires by itself
        logger.warning("a wake request was not cleared", extra={"cause": type(error).__name__})


def _key(shard: int) -> str:
    return f"drain-asked:{shard}"


class DrainWaker:
    """Asks Celery to drain shards, at most ten times a second: a drain continues by itself until its shard is empty."""

    def __init__(self) -> None:
        self._shards: set[int] = set()
        self._changed = threading.Condition()
        self._is_stopping = False
        self._thread = threading.Thread(target=self._run, name="drain-waker", daemon=True)
        self._thread.start()

    def wake(self, shards: set[int]) -> None:
        with self._changed:
            self._shards |= shards
            self._changed.notify()

    def stop(self) -> None:
        with self._changed:
            self._is_stopping = True
            self._changed.notify()

    def _run(self) -> None:
        while True:
            with self._changed:
                while not self._shards and not self._is_stopping:
                    self._changed.wait()
                if self._is_stopping:
                    return
                shards, self._shards = self._shards, set()
            self._ask(shards)
            time.sleep(INTERVAL_SECONDS)

    def _ask(self, shards: set[int]) -> None:
        if not all(wake_drain(shard) for shard in shards):
            time.sleep(1)
