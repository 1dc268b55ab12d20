"""Embedded mode: one process serves everything, stops on Ctrl-C and starts again."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tools.services import free_port, is_port_free
from tools.stack import answers, known_settings

ROOT = Path(__file__).resolve().parent.parent.parent
pytestmark = pytest.mark.processes


def embedded(folder: Path) -> dict[str, str]:
    """The environment of embedded mode: no servers and no settings."""
    bare = {key: value for key, value in os.environ.items() if key not in known_settings()}
    return bare | {"VAR_DIR": str(folder), "DJANGO_SETTINGS_MODULE": "cpms.settings.base", "PYTHONUNBUFFERED": "1"}


@contextmanager
def serving(folder: Path, port: int, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "manage.py", "serve", "--port", str(port), *arguments]
    with (folder / "out").open("a") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=embedded(folder), stdout=output, stderr=output, text=True)
    try:
        end = time.monotonic() + 90
        while not answers(port):
            assert process.poll() is None and time.monotonic() < end, (folder / "out").read_text()
            time.sleep(0.1)
        yield process
    finally:
        process.kill()
        process.wait()


def test_it_says_where_it_is_and_ends_within_five_seconds(tmp_path):
    port = free_port()
    for number in (signal.SIGINT, signal.SIGTERM):
        with serving(tmp_path, port, "--demo") as process:
            time.sleep(3)  # the stations of the demo connect and charge
            asked = time.monotonic()
            process.send_signal(number)
            process.send_signal(number)  # a terminal and `timeout` both send it twice
            process.wait(15)
            assert time.monotonic() - asked < 5
            assert process.returncode == 0
        text = (tmp_path / "out").read_text()
        assert f"http://localhost:{port}/admin/" in text
        assert f"ws://localhost:{port}/ocpp/<identity>" in text
        assert "@nordlys.example" in text
        assert "station connected" in text
        assert "Traceback" not in text
        assert is_port_free(port)


def test_a_taken_port_gets_a_sentence(tmp_path):
    port = free_port()
    with serving(tmp_path, port):
        command = [sys.executable, "manage.py", "serve", "--port", str(port)]
        second = subprocess.run(command, cwd=ROOT, env=embedded(tmp_path), capture_output=True, text=True)
    assert second.returncode == 1
    assert f"Cannot listen on 127.0.0.1:{port}" in second.stderr
    assert "Choose another port" in second.stderr
    assert "Traceback" not in second.stderr
