"""Celery queues: every task has a chosen queue, every queue has a worker, and slow tasks delay no others."""

import re
import threading
from pathlib import Path

import pytest
from celery import Celery
from django.conf import settings

from cpms.celery import app
from cpms.embedded import THREADS, FairPool
from tools.stack import WORKERS, worker_command

ROOT = Path(__file__).resolve().parents[2]
QUEUES = {queue.name for queue in settings.CELERY_TASK_QUEUES}


def test_every_task_has_a_queue_and_every_route_a_task():
    app.loader.import_default_modules()
    ours = {name for name in app.tasks if not name.startswith("celery.")}
    assert set(settings.CELERY_TASK_ROUTES) == ours
    assert {route["queue"] for route in settings.CELERY_TASK_ROUTES.values()} == QUEUES
    assert {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()} <= ours


def test_only_the_drain_is_in_the_queue_of_the_ledger():
    routes = settings.CELERY_TASK_ROUTES.items()
    assert {name for name, route in routes if route["queue"] == "ledger"} == {
        "ocpp_gateway.drain",
        "ocpp_gateway.drain_all",
    }


def test_a_task_is_sent_to_its_queue():
    options = app.amqp.router.route({}, "ocpp_gateway.drain", (), {})
    assert options["queue"].name == "ledger"


def test_each_queue_has_its_worker_in_the_stack_and_in_containers():
    text = (ROOT / "docker/compose.yaml").read_text()
    commands = dict(re.findall(r"^  (worker-\w+):.*?^    command: (.*?)$", text, re.MULTILINE | re.DOTALL))
    assert set(WORKERS) == set(THREADS) == QUEUES and set(commands) == {f"worker-{queue}" for queue in QUEUES}
    for queue, count in WORKERS.items():
        assert commands[f"worker-{queue}"].split()[1:] == list(worker_command(queue, count))[3:]


@pytest.fixture
def pool():
    celery = Celery("t", broker="memory://")
    celery.conf.task_default_queue = "default"
    celery.conf.task_routes = {"drain": {"queue": "ledger"}, "report": {"queue": "slow"}}
    made = FairPool(5, app=celery)
    yield made
    made.on_stop()


def test_slow_tasks_and_mails_that_hang_leave_threads_for_the_ledger(pool):
    may_end, is_drained = threading.Event(), threading.Event()

    def run(name, work):
        pool.on_apply(lambda name: work(), (name,), {}, callback=None, accept_callback=None)

    for name in ("report", "mail"):
        for _ in range(10):
            run(name, lambda: may_end.wait(10))
    run("drain", is_drained.set)
    assert is_drained.wait(5)
    may_end.set()
