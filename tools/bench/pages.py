"""How long the server takes for its pages, the API and the admin when the park is big, and for exports.

Every address is asked for one after another over the portal's own server, as each kind of person. What is measured is
the time from the request to the last byte of the answer, on a kept connection, and the processor time of all parts.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import psutil

from tools.bench.addresses import Addresses
from tools.bench.measuring import cpu_seconds, percentile
from tools.bench.park import PASSWORD, PEOPLE, Filler, Size, counts
from tools.bench.report import LIMIT_MS, write_pages
from tools.stack import Stack, running_stack

LEAST = 20  # requests of each page
PATIENCE_SECONDS = 40
Say = Callable[[str], None]
CHOSEN = {"provider": {"provider": "7"}, "grouped": {"group": "1"}, "wide": {"group": "2"}}


@dataclass
class Timing:
    role: str
    page: str
    times_ms: list[float] = field(default_factory=list)
    cpu_ms: float = 0.0
    worst: str = ""
    slow: list[tuple[float, str]] = field(default_factory=list)

    def at(self, share: float) -> float:
        return percentile(self.times_ms, share)


@dataclass
class Export:
    kind: str
    rows: int
    seconds: float
    first_byte_seconds: float
    base_mib: float
    most_mib: float
    cpu_us: float  # of the portal, per row

    @property
    def per_second(self) -> float:
        return self.rows / self.seconds


@dataclass
class PageFigures:
    machine: str
    began: str
    load: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    gigabytes: float = 0.0
    timings: list[Timing] = field(default_factory=list)
    exports: list[Export] = field(default_factory=list)


class Reader:
    """One person's browser or program."""

    def __init__(self, stack: Stack, role: str) -> None:
        self.http = httpx.Client(base_url=f"http://localhost:{stack.port}", timeout=120)
        self.stack, self.role = stack, role
        self.parts = {name: pid for name in ("portal", "postgres") if (pid := stack.pid(name)) is not None}

    def log_in(self) -> None:
        self.http.get("/account/login/")
        form = {
            "login": f"{self.role}@bench.example",
            "password": PASSWORD,
            "csrfmiddlewaretoken": self.http.cookies["csrftoken"],
        }
        answer = self.http.post("/account/login/", data=form, headers={"Referer": str(self.http.base_url)})
        if answer.status_code != 302:
            raise RuntimeError(f"{self.role} cannot log in: {answer.status_code}")
        self._choose()

    def _choose(self) -> None:
        """The group or the provider that this person looks at."""
        self.http.get("/")
        if (chosen := CHOSEN.get(self.role)) is not None:
            form = chosen | {"csrfmiddlewaretoken": self.http.cookies["csrftoken"]}
            answer = self.http.post("/groups/choose/", data=form, headers={"Referer": str(self.http.base_url)})
            if answer.status_code != 302:
                raise RuntimeError(f"{self.role} cannot choose {chosen}: {answer.status_code}")

    def take_token(self) -> None:
        told = json.loads(self.stack.manage("add_token", f"{self.role}@bench.example", "--json"))
        self.http.headers["Authorization"] = f"Bearer {told['key']}"

    def measure(self, page: str, addresses: list[str], least: int = LEAST) -> Timing:
        timing, worst = Timing(self.role, page), 0.0
        self._ask(addresses[0])  # its template is compiled, its connection open
        before = sum(cpu_seconds(self.parts).values())
        rounds = -(-least // len(addresses))
        begun = time.monotonic()
        for number, address in enumerate(addresses * rounds):
            if number >= len(addresses) and time.monotonic() - begun > PATIENCE_SECONDS:
                break  # so slow that more of it tells no more
            took = self._ask(address)
            timing.times_ms.append(took)
            if took > LIMIT_MS * 0.75:
                timing.slow.append((took, address))
            if took > worst:
                worst, timing.worst = took, address
        timing.cpu_ms = (sum(cpu_seconds(self.parts).values()) - before) * 1000 / len(timing.times_ms)
        return timing

    def _ask(self, address: str) -> float:
        begun = time.perf_counter()
        answer = self.http.get(address)
        took = (time.perf_counter() - begun) * 1000
        if answer.status_code >= 500:
            return math.inf
        if answer.status_code not in (200, 302):  # the admin sends to its first page who asks too far
            raise RuntimeError(f"{self.role}: {address} gave {answer.status_code}: {answer.text[:300]}")
        return took

    def export(self, kind: str, address: str) -> Export:
        portal = psutil.Process(self.parts["portal"])
        base = most = _mib(portal)
        begun, first, size, lines = time.perf_counter(), 0.0, 0, 0
        before = cpu_seconds(self.parts)["portal"]
        with self.http.stream("GET", address, timeout=1200) as answer:
            answer.raise_for_status()
            looked = 0.0
            for part in answer.iter_raw():
                first = first or time.perf_counter() - begun
                size += len(part)
                lines += part.count(b"\n") if kind == "csv" else 0
                if (now := time.perf_counter()) - looked > 0.1:
                    looked, most = now, max(most, _mib(portal))
        took = time.perf_counter() - begun
        spent = cpu_seconds(self.parts)["portal"] - before
        return Export(kind, lines - 1, took, first, base, most, spent * 1e6)


def _mib(process: psutil.Process) -> float:
    return process.memory_info().rss / 2**20


def add_arguments(group: Any) -> None:
    group.add_argument("--pages", action="store_true", help="pages and exports of a big park, not the message load")
    group.add_argument("--messages", type=int, default=Size.messages, help="rows of the message log")
    group.add_argument("--sessions", type=int, default=Size.sessions)
    group.add_argument("--data", type=Path, help="keep the filled database here, or use the one that is here")
    group.add_argument("--only", default="", help="pages whose role and name hold this text; no report is written")
    group.add_argument("--no-exports", action="store_true")


def run(options: argparse.Namespace, machine: str, folder: Callable[[], AbstractContextManager[Path]], say: Say) -> int:
    size = Size(messages=options.messages, sessions=options.sessions)
    began = datetime.now(UTC).strftime("%d %b %Y %H:%M UTC")
    with nullcontext(options.data) if options.data else folder() as var:
        figures = measure_pages(var, say, size, machine, began, only=options.only, with_exports=not options.no_exports)
    if not options.only:
        write_pages(figures, options.report)
    return 0


def measure_pages(
    var: Path, say: Say, size: Size, machine: str, began: str, *, only: str = "", with_exports: bool = True
) -> PageFigures:
    """Bring up a stack in `var`, fill it when it is empty, and ask for everything."""
    figures = PageFigures(machine, began)
    extra = {
        "API_RATE": "1000000/min",
        "LOGIN_ATTEMPTS_PER_MINUTE": "1000",
        "STAFF_REQUIRES_TWO_FACTOR": "0",
        "LOGIN_CAPTCHA": "off",
    }
    with running_stack(var, extra=extra) as stack:
        filler = Filler(stack, size, say)
        if not filler.value("SELECT count(*) FROM chargers_chargingstation WHERE identity LIKE 'BENCH-%'"):
            say("Filling the park ...")
            filler.fill()
            stack.wait_until_it_answers()
        filler.reconnect()
        figures.counts = counts(filler)
        figures.gigabytes = filler.value("SELECT pg_database_size(current_database())") / 2**30
        say(f"  {figures.counts}, {figures.gigabytes:.1f} GiB")
        addresses = Addresses(filler)
        for timing in _all(stack, filler, addresses, only):
            figures.timings.append(timing)
            over = "  <-- " + timing.worst if timing.at(0.95) > LIMIT_MS else ""
            for took, address in sorted(timing.slow, reverse=True)[:6]:
                say(f"      {took:7.0f} {address}")
            say(
                f"  {timing.role:8} {timing.page:36} {timing.at(0.5):7.0f} {timing.at(0.95):7.0f} "
                f"{max(timing.times_ms):7.0f}  cpu {timing.cpu_ms:6.1f}{over}"
            )
        figures.load = f"{os.getloadavg()[1]:.1f}"
        if with_exports:
            for export in _exports(stack, filler):
                figures.exports.append(export)
                say(f"  {export} {export.per_second:,.0f} rows/s")
    return figures


def _all(stack: Stack, filler: Filler, addresses: Addresses, only: str) -> Iterator[Timing]:
    for role in PEOPLE:
        filler.freshen()
        reader = Reader(stack, role)
        reader.log_in()
        pages = addresses.portal(role) | (addresses.admin() if role == "staff" else {})
        for page, asked in pages.items():
            if asked and only in f"{role} {page}":
                yield reader.measure(page, asked)
        program = Reader(stack, role)
        program.take_token()
        for page, asked in addresses.api(role).items():
            if only in f"{role} {page}":
                yield program.measure(page, asked)


def _exports(stack: Stack, filler: Filler) -> Iterator[Export]:
    start = filler.value(
        "SELECT to_char(started_at AT TIME ZONE 'Europe/Berlin', 'YYYY-MM-DD\"T\"HH24:MI') FROM "
        "charging_sessions_chargingsession ORDER BY started_at DESC OFFSET 999500 LIMIT 1"  # whole minutes are added
    )
    rows = 0
    for kind in ("csv", "xlsx"):
        stack.kill("portal")  # a fresh one, so that its memory is what the export takes
        time.sleep(1)
        stack.wait_until_it_answers()
        reader = Reader(stack, "staff")
        reader.log_in()
        reader._ask("/sessions/")
        reader._ask("/sessions/?export=csv&id_tag=NOBODY")
        reader._ask("/sessions/?export=xlsx&id_tag=NOBODY")
        export = reader.export(kind, f"/sessions/?start={start}&export={kind}")
        rows = export.rows = rows or export.rows  # lines are not seen in a workbook
        export.cpu_us /= rows
        yield export
