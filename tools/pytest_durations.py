"""pytest plugin: writes the duration of each test, by phase, to the file named by DURATIONS."""

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

VARIABLE = "DURATIONS"
_seconds: dict[str, dict[str, float]] = defaultdict(dict)


def pytest_runtest_logreport(report: Any) -> None:
    """Record the duration of a phase. With pytest-xdist, the controller is called for the tests of all workers."""
    _seconds[report.nodeid][report.when] = round(report.duration, 4)


def pytest_sessionfinish(session: pytest.Session) -> None:
    path = os.environ.get(VARIABLE)
    if path and "PYTEST_XDIST_WORKER" not in os.environ:
        Path(path).write_text(json.dumps(_seconds))
