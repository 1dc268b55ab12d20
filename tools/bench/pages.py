"""Measure pages, API, admin and exports with the data of a big park.

The URLs are requested one after another from the portal's server, with each role. Measured are the time from the
request to the last byte of the response, on a persistent connection, and the CPU time of all parts.
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
from tools.bench.park import PASSWORD, USERS, Filler, Size, counts
from tools.bench.report import LIMIT_MS, write_pages
from tools.stack import Stack, running_stack

MIN_REQUESTS = 20  # of each page
MAX_PAGE_SECONDS = 40  # for repeated requests of one page
Say = Callable[[str], None]
SELECTIONS = {"provider": {"provider": "7"}, "grouped": {"group": "1"}, "wide": {"group": "2"}}


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
    peak_mib: float
    cpu_us: float  # of the portal, per row

    @property
    def per_second(self) -> float:
        return self.rows / self.seconds


@dataclass
class PageFigures:
    machine: str
    started: str
    load: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    gigabytes: float = 0.0
    timings: list[Timing] = field(default_factory=list)
    exports: list[Export] = field(default_factory=list)


class Client:
    """The browser or API client of one user."""

    def __init__(self, stack: Stack, role: str) -> None:
        self.http = httpx.Client(base_url=f"http://localhost:{stack.port}", timeout=120)
        self.stack, self.role = stack, role
        self.parts = {name: pid for name in ("portal", "postgres") if (pid := stack.pid(name)) is not None}

    def sign_in(self) -> None:
        self.http.get("/account/login/")
        form = {
            "login": f"{self.role}@bench.example",
            "password": PASSWORD,
            "csrfmiddlewaretoken": self.http.cookies["csrftoken"],
        }
        answer = self.http.post("/account/login/", data=form, headers={"Referer": str(self.http.base_url)})
        if answer.status_code != 302:
            raise RuntimeError(f"{self.role} cannot sign in: {answer.status_code}")
        self._select()

    def _select(self) -> None:
        """Select the group or provider that limits what this role sees."""
        self.http.get("/")
        if (selection := SELECTIONS.get(self.role)) is not None:
            form = selection | {"csrfmiddlewaretoken": self.http.cookies["csrftoken"]}
            answer = self.http.post("/groups/choose/", data=form, headers={"Referer": str(self.http.base_url)})
            if answer.status_code != 302:
                raise RuntimeError(f"{self.role} cannot select {selection}: {answer.status_code}")

    def use_token(self) -> None:
        token = json.loads(self.stack.manage("add_token", f"{self.role}@bench.example", "--json"))
        self.http.headers["Authorization"] = f"Bearer {token['key']}"

    def measure(self, page: str, addresses: list[str], min_requests: int = MIN_REQUESTS) -> Timing:
        timing, worst = Timing(self.role, page), 0.0
        self._get(addresses[0])  # compiles the template and opens the connection
        before = sum(cpu_seconds(self.parts).values())
        rounds = -(-min_requests // len(addresses))
        started = time.monotonic()
        for number, address in enumerate(addresses * rounds):
            if number >= len(addresses) and time.monotonic() - started > MAX_PAGE_SECONDS:
                break  # further requests of such a slow page would take too long
            milliseconds = self._get(address)
            timing.times_ms.append(milliseconds)
            if milliseconds > LIMIT_MS * 0.75:
                timing.slow.append((milliseconds, address))
            if milliseconds > worst:
                worst, timing.worst = milliseconds, address
        timing.cpu_ms = (sum(cpu_seconds(self.parts).values()) - before) * 1000 / len(timing.times_ms)
        return timing

    def _get(self, address: str) -> float:
        """Request a URL, and return the milliseconds; infinite for a server error."""
        started = time.perf_counter()
        answer = self.http.get(address)
        milliseconds = (time.perf_counter() - started) * 1000
        if answer.status_code >= 500:
            return math.inf
        if answer.status_code not in (200, 302):  # the admin redirects page numbers that are too high
            raise RuntimeError(f"{self.role}: {address} returned {answer.status_code}: {answer.text[:300]}")
        return milliseconds

    def export(self, kind: str, address: str) -> Export:
        portal = psutil.Process(self.parts["portal"])
        base = peak = _mib(portal)
        started, first_byte, size, lines = time.perf_counter(), 0.0, 0, 0
        before = cpu_seconds(self.parts)["portal"]
        with self.http.stream("GET", address, timeout=1200) as answer:
            answer.raise_for_status()
            sampled_at = 0.0
            for part in answer.iter_raw():
                first_byte = first_byte or time.perf_counter() - started
                size += len(part)
                lines += part.count(b"\n") if kind == "csv" else 0
                if (now := time.perf_counter()) - sampled_at > 0.1:
                    sampled_at, peak = now, max(peak, _mib(portal))
        seconds = time.perf_counter() - started
        cpu = cpu_seconds(self.parts)["portal"] - before
        return Export(kind, lines - 1, seconds, first_byte, base, peak, cpu * 1e6)


def _mib(process: psutil.Process) -> float:
    return process.memory_info().rss / 2**20


def add_arguments(group: Any) -> None:
    group.add_argument(
        "--pages", action="store_true", help="measure pages and exports of a big park instead of the message load"
    )
    group.add_argument("--messages", type=int, default=Size.messages, help="rows of the message log")
    group.add_argument("--sessions", type=int, default=Size.sessions)
    group.add_argument("--data", type=Path, help="folder of the database: kept after the run, reused if it exists")
    group.add_argument(
        "--only", default="", help="measure only pages whose role and name contain this text, without a report"
    )
    group.add_argument("--no-exports", action="store_true")


def run(options: argparse.Namespace, machine: str, folder: Callable[[], AbstractContextManager[Path]], say: Say) -> int:
    size = Size(messages=options.messages, sessions=options.sessions)
    started = datetime.now(UTC).strftime("%d %b %Y %H:%M UTC")
    with nullcontext(options.data) if options.data else folder() as var:
        figures = measure_pages(
            var, say, size, machine, started, only=options.only, with_exports=not options.no_exports
        )
    if not options.only:
        write_pages(figures, options.report)
    return 0


def measure_pages(
    var: Path, say: Say, size: Size, machine: str, started: str, *, only: str = "", with_exports: bool = True
) -> PageFigures:
    """Start a stack in `var`, fill it if it is empty, and request all pages and exports."""
    figures = PageFigures(machine, started)
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
            stack.wait_until_ready()
        filler.reconnect()
        figures.counts = counts(filler)
        figures.gigabytes = filler.value("SELECT pg_database_size(current_database())") / 2**30
        say(f"  {figures.counts}, {figures.gigabytes:.1f} GiB")
        addresses = Addresses(filler)
        for timing in _timings(stack, filler, addresses, only):
            figures.timings.append(timing)
            over = "  <-- " + timing.worst if timing.at(0.95) > LIMIT_MS else ""
            for milliseconds, address in sorted(timing.slow, reverse=True)[:6]:
                say(f"      {milliseconds:7.0f} {address}")
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


def _timings(stack: Stack, filler: Filler, addresses: Addresses, only: str) -> Iterator[Timing]:
    for role in USERS:
        filler.refresh()
        browser = Client(stack, role)
        browser.sign_in()
        pages = addresses.portal(role) | (addresses.admin() if role == "staff" else {})
        for page, urls in pages.items():
            if urls and only in f"{role} {page}":
                yield browser.measure(page, urls)
        program = Client(stack, role)
        program.use_token()
        for page, urls in addresses.api(role).items():
            if only in f"{role} {page}":
                yield program.measure(page, urls)


def _exports(stack: Stack, filler: Filler) -> Iterator[Export]:
    start = filler.value(
        "SELECT to_char(started_at AT TIME ZONE 'Europe/Berlin', 'YYYY-MM-DD\"T\"HH24:MI') FROM "
        "charging_sessions_chargingsession ORDER BY started_at DESC OFFSET 999500 LIMIT 1"  # rounded down to a minute
    )
    rows = 0
    for kind in ("csv", "xlsx"):
        stack.kill("portal")  # so that the memory of the new process is only that of the export
        time.sleep(1)
        stack.wait_until_ready()
        client = Client(stack, "staff")
        client.sign_in()
        client._get("/sessions/")
        client._get("/sessions/?export=csv&id_tag=NOBODY")
        client._get("/sessions/?export=xlsx&id_tag=NOBODY")
        export = client.export(kind, f"/sessions/?start={start}&export={kind}")
        rows = export.rows = rows or export.rows  # the rows of a workbook cannot be counted as lines
        export.cpu_us /= rows
        yield export
