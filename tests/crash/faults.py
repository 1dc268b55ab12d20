"""Inject faults on the server side, one at a time: killed processes, silent connections, lost answers, full disks."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

import psutil
import redis

from tests.crash.proxy import PostgresProxy, Proxy
from tools.stack import Stack, answers

T = TypeVar("T")
SILENCE_SECONDS = 6.0
LOSS_SECONDS = 3.0
FULL_SECONDS = 8.0
LOSS_SHARE = 0.3
RESTART_SECONDS = 60.0

GATEWAY, WORKER, REDIS, POSTGRES = "gateway killed", "worker killed", "Redis killed", "PostgreSQL killed"
BACKEND, ALL_KILLED = "PostgreSQL backend killed", "all parts killed at once"
SILENT_DATABASE, SILENT_REDIS = "database silent for 6 s", "Redis silent for 6 s"
LOST_COMMITS = "answers to COMMIT lost"
FULL_REDIS, FULL_DISK = "Redis' memory full for 6 s", "PostgreSQL's disk full for 8 s"
EVERY_KIND = (
    GATEWAY, WORKER, REDIS, POSTGRES, BACKEND, ALL_KILLED, SILENT_DATABASE, SILENT_REDIS, LOST_COMMITS, FULL_REDIS,
)  # fmt: skip


class PartNotBack(Exception):
    """A part did not work again in time after a fault."""


@dataclass
class Fault:
    """One fault. Times are those of the monotonic clock, which all processes share."""

    kind: str
    started_at: float
    ended_at: float  # when all parts worked again


@dataclass
class FaultInjector:
    """Injects faults into a stack and records them."""

    stack: Stack
    database: PostgresProxy | None  # None in embedded mode
    redis: Proxy | None
    rng: random.Random
    faults: list[Fault] = field(default_factory=list)

    def inject(self, kind: str) -> Fault:
        started_at = time.monotonic()
        self._actions()[kind]()
        fault = Fault(kind, started_at, time.monotonic())
        self.faults.append(fault)
        return fault

    def _actions(self) -> dict[str, Callable[[], None]]:
        gateways = [name for name in self.stack.names if name.startswith("gateway")]
        return {
            GATEWAY: lambda: self._kill(self.rng.choice(gateways)),
            WORKER: lambda: self._kill(*self.stack.workers),
            REDIS: lambda: self._kill("redis"),
            POSTGRES: lambda: self._kill("postgres"),
            BACKEND: self._kill_backend,
            ALL_KILLED: lambda: self._kill(*gateways, *self.stack.workers, "redis", "postgres"),
            SILENT_DATABASE: lambda: self._silence(self.database),
            SILENT_REDIS: lambda: self._silence(self.redis),
            LOST_COMMITS: self._lose_commits,
            FULL_REDIS: self._fill_redis,
            FULL_DISK: self._fill_disk,
        }

    def _kill(self, *names: str) -> None:
        old = {name: self.stack.kill(name) for name in names}
        end = time.monotonic() + RESTART_SECONDS
        while not all(self._is_back(name, pid) for name, pid in old.items()):
            if time.monotonic() > end:
                raise PartNotBack(f"{', '.join(names)}: not back {RESTART_SECONDS:.0f} s after SIGKILL")
            time.sleep(0.1)

    def _is_back(self, name: str, old: int) -> bool:
        if self.stack.pid(name) in (None, old):
            return False
        if name.startswith("gateway"):
            return answers(self.stack.gateway_ports[int(name.rpartition("-")[2]) - 1])
        if name == "postgres":
            return self.stack.postgres.answers()
        return self.stack.redis.answers() if name == "redis" else True

    def _kill_backend(self) -> None:
        """Kill one backend: PostgreSQL then closes all connections and recovers, but its main process keeps running."""
        for child in shuffled(psutil.Process(self.stack.pid("postgres")).children(), self.rng):
            with contextlib.suppress(psutil.Error, OSError):  # it has just ended
                if "127.0.0.1" in " ".join(child.cmdline()):
                    os.kill(child.pid, signal.SIGKILL)
                    break
        end = time.monotonic() + RESTART_SECONDS
        time.sleep(0.2)
        while not self.stack.postgres.answers():
            if time.monotonic() > end:
                raise PartNotBack("PostgreSQL did not recover from a killed backend")
            time.sleep(0.1)

    def _silence(self, proxy: Proxy | None) -> None:
        assert proxy is not None
        proxy.pause()
        time.sleep(SILENCE_SECONDS)
        proxy.resume()

    def _fill_redis(self) -> None:
        """Let Redis refuse every write, as it does when its memory is full and it has no eviction policy."""
        with redis.Redis.from_url(self.stack.redis.url) as link:
            link.config_set("maxmemory", 1)
            time.sleep(SILENCE_SECONDS)
            link.config_set("maxmemory", 0)

    def _fill_disk(self) -> None:
        """Fill PostgreSQL's volume, which is a small one of its own, see `Scenario.volume_megabytes`."""
        ballast = self.stack.postgres.folder / "ballast"
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(64 * 1024)):
                pass
        time.sleep(FULL_SECONDS)
        ballast.unlink()
        end = time.monotonic() + RESTART_SECONDS
        while not self.stack.postgres.answers():
            if time.monotonic() > end:
                raise PartNotBack("PostgreSQL did not recover when its disk had space again")
            time.sleep(0.1)

    def _lose_commits(self) -> None:
        assert self.database is not None
        self.database.lose_answers(LOSS_SHARE)
        time.sleep(LOSS_SECONDS)
        self.database.lose_answers(0)


def shuffled(items: Sequence[T], rng: random.Random) -> list[T]:
    order = list(items)
    rng.shuffle(order)
    return order
