"""The stack on one machine: parts restart after SIGKILL, several stacks run at once, and stopping stops everything."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import psutil
import pytest

from tools.services import is_port_free
from tools.stack import Stack, StackError, answers, free_ports_in_a_row, running_stack

ROOT = Path(__file__).resolve().parent.parent.parent
BACK_SECONDS = 40
SECRET = "5ec4e7"  # in addresses that are requested; must not be logged
pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def stack(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stack")
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o711)  # pytest keeps its folders closed to PostgreSQL's user
    with running_stack(folder / "var", gateways=2) as running:
        yield running


def wait_until(condition: Callable[[], bool], what: str, seconds: float = BACK_SECONDS) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.1)


def is_well(stack: Stack, name: str) -> bool:
    if name in ("postgres", "redis"):
        return bool(getattr(stack, name).answers())
    if name == "portal":
        return answers(stack.port)
    if name.startswith("gateway"):
        return answers(stack.gateway_ports[int(name[-1]) - 1])
    return stack.pid(name) is not None


@pytest.mark.parametrize("name", ["gateway-1", "gateway-2", "portal", "worker-ledger", "beat", "redis", "postgres"])
def test_a_killed_part_is_back_with_a_new_pid(stack, name):
    children = psutil.Process(stack.pid(name)).children(recursive=True)
    old = stack.kill(name)
    wait_until(lambda: stack.pid(name) not in (None, old) and is_well(stack, name), f"{name}:\n{stack.tail(name)}")
    wait_until(lambda: not any(child.is_running() for child in children), f"children of the killed {name} live on")


def test_postgresql_comes_back_again_and_again(stack):
    for _ in range(3):
        old = stack.kill("postgres")
        wait_until(lambda old=old: stack.pid("postgres") not in (None, old) and stack.postgres.answers(), "PostgreSQL")
    assert stack.postgres.query("SELECT 1") == "1"


def test_it_is_durable(stack):
    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        assert stack.postgres.query(f"SHOW {name}") == "on"
    assert "appendonly yes" in stack.redis.configuration.read_text()


def test_the_environment_file_is_for_a_shell_and_for_its_owner_only(stack):
    shell = f"set -a; . {stack.environment_file}; set +a; {sys.executable} manage.py showmigrations --plan | head -1"
    bare = {"PATH": os.environ["PATH"], "HOME": "/tmp"}
    done = subprocess.run(["sh", "-c", shell], cwd=ROOT, env=bare, capture_output=True, text=True)
    assert done.stdout.startswith("[X]"), done.stderr
    assert stack.environment_file.stat().st_mode & 0o077 == 0


def test_another_stack_on_its_ports_is_refused_with_a_sentence(stack, tmp_path):
    with pytest.raises(StackError, match=f"Port {stack.port} is in use"):
        Stack(tmp_path / "var", stack.port, free_ports_in_a_row(1, {stack.port})).up()
    with pytest.raises(StackError, match="already"):
        Stack(stack.var).up()


class Stop(NamedTuple):
    """What was found after a signal ended `stack.py up`."""

    pids: list[int]  # of all parts, before the signal
    code: int
    alive: list[int]
    free_ports: list[bool]


@pytest.fixture(scope="module")
def stopped(tmp_path_factory):
    """Start a stack with the command twice, ask it for pages, and stop it with a different signal each time."""
    folder = tmp_path_factory.mktemp("command")
    folder.chmod(0o711)
    port = free_ports_in_a_row(2, set())
    words = ["--var", str(folder / "var"), "--port", str(port), "--gateway-port", str(port + 1)]
    stack = Stack(folder / "var", port, port + 1)
    stops = []
    for number in (signal.SIGINT, signal.SIGTERM):
        command = [sys.executable, str(ROOT / "tools" / "stack.py"), "up", *words]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert any("Ctrl-C" in line for line in process.stdout)
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        for path in (f"/account/reset/1-{SECRET}/", f"/nothing?next=/{SECRET}", f"/api/v1/stations/?cursor={SECRET}"):
            connection.request("GET", path, headers={"Host": f"localhost:{port}"})
            connection.getresponse().read()
        connection.close()
        pids = [pid for name in stack.names if (pid := stack.pid(name))]
        process.send_signal(number)
        process.communicate(timeout=60)
        alive = [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie"]
        stops.append(Stop(pids, process.returncode, alive, [is_port_free(port), is_port_free(port + 1)]))
    return stack, stops


@pytest.mark.parametrize("which", [0, 1], ids=["SIGINT", "SIGTERM after a second start"])
def test_the_command_ends_all_of_it_and_starts_again(stopped, which):
    _stack, stops = stopped
    assert (len(stops[which].pids), stops[which].code) == (8, 0)
    assert (stops[which].alive, stops[which].free_ports) == ([], [True, True])


def test_what_a_killed_supervisor_left_behind_is_ended_by_down(tmp_path_factory):
    folder = tmp_path_factory.mktemp("orphans")
    folder.chmod(0o711)
    with running_stack(folder / "var") as stack:
        pids = {name: stack.pid(name) for name in stack.names}
        supervisor = stack.supervisor.own_pid()
        assert supervisor is not None
        os.kill(supervisor, signal.SIGKILL)
        assert stack.down()
        assert {name: stack.pid(name) for name in pids} == dict.fromkeys(pids)


def test_a_stack_ends_with_who_started_it(tmp_path_factory):
    folder = tmp_path_factory.mktemp("left")
    folder.chmod(0o711)
    port = free_ports_in_a_row(2, set())
    words = ["--var", str(folder / "var"), "--port", str(port), "--gateway-port", str(port + 1)]
    process = subprocess.Popen([sys.executable, str(ROOT / "tools" / "stack.py"), "up", *words])
    stack = Stack(folder / "var", port, port + 1)
    try:
        wait_until(lambda: stack.pid("redis") is not None, "Redis did not start")
        process.kill()
        wait_until(lambda: stack.supervisor.own_pid() is None, "the supervisor lives on")
        assert not any(stack.is_running(name) for name in stack.names)
    finally:
        process.wait()
        stack.down()


def test_every_line_of_our_processes_is_json(stopped):
    stack, _stops = stopped
    for name in ("gateway-1", "portal", *stack.workers, "beat"):
        lines = stack.log(name).read_text().splitlines()
        assert lines or name == "beat"
        for line in lines:
            assert "event" in json.loads(line), name
            assert SECRET not in line
