"""Run these ledger tests again on SQLite, which embedded mode uses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

ROOT = Path(__file__).resolve().parents[3]
pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(connection.vendor == "sqlite", reason="this is the run on SQLite"),
]


def test_the_ledger_on_sqlite(tmp_path):
    env = os.environ | {"DATABASE_URL": f"sqlite:///{tmp_path}/ledger.sqlite3"}
    words = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        "-m",
        "not processes",
        "tests/sessions/ledger",
        "tests/maintenance/messages/test_inbox.py",
        "tests/ocpp_gateway/test_mutated_messages.py",
    ]
    done = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-1000:]
    assert "passed" in done.stdout and "skipped" not in done.stdout
