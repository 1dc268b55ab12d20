"""Celery inside the single process of the embedded mode: the same tasks, queues and schedule, in threads."""

import logging
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Any, Self

from celery import Celery, _state
from celery.beat import EmbeddedService
from celery.concurrency.base import apply_target
from celery.concurrency.thread import ApplyResult, TaskPool  # type: ignore[attr-defined]  # the stubs lack it
from celery.worker import WorkController, state
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)
NAME = "embedded@localhost"
START_SECONDS = 20
THREADS = {"ledger": 2, "default": 2, "slow": 1}  # by queue


class FairPool(TaskPool):
    """A pool with separate threads for each queue, so that slow tasks do not delay messages of stations."""

    def __init__(self, *args: Any, app: Celery, **options: Any) -> None:
        super().__init__(*args, app=app, **options)
        self._routes, self._default_queue = app.conf.task_routes, app.conf.task_default_queue
        self._executors = {
            queue: ThreadPoolExecutor(count, thread_name_prefix=f"celery-{queue}") for queue, count in THREADS.items()
        }

    def on_apply(
        self,
        target: Any,
        args: Any = None,
        kwargs: Any = None,
        callback: Any = None,
        accept_callback: Any = None,
        **options: Any,
    ) -> ApplyResult:
        task_name = args[0]
        queue = self._routes.get(task_name, {}).get("queue", self._default_queue)
        future = self._executors[queue].submit(apply_target, target, args, kwargs, callback, accept_callback)
        return ApplyResult(future)

    def on_stop(self) -> None:
        for executor in self._executors.values():
            executor.shutdown(wait=False, cancel_futures=True)
        for executor in self._executors.values():
            executor.shutdown()
        super().on_stop()


class _Worker(WorkController):
    """Celery's worker without signal handlers, which belong to the server in the main thread."""

    def __init__(self, *, ready: Callable[[], None], **options: Any) -> None:
        self._ready = ready
        super().__init__(**options)

    def on_consumer_ready(self, consumer: Any) -> None:
        self._ready()  # only Celery's command sends the signal worker_ready


class EmbeddedCelery:
    """One worker and the beat. Work that must survive the process is stored as rows, so stopping loses nothing."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._running: list[threading.Thread] = []
        self._beat: Any = None

    def start(self) -> None:
        os.environ.setdefault("CELERY_SKIP_CHECKS", "1")  # our process has run them
        state.should_stop = None
        ready = threading.Event()
        worker = _Worker(
            ready=ready.set,
            app=self._app,
            pool=FairPool,
            concurrency=sum(THREADS.values()),
            prefetch_multiplier=0,  # otherwise waiting slow tasks would keep later tasks from being fetched
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
        # A worker sets this for its whole process, which here also serves pages.
        _state._set_task_join_will_block(False)  # type: ignore[attr-defined]
        # The scheduler must be named: by default the service uses its own schedule file.
        self._beat = EmbeddedService(self._app, thread=True, scheduler_cls=self._app.conf.beat_scheduler)
        self._beat.start()
        self._running = [thread, self._beat]

    def stop(self, seconds: float = 4.0) -> bool:
        """Stop worker and beat and wait for both. Return False if a task is still running."""
        deadline = time.monotonic() + seconds
        state.should_stop = 0  # type: ignore[assignment]  # the stubs allow None only
        # The worker checks this after a message or two idle seconds, and then waits for another message.
        with suppress(OSError, OperationalError):
            for _ in range(2):
                self._app.control.broadcast("ping", destination=[NAME])
        if self._beat is not None:
            self._beat.service.stop()
        for thread in self._running:
            thread.join(max(0.0, deadline - time.monotonic()))
        still_running = [thread.name for thread in self._running if thread.is_alive()]
        if still_running:
            logger.warning("Not waiting any longer for %s.", ", ".join(still_running))
        self._running = []
        return not still_running

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
