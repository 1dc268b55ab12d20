"""Waking the drain after a commit: a hint through Celery, from a thread of its own, so that Redis can be away."""

from __future__ import annotations

import logging
import threading
import time

from celery import current_app
from django.core.cache import cache

logger = logging.getLogger(__name__)
EVERY_SECONDS = 0.1
ASKED_SECONDS = 5


def wake_drain(shard: int, *, again: bool = False) -> bool:
    """Ask Celery to drain a shard, unless it was asked and has not come to its end: hints would pile up.

    Args:
        again: the drain itself asks for its next turn.

    Returns:
        False when Celery could not be asked: the periodic sweep does what this would have.
    """
    try:
        if again:
            cache.set(_key(shard), 1, ASKED_SECONDS)
        elif not cache.add(_key(shard), 1, ASKED_SECONDS):
            return True
        current_app.send_task("ocpp_gateway.drain", args=[shard], retry=False, expires=10)
    except Exception as error:
        logger.warning("the drain was not woken", extra={"cause": type(error).__name__})
        return False
    return True


def drain_ends(shard: int) -> None:
    """From now on a commit asks anew. The drain looks once more after this, so nothing falls in between."""
    try:
        cache.delete(_key(shard))
    except Exception as error:  # it runs out by itself
        logger.warning("the end of a drain was not noted", extra={"cause": type(error).__name__})


def _key(shard: int) -> str:
    return f"drain-asked:{shard}"


class DrainWaker:
    """Asks Celery to drain shards, at most ten times a second: the drain goes on by itself until nothing is left."""

    def __init__(self) -> None:
        self._shards: set[int] = set()
        self._something = threading.Condition()
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="drain-waker", daemon=True)
        self._thread.start()

    def wake(self, shards: set[int]) -> None:
        with self._something:
            self._shards |= shards
            self._something.notify()

    def stop(self) -> None:
        with self._something:
            self._ended = True
            self._something.notify()

    def _run(self) -> None:
        while True:
            with self._something:
                while not self._shards and not self._ended:
                    self._something.wait()
                if self._ended:
                    return
                shards, self._shards = self._shards, set()
            self._ask(shards)
            time.sleep(EVERY_SECONDS)

    def _ask(self, shards: set[int]) -> None:
        if not all(wake_drain(shard) for shard in shards):
            time.sleep(1)
