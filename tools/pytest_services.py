"""pytest plugin: starts PostgreSQL and Redis for a suite that was started without them, as in `pytest tests/sessions`.

It does so on import, because pytest-django reads the settings before any of our hooks could run.
"""

import atexit
import os
import sys
from contextlib import ExitStack
from urllib.parse import urlsplit

from tools import services


def _start_services() -> None:
    stack = ExitStack()
    atexit.register(stack.close)
    os.environ.update(stack.enter_context(services.test_environment()))


def _select_redis_database(worker: str) -> None:
    """Select the Redis database of a pytest-xdist worker: workers share the server, but not the database."""
    number = int(worker.removeprefix("gw")) + 1
    os.environ["REDIS_URL"] = urlsplit(os.environ["REDIS_URL"])._replace(path=f"/{number}").geturl()


_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if _worker:
    if os.environ.get("REDIS_IS_OURS"):
        _select_redis_database(_worker)
elif not {"-h", "--help", "--version", "--markers", "--fixtures"} & set(sys.argv):
    _start_services()
