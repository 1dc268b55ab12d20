"""pytest plugin: keeps how long each test took, by phase, in the file that DURATIONS names."""

import json
import os
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

VARIABLE = "DURATIONS"
_seconds: dict[str, dict[str, float]] = defaultdict(dict)


def pytest_runtest_logreport(report: Any) -> None:
    """Called for every phase; with pytest-xdist, in the controller for the tests of all workers."""
    _seconds[report.nodeid][report.when] = round(report.duration, 4)


def pytest_sessionfinish(session: pytest.Session) -> None:
    path = os.environ.get(VARIABLE)
    if path and "PYTEST_XDIST_WORKER" not in os.environ:
        Path(path).write_text(json.dumps(_seconds))
