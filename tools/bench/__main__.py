"""`make bench`: measure the throughput of the production set-up and of the embedded mode on this machine.

Starts its own stack, measures, and writes docs/performance.md. Since machines are noisy, figures are compared with a
bare echo server in the same run. With --pages it measures pages and exports of a big park instead. Each mode updates
only its own part of the report.
"""

from __future__ import annotations

import argparse
import os
import platform
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import psutil

from tools.bench import pages
from tools.bench.measuring import ROOT, Fleet, Load, measure, memory_bytes, percentile
from tools.bench.report import write
from tools.services import free_port
from tools.stack import PYTHON, Stack, answers, running_stack

if TYPE_CHECKING:
    from collections.abc import Iterator

STATIONS = 5_000
PARTS = ("gateway-1", "postgres", "worker-ledger", "redis")


@dataclass
class Figures:
    """The results of a run."""

    machine: str
    started: str
    echo: dict[int, Load] = field(default_factory=dict)
    full: dict[int, Load] = field(default_factory=dict)
    half: dict[int, Load] = field(default_factory=dict)
    drain_seconds: dict[int, float] = field(default_factory=dict)  # until the inbox was empty after the full load
    idle_kib: float = 0.0
    idle_count: int = 0
    restart_seconds: float = 0.0
    restart_port_seconds: float = 0.0
    embedded: Load = field(default_factory=Load)


def machine() -> str:
    memory = psutil.virtual_memory().total / 2**30
    return f"{os.cpu_count()} cores ({platform.machine()}), {memory:.0f} GiB, Python {platform.python_version()}"


@contextmanager
def echo_server() -> Iterator[tuple[str, int]]:
    """Run a bare ASGI echo on the gateway's server, and yield its URL and pid."""
    port = free_port()
    command = [PYTHON, "-m", "uvicorn", "tools.bench.echo:application", "--port", str(port), "--loop", "uvloop"]
    command += ["--ws", "websockets-sansio", "--log-level", "warning", "--backlog", "4096"]
    process = subprocess.Popen(command, cwd=ROOT)
    try:
        while not answers(port):
            time.sleep(0.1)
        yield f"ws://127.0.0.1:{port}/ocpp/", process.pid
    finally:
        process.terminate()
        process.wait(10)


@contextmanager
def embedded_server() -> Iterator[tuple[str, int]]:
    """Run `manage.py serve` on a new SQLite database, and yield its URL and pid."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        hidden = ("DATABASE_URL", "REDIS_URL")
        env = {name: value for name, value in os.environ.items() if name not in hidden} | {"VAR_DIR": folder}
        manage = [PYTHON, "manage.py"]
        run = {"cwd": ROOT, "env": env, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        for arguments in setup_commands(200):
            subprocess.run([*manage, *arguments], check=True, **run)  # type: ignore[call-overload]
        process = subprocess.Popen([*manage, "serve", "--port", str(port)], **run)  # type: ignore[call-overload]
        try:
            while not answers(port):
                time.sleep(0.2)
            yield f"ws://127.0.0.1:{port}/ocpp/", process.pid
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(20)


@contextmanager
def folder() -> Iterator[Path]:
    """Yield a temporary folder for the stack, accessible to the user that runs PostgreSQL."""
    with tempfile.TemporaryDirectory(dir=os.environ.get("BENCH_DIR")) as name:
        Path(name).chmod(0o755)
        yield Path(name)


def setup_commands(count: int) -> list[list[str]]:
    """Return the `manage.py` arguments that add a team with this number of stations and tags."""
    options = ["--count", str(count), "--team", "bench"]
    return [
        ["add_team", "bench"],
        ["add_station", "BENCH-{n:06d}", "--password", "bench-{id}", *options],
        ["add_tag", "BENCH-{n:06d}", *options],
    ]


def pids(stack: Stack) -> dict[str, int]:
    return {name: pid for name in PARTS if (pid := stack.pid(name)) is not None}


def wait_until_drained(stack: Stack, seconds: float = 300) -> float:
    """Wait until the inbox is empty, and return the seconds that it took."""
    import psycopg

    started = time.monotonic()
    with psycopg.connect(stack.postgres.url, autocommit=True) as connection:
        while time.monotonic() - started < seconds:
            row = connection.execute("SELECT count(*) FROM maintenance_inboxentry WHERE failed_at IS NULL").fetchone()
            if row is not None and row[0] == 0:
                break
            time.sleep(0.1)
    return time.monotonic() - started


def load_stack(figures: Figures, stack: Stack, seconds: float, counts: list[int]) -> None:
    url = f"ws://127.0.0.1:{stack.gateway_port}/ocpp/"
    for count in counts:
        say(f"{count} stations, full load ...")
        figures.full[count] = measure(url, count, seconds, pids(stack), database_url=stack.postgres.url)
        figures.drain_seconds[count] = wait_until_drained(stack)
        rate = figures.full[count].per_second / 2
        say(f"  {figures.full[count].per_second:,.0f} messages/s; now half load ...")
        figures.half[count] = measure(url, count, seconds, pids(stack), database_url=stack.postgres.url, rate=rate)
        wait_until_drained(stack)


def hold_idle(figures: Figures, stack: Stack, count: int) -> None:
    say(f"{count} idle stations ...")
    stack.kill("gateway-1")  # so that the memory of the new process is only that of its connections
    time.sleep(1)
    stack.wait_until_ready()
    gateway = pids(stack)["gateway-1"]
    before = memory_bytes(gateway)
    fleet = Fleet(f"ws://127.0.0.1:{stack.gateway_port}/ocpp/", count, 5, mode="idle", connect_seconds=120)
    fleet.wait_until_ready(180)
    time.sleep(4)
    figures.idle_kib = (memory_bytes(gateway) - before) / 1024 / count
    figures.idle_count = sum(fleet.result().more["connected"])


def kill_gateway(figures: Figures, stack: Stack, count: int) -> None:
    say(f"SIGKILL of the gateway with {count} stations ...")
    url = f"ws://127.0.0.1:{stack.gateway_port}/ocpp/"
    fleet = Fleet(url, count, 60, processes=1, mode="boot", watch_restart=True)
    fleet.wait_until_ready()
    time.sleep(3)
    killed = time.time()
    stack.kill("gateway-1")
    while answers(stack.gateway_port):
        time.sleep(0.01)
    while not answers(stack.gateway_port):
        time.sleep(0.01)
    opened = time.time()
    results = fleet.result().more
    if min(results["booted"]) < count:
        raise RuntimeError(f"only {results['booted']} of {count} stations booted again")
    figures.restart_seconds = max(results["back_at"]) - killed
    figures.restart_port_seconds = max(results["back_at"]) - opened


def say(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60, help="of each load")
    parser.add_argument("--connections", type=int, nargs="+", default=[100, 1000])
    parser.add_argument("--report", type=Path, default=ROOT / "docs" / "performance.md")
    pages.add_arguments(parser.add_argument_group("pages"))
    options = parser.parse_args()
    if options.pages:
        return pages.run(options, machine(), folder, say)
    figures = Figures(machine(), datetime.now(UTC).strftime("%d %b %Y %H:%M UTC"))
    with echo_server() as (url, pid):
        for count in options.connections:
            say(f"Bare echo with {count} connections ...")
            figures.echo[count] = measure(url, count, min(20, options.seconds), {"echo": pid}, mode="echo")
            say(f"  {figures.echo[count].per_second:,.0f} messages/s")
    with folder() as var, running_stack(var) as stack:
        for arguments in setup_commands(STATIONS):
            stack.manage(*arguments)
        load_stack(figures, stack, options.seconds, options.connections)
        hold_idle(figures, stack, STATIONS)
        kill_gateway(figures, stack, 1000)
    say("Embedded mode, 200 stations ...")
    with embedded_server() as (url, pid):
        figures.embedded = measure(url, 200, min(30, options.seconds), {"process": pid}, processes=1)
    write(figures, options.report)
    say(options.report.read_text())
    say(f"p99 lag at half load: {percentile(figures.half[options.connections[-1]].lags_seconds, 0.99):.3f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
