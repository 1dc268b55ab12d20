"""pytest plugin: PostgreSQL and Redis beside a suite that was started without them, as in `pytest tests/sessions`.

It works on import, since pytest-django reads the settings before any hook of ours could run.
"""

import atexit
import os
import sys
from contextlib import ExitStack
from urllib.parse import urlsplit

from tools import services


def _bring_up() -> None:
    stack = ExitStack()
    atexit.register(stack.close)
    os.environ.update(stack.enter_context(services.test_environment()))


def _own_redis_database(worker: str) -> None:
    """Workers of pytest-xdist share our Redis, each in its own database, as they do PostgreSQL."""
    number = int(worker.removeprefix("gw")) + 1
    os.environ["REDIS_URL"] = urlsplit(os.environ["REDIS_URL"])._replace(path=f"/{number}").geturl()


_worker = os.environ.get("PYTEST_XDIST_WORKER", "")
if _worker:
    if os.environ.get("REDIS_IS_OURS"):
        _own_redis_database(_worker)
elif not {"-h", "--help", "--version", "--markers", "--fixtures"} & set(sys.argv):
    _bring_up()
