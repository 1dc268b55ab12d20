"""Celery inside the one process of the embedded mode: the same tasks and the same schedule, in threads."""

import logging
import os
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from celery import Celery, _state
from celery.beat import EmbeddedService
from celery.worker import WorkController, state
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)
NAME = "embedded@localhost"
START_SECONDS = 20


class _Worker(WorkController):
    """Celery's worker without its signal handlers: those belong to the server in the main thread."""

    def __init__(self, *, ready: Callable[[], None], **options: Any) -> None:
        self._ready = ready
        super().__init__(**options)

    def on_consumer_ready(self, consumer: Any) -> None:
        self._ready()  # the signal worker_ready is sent by Celery's command only


class EmbeddedCelery:
    """One worker and the beat. Work that must survive the process is a row, so stopping loses nothing."""

    def __init__(self, app: Celery, threads: int = 4) -> None:
        self._app = app
        self._threads = threads
        self._running: list[threading.Thread] = []
        self._beat: Any = None

    def start(self) -> None:
        os.environ.setdefault("CELERY_SKIP_CHECKS", "1")  # the process that we are in has made them
        state.should_stop = None
        ready = threading.Event()
        worker = _Worker(
            ready=ready.set,
            app=self._app,
            pool="threads",
            concurrency=self._threads,
            hostname=NAME,
            loglevel="WARNING",
            without_mingle=True,
            without_gossip=True,
            without_heartbeat=True,
        )
        thread = threading.Thread(target=worker.start, name="celery-worker", daemon=True)
        thread.start()
        if not ready.wait(START_SECONDS):
            raise RuntimeError(f"The embedded Celery worker did not start within {START_SECONDS} seconds.")
        # A worker says so for its whole process, and here pages are part of that.
        _state._set_task_join_will_block(False)  # type: ignore[attr-defined]
        # The scheduler must be named: by itself the service keeps a file and knows no other schedule.
        self._beat = EmbeddedService(self._app, thread=True, scheduler_cls=self._app.conf.beat_scheduler)
        self._beat.start()
        self._running = [thread, self._beat]

    def stop(self, seconds: float = 4.0) -> bool:
        """Say stop to both and wait for them together; no when a task is still at it."""
        end = time.monotonic() + seconds
        state.should_stop = 0  # type: ignore[assignment]  # its stubs know None only
        # It looks at that after a message or two idle seconds, and then waits for one message more.
        with suppress(OSError, OperationalError):
            for _ in range(2):
                self._app.control.broadcast("ping", destination=[NAME])
        if self._beat is not None:
            self._beat.service.stop()
        for thread in self._running:
            thread.join(max(0.0, end - time.monotonic()))
        late = [thread.name for thread in self._running if thread.is_alive()]
        if late:
            logger.warning("Not waiting any longer for %s.", ", ".join(late))
        self._running = []
        return not late

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
