"""Measure a load: stations in several processes, CPU time and memory of each part, and the lag of the inbox."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil
import psycopg

ROOT = Path(__file__).resolve().parent.parent.parent


@dataclass(slots=True)
class Load:
    """The results of a load, as the stations measured them."""

    answered: int = 0
    errors: int = 0
    lost_links: int = 0
    seconds: float = 0.0
    client_cpu_seconds: float = 0.0
    ready_seconds: float = 0.0
    latencies_us: list[int] = field(default_factory=list)
    parts_cpu_seconds: dict[str, float] = field(default_factory=dict)
    lags_seconds: list[float] = field(default_factory=list)
    more: dict[str, Any] = field(default_factory=dict)

    @property
    def per_second(self) -> float:
        return self.answered / self.seconds if self.seconds else 0.0

    def latency_ms(self, share: float) -> float:
        return percentile(self.latencies_us, share) / 1000

    def cpu_us(self, part: str) -> float:
        return self.parts_cpu_seconds.get(part, 0.0) * 1e6 / max(1, self.answered)


def percentile(values: Sequence[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))] if ordered else float("nan")


class LagWatch(threading.Thread):
    """Records the age of the oldest message that is answered but not applied yet, twenty times a second."""

    def __init__(self, database_url: str) -> None:
        super().__init__(daemon=True)
        self.url, self.lags, self.stopping = database_url, [0.0], threading.Event()

    def run(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            while not self.stopping.wait(0.05):
                row = connection.execute(
                    "SELECT extract(epoch FROM clock_timestamp() - min(received_at)) FROM maintenance_inboxentry "
                    "WHERE failed_at IS NULL"
                ).fetchone()
                self.lags.append(float(row[0]) if row and row[0] is not None else 0.0)


class Fleet:
    """Stations in several processes."""

    def __init__(self, url: str, count: int, seconds: float, *, processes: int = 2, **options: Any) -> None:
        self.folder = tempfile.TemporaryDirectory()
        share, first = count // processes, 1
        self.signals, self.processes = [], []
        for number in range(processes):
            size = share if number < processes - 1 else count - share * (processes - 1)
            signal = Path(self.folder.name) / f"ready-{number}"
            arguments = [f"--url={url}", f"--first={first}", f"--count={size}", f"--seconds={seconds}"]
            arguments.append(f"--signal={signal}")
            for name, value in options.items():
                flag = f"--{name.replace('_', '-')}"
                if value is True:
                    arguments.append(flag)
                elif value:
                    arguments.append(f"{flag}={value / processes if name == 'rate' else value}")
            command = [sys.executable, "-m", "tools.bench.stations", *arguments]
            self.processes.append(subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE))
            self.signals.append(signal)
            first += size

    def wait_until_ready(self, seconds: float = 120) -> None:
        end = time.monotonic() + seconds
        while not all(signal.exists() for signal in self.signals):
            if time.monotonic() > end:
                raise TimeoutError("the stations did not get ready")
            time.sleep(0.02)

    def result(self) -> Load:
        load = Load()
        for process in self.processes:
            result = json.loads(process.communicate()[0])
            load.answered += result.pop("answered")
            load.errors += result.pop("errors")
            load.lost_links += result.pop("lost_links")
            load.client_cpu_seconds += result.pop("cpu_seconds")
            load.seconds = max(load.seconds, result.pop("seconds"))
            load.ready_seconds = max(load.ready_seconds, result.pop("ready_seconds"))
            load.latencies_us += result.pop("latencies_us")
            for name, value in result.items():
                load.more.setdefault(name, []).append(value)
        self.folder.cleanup()
        return load


def cpu_seconds(pids: dict[str, int]) -> dict[str, float]:
    """Return the CPU time of each part so far, including its child processes."""
    sums: dict[str, float] = {}
    for name, pid in pids.items():
        total = 0.0
        for process in _process_tree(pid):
            try:
                times = process.cpu_times()
            except psutil.Error:
                continue
            total += times.user + times.system
        sums[name] = total
    return sums


def memory_bytes(pid: int) -> int:
    return int(psutil.Process(pid).memory_info().rss)


def _process_tree(pid: int) -> list[psutil.Process]:
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.Error:
        return []


def measure(
    url: str, count: int, seconds: float, pids: dict[str, int], *, database_url: str = "", **options: Any
) -> Load:
    """Run a load, and measure CPU time and lag while it runs."""
    fleet = Fleet(url, count, seconds, warm_up=2, **options)
    fleet.wait_until_ready()
    time.sleep(2)
    watch = LagWatch(database_url) if database_url else None
    if watch is not None:
        watch.start()
    before = cpu_seconds(pids)
    time.sleep(seconds)
    after = cpu_seconds(pids)
    if watch is not None:
        watch.stopping.set()
        watch.join(5)
    load = fleet.result()
    load.parts_cpu_seconds = {name: after[name] - before[name] for name in pids}
    load.lags_seconds = watch.lags if watch is not None else []
    return load
