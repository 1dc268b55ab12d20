"""The commands as processes: on a database that has no tables yet, several at once, in the embedded mode."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = pytest.mark.processes
FOREIGN = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "SECRET_KEY", "STATION_SECRET_KEYS")


@pytest.fixture
def start(tmp_path):
    env = {name: value for name, value in os.environ.items() if name not in FOREIGN} | {"VAR_DIR": str(tmp_path)}

    def run(*words):
        return subprocess.Popen(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return run


def test_several_commands_meet_on_a_fresh_database_and_all_work(start):
    started = [start("add_team", handle, "--json") for handle in ("one", "two", "three")]
    for process, handle in zip(started, ("one", "two", "three"), strict=True):
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        assert json.loads(out)["team"] == handle
    out, _err = start("export_sessions", "--json").communicate(timeout=60)
    assert json.loads(out) == []


def test_an_error_is_one_json_line_and_exit_code_one(start):
    process = start("add_station", "CP", "--team", "none", "--password", "p", "--json")
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")
    assert json.loads(err.strip().splitlines()[-1])["error"]
