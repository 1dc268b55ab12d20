"""A running system for the gateway's tests: gateway processes and a Celery worker on their own PostgreSQL database."""

from __future__ import annotations

import contextlib
import functools
import http.client
import itertools
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar, cast
from urllib.parse import urlsplit

import psycopg
from django.conf import settings
from django.core.cache import cache
from django.core.management import call_command
from django.db import connection, connections
from django.db.backends.postgresql.base import DatabaseWrapper

from accounts.models import Team
from chargers.models import ChargingStation, Tag
from maintenance.models import InboxEntry
from tests import factories
from tests.ocpp_gateway.link import Link
from tools.services import HOST, free_port

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "0123456789abcdef"
START_SECONDS = 40
T = TypeVar("T")


def until(get: Callable[[], T], seconds: float = 10, what: str = "") -> T:
    """Poll until `get` returns something true, and return it."""
    end = time.monotonic() + seconds
    while not (found := get()):
        assert time.monotonic() < end, f"not within {seconds} s: {what or get}"
        time.sleep(0.02)
    return found


@dataclass
class Process:
    """A process of the product, stopped with the system."""

    name: str
    command: list[str]
    env: dict[str, str]
    folder: Path
    popen: subprocess.Popen[bytes] | None = None

    @property
    def log_file(self) -> Path:
        return self.folder / f"{self.name}.log"

    def log(self) -> str:
        return self.log_file.read_text(errors="replace")

    def start(self) -> None:
        with self.log_file.open("ab") as output:
            self.popen = subprocess.Popen(
                self.command, cwd=ROOT, env=self.env, stdin=subprocess.DEVNULL, stdout=output, stderr=output
            )

    def end(self) -> None:
        if self.popen is not None and self.popen.poll() is None:
            self.popen.terminate()
            try:
                self.popen.wait(10)
            except subprocess.TimeoutExpired:
                self.popen.kill()
                self.popen.wait()


@dataclass
class Gateway(Process):
    port: int = 0

    @property
    def url(self) -> str:
        return f"ws://{HOST}:{self.port}"

    def answers(self) -> bool:
        assert self.popen is not None and self.popen.poll() is None, self.log()
        with contextlib.suppress(OSError, http.client.HTTPException):
            door = http.client.HTTPConnection(HOST, self.port, timeout=2)
            door.request("GET", "/health/")
            return door.getresponse().status == 200
        return False


@dataclass
class RunningSystem:
    """Two gateways and a worker.

    `gateway` has the default settings. `other` also has the pool enabled, assumes OCPP 1.6 for clients that offer no
    subprotocol, and gives a station one second to answer a command.
    """

    folder: Path
    database: str
    redis_url: str
    processes: list[Process] = field(default_factory=list)
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.worker = self._process("worker", ["-m", "celery", "-A", "cpms", "worker", "-P", "solo", "-l", "WARNING",
                                               "--without-mingle", "--without-gossip"])  # fmt: skip
        self.gateway = self.new_gateway("gateway")
        self.other = self.new_gateway(
            "other", OCPP_POOL="1", OCPP_POOL_LIMIT="3", OCPP_WITHOUT_SUBPROTOCOL="1.6", OCPP_CALL_SECONDS="1"
        )

    @property
    def environment(self) -> dict[str, str]:
        url = urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{self.database}").geturl()
        return os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.ocpp_gateway.gateway_settings",
            "DATABASE_URL": url,
            "REDIS_URL": self.redis_url,
            "OCPP_WRONG_PASSWORDS_PER_MINUTE": "3",
            "OCPP_UNKNOWN_PER_MINUTE": "10000",  # all tests come from one source
            "OCPP_CALL_SECONDS": "20",
            "OCPP_FIRST_MESSAGE_SECONDS": "0.05",  # most tests let the central system speak first
        }

    def _process(self, name: str, command: list[str]) -> Process:
        process = Process(name, [sys.executable, *command], self.environment, self.folder)
        process.start()
        self.processes.append(process)
        return process

    def new_gateway(self, name: str, **env: str) -> Gateway:
        """Start a gateway without waiting until it is ready."""
        port = free_port()
        command = [sys.executable, "manage.py", "gateway", "--port", str(port)]
        gateway = Gateway(name, command, self.environment | env, self.folder, port=port)
        gateway.start()
        self.processes.append(gateway)
        return gateway

    def end(self) -> None:
        for process in reversed(self.processes):
            process.end()

    # --- rows --------------------------------------------------------------------------------------------------------

    @functools.cached_property
    def team(self) -> Team:
        return cast(Team, factories.TeamFactory(handle="gateway-tests"))

    @functools.cached_property
    def tag(self) -> Tag:
        """A valid tag that may charge at several connectors at once."""
        return cast(Tag, factories.TagFactory(team=self.team, value="GOODTAG", allows_concurrent=True))

    def station(self, **fields: Any) -> ChargingStation:
        """Create a station that has booted before."""
        fields = {
            "team": self.team,
            "password": PASSWORD.encode(),
            "identity": f"ST-{next(self._numbers):05d}",
        } | fields
        return cast(ChargingStation, factories.StationFactory(**fields))

    def link(self, station: ChargingStation | None = None, gateway: Gateway | None = None, **options: Any) -> Link:
        """Open a link of a station."""
        station = station or self.station()
        options = {"password": PASSWORD} | options
        return Link((gateway or self.gateway).url, station.identity, **options).opened()

    def drained(self, station: ChargingStation) -> None:
        """Wait until all of a station's messages are applied."""
        until(lambda: not InboxEntry.objects.filter(station=station, failed_at=None).exists(), what="drained inbox")


@contextlib.contextmanager
def own_database(name: str) -> Iterator[None]:
    """Use the running system's database in the test process within this block."""
    fields = connection.settings_dict
    before = fields["NAME"]
    _leave_database()
    fields["NAME"] = name
    try:
        yield
    finally:
        _leave_database()
        fields["NAME"] = before


def _leave_database() -> None:
    connection.close()
    cast(DatabaseWrapper, connections["default"]).close_pool()


@functools.cache
def running_system() -> RunningSystem:
    """Return the running system, started by the first test that needs it. The caller stops it with the test session."""
    name = f"{settings.DATABASES['default']['NAME'].removeprefix('test_')}_gateway_{os.getpid()}"
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as admin:
        admin.execute(f'DROP DATABASE IF EXISTS "{name}"')
        admin.execute(f'CREATE DATABASE "{name}"')
    with own_database(name):
        call_command("migrate", verbosity=0, interactive=False)
    if os.environ.get("REDIS_IS_OURS"):
        cache.clear()  # counters of an earlier system, which are stored by primary key
    system = RunningSystem(Path(tempfile.mkdtemp(prefix="cpms-gateway-")), name, os.environ["REDIS_URL"])
    try:
        for gateway in (system.gateway, system.other):
            until(gateway.answers, START_SECONDS, gateway.name)
    except BaseException:
        system.end()  # a remaining worker would take the tasks of the next system
        raise
    return system


def stop_running_system() -> None:
    if running_system.cache_info().currsize:
        system = running_system()
        system.end()
        running_system.cache_clear()
        shutil.rmtree(system.folder, ignore_errors=True)
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as admin:
            admin.execute(f'DROP DATABASE IF EXISTS "{system.database}" WITH (FORCE)')
