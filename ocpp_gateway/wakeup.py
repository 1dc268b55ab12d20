"""Waking the drain after a commit: a hint through Celery, from a thread of its own, so that Redis can be away."""

from __future__ import annotations

import logging
import threading
import time

from celery import current_app

logger = logging.getLogger(__name__)
EVERY_SECONDS = 0.04


class DrainWaker:
    """Asks Celery to drain shards, at most every 40 ms: the drain goes on by itself until nothing is left."""

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
        for shard in shards:
            try:
                current_app.send_task("ocpp_gateway.drain", args=[shard], retry=False, expires=10)
            except Exception as error:  # the periodic sweep drains what this hint would have
                logger.warning("the drain was not woken", extra={"cause": type(error).__name__})
                time.sleep(1)
                return
