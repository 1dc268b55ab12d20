"""What goes wrong on the server's side: kills, silence, lost answers. One fault at a time, each until it is over."""

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
DARK_SECONDS = 6.0
LOSS_SECONDS = 3.0
FULL_SECONDS = 8.0
LOSS_SHARE = 0.3
BACK_SECONDS = 60.0

GATEWAY, WORKER, REDIS, POSTGRES = "gateway killed", "worker killed", "Redis killed", "PostgreSQL killed"
BACK_END, ALL_KILLED = "PostgreSQL back end killed", "all of them killed at once"
DARK_DATABASE, DARK_REDIS = "database silent for 6 s", "Redis silent for 6 s"
LOST_COMMITS = "answers to COMMIT lost"
FULL_REDIS, FULL_DISK = "Redis' memory full for 6 s", "PostgreSQL's disk full for 8 s"
EVERY_KIND = (
    GATEWAY, WORKER, REDIS, POSTGRES, BACK_END, ALL_KILLED, DARK_DATABASE, DARK_REDIS, LOST_COMMITS, FULL_REDIS,
)  # fmt: skip


class NotBack(Exception):
    """A part did not come back after it was killed."""


@dataclass
class Fault:
    """Times are of the monotonic clock, which all processes share."""

    kind: str
    began: float
    ended: float  # when all parts were well again


@dataclass
class Breaker:
    stack: Stack
    database: PostgresProxy | None  # None: the embedded mode, which has neither
    redis: Proxy | None
    chance: random.Random
    faults: list[Fault] = field(default_factory=list)

    def strike(self, kind: str) -> Fault:
        began = time.monotonic()
        self._deeds()[kind]()
        fault = Fault(kind, began, time.monotonic())
        self.faults.append(fault)
        return fault

    def _deeds(self) -> dict[str, Callable[[], None]]:
        gateways = [name for name in self.stack.names if name.startswith("gateway")]
        return {
            GATEWAY: lambda: self._kill(self.chance.choice(gateways)),
            WORKER: lambda: self._kill(*self.stack.workers),
            REDIS: lambda: self._kill("redis"),
            POSTGRES: lambda: self._kill("postgres"),
            BACK_END: self._kill_back_end,
            ALL_KILLED: lambda: self._kill(*gateways, *self.stack.workers, "redis", "postgres"),
            DARK_DATABASE: lambda: self._darken(self.database),
            DARK_REDIS: lambda: self._darken(self.redis),
            LOST_COMMITS: self._lose_commits,
            FULL_REDIS: self._fill_redis,
            FULL_DISK: self._fill_disk,
        }

    def _kill(self, *names: str) -> None:
        old = {name: self.stack.kill(name) for name in names}
        end = time.monotonic() + BACK_SECONDS
        while not all(self._is_back(name, pid) for name, pid in old.items()):
            if time.monotonic() > end:
                raise NotBack(f"{', '.join(names)}: not back {BACK_SECONDS:.0f} s after SIGKILL")
            time.sleep(0.1)

    def _is_back(self, name: str, old: int) -> bool:
        if self.stack.pid(name) in (None, old):
            return False
        if name.startswith("gateway"):
            return answers(self.stack.gateway_ports[int(name.rpartition("-")[2]) - 1])
        if name == "postgres":
            return self.stack.postgres.answers()
        return self.stack.redis.answers() if name == "redis" else True

    def _kill_back_end(self) -> None:
        """PostgreSQL then sends everybody away and recovers, with the same first process."""
        for child in shuffled(psutil.Process(self.stack.pid("postgres")).children(), self.chance):
            with contextlib.suppress(psutil.Error, OSError):  # it has just gone by itself
                if "127.0.0.1" in " ".join(child.cmdline()):
                    os.kill(child.pid, signal.SIGKILL)
                    break
        end = time.monotonic() + BACK_SECONDS
        time.sleep(0.2)
        while not self.stack.postgres.answers():
            if time.monotonic() > end:
                raise NotBack("PostgreSQL did not recover from a killed back end")
            time.sleep(0.1)

    def _darken(self, proxy: Proxy | None) -> None:
        assert proxy is not None
        proxy.go_dark()
        time.sleep(DARK_SECONDS)
        proxy.light()

    def _fill_redis(self) -> None:
        """It refuses every write, as it does without an eviction policy."""
        with redis.Redis.from_url(self.stack.redis.url) as link:
            link.config_set("maxmemory", 1)
            time.sleep(DARK_SECONDS)
            link.config_set("maxmemory", 0)

    def _fill_disk(self) -> None:
        """PostgreSQL's volume is one of its own that is small: see `Shape.volume_megabytes`."""
        ballast = self.stack.postgres.folder / "ballast"
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(bytes(64 * 1024)):
                pass
        time.sleep(FULL_SECONDS)
        ballast.unlink()
        end = time.monotonic() + BACK_SECONDS
        while not self.stack.postgres.answers():
            if time.monotonic() > end:
                raise NotBack("PostgreSQL did not come back when its disk had room again")
            time.sleep(0.1)

    def _lose_commits(self) -> None:
        assert self.database is not None
        self.database.lose_answers(LOSS_SHARE)
        time.sleep(LOSS_SECONDS)
        self.database.lose_answers(0)


def shuffled(things: Sequence[T], chance: random.Random) -> list[T]:
    order = list(things)
    chance.shuffle(order)
    return order
