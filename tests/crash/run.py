"""One crash run: a stack of its own behind proxies, a fleet that charges, faults, and the reckoning."""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tests.crash.embedded import EmbeddedStack
from tests.crash.faults import Breaker, Fault
from tests.crash.ledger import Entry, Verdict, compare
from tests.crash.proxy import PostgresProxy, Proxy
from tests.crash.stations import Plan
from tools.services import free_port
from tools.stack import Stack, free_ports_in_a_row

ROOT = Path(__file__).resolve().parent.parent.parent
TEAM, PASSWORD = "crash", "crash-{id}-0123456789"
RESULT_VARIABLE = "CRASH_RESULTS"  # names a file that gets one JSON line per run
SETTLE_SECONDS = 3.0  # after a fault until its effects on the answer time are over
INBOX_SECONDS = 60.0
DEVIATING_MESSAGES = 0.5
EXPECTED_CODES = {"1001", "1006", "1012", "1013", "3000"}


@dataclass
class Shape:
    """What a run is made of."""

    name: str
    stations: int
    gateways: int
    seed: int
    warm_up: float = 3.0
    pause: tuple[float, float] = (1.0, 2.5)
    is_embedded: bool = False
    volume_megabytes: int = 0  # of a disk of its own for PostgreSQL, which can be full; needs root
    deviating_stations: float = 0.3  # the share of stations that do not keep to the specification
    deviating_messages: float = DEVIATING_MESSAGES  # the share of their messages that do not fit the schema


@dataclass
class Outcome:
    shape: Shape
    verdict: Verdict
    figures: dict[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        lines = [f"--- crash run '{self.shape.name}' (seed {self.shape.seed})"]
        for name, value in self.figures.items():
            if isinstance(value, dict):
                lines.append(f"{name}:")
                lines += [f"    {key}: {_plain(each)}" for key, each in value.items()]
            else:
                lines.append(f"{name}: {_plain(value)}")
        return "\n".join(lines + self.verdict.lines())


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {each}" for key, each in value.items())
    return str(value)


def crash(var: Path, shape: Shape, kinds: Callable[[random.Random], Iterable[str]]) -> Outcome:
    """Start everything, break it by `kinds`, compare the books. All processes have ended when it returns or raises."""
    chance = random.Random(shape.seed)
    watch = [time.monotonic()]
    with ending_on_sigterm(), broken_stack(var, shape) as breaker:
        stack = breaker.stack
        try:
            plan = prepare(stack, shape)
            watch.append(time.monotonic())
            with fleet(var, plan) as finish:
                time.sleep(shape.warm_up)
                for kind in kinds(chance):
                    breaker.strike(kind)
                    time.sleep(chance.uniform(*shape.pause))
                time.sleep(SETTLE_SECONDS)
                watch.append(time.monotonic())
                books = finish()
            rows, inside = read_system(stack)
            watch.append(time.monotonic())
            outcome = reckon(shape, books, rows, inside, breaker)
            spans = [round(later - earlier, 1) for earlier, later in itertools.pairwise(watch)]
            outcome.figures["time (s)"] = dict(zip(("start", "faults", "delivery"), spans, strict=True))
            if not outcome.verdict.is_clean:
                print_logs(stack)
            return outcome
        except BaseException:
            print_logs(stack)
            raise


@contextmanager
def ending_on_sigterm() -> Iterator[None]:
    """The usual end of a job by others must not leave servers behind."""

    def leave(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, leave)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def broken_stack(var: Path, shape: Shape) -> Iterator[Breaker]:
    """A stack whose parts reach PostgreSQL and Redis through proxies of ours."""
    if shape.is_embedded:
        with embedded_stack(var, shape) as breaker:
            yield breaker
        return
    port = free_port()
    first = free_ports_in_a_row(shape.gateways, {port})
    stack = Stack(var, port, first, shape.gateways)
    taken = {port, *stack.gateway_ports, stack.postgres.port, stack.redis.port}
    stack.database_port = free_port(taken)
    stack.redis_port = free_port(taken | {stack.database_port})
    database = PostgresProxy(stack.database_port, stack.postgres.port, random.Random(shape.seed + 1))
    redis = Proxy(stack.redis_port, stack.redis.port, random.Random(shape.seed + 2))
    with small_disk(stack.postgres.folder, shape.volume_megabytes):
        try:
            database.start()
            redis.start()
            stack.up()
            yield Breaker(stack, database, redis, random.Random(shape.seed + 3))
        finally:
            try:
                stack.down()
            finally:
                database.stop()
                redis.stop()


@contextmanager
def embedded_stack(var: Path, shape: Shape) -> Iterator[Breaker]:
    port = free_port()
    stack = EmbeddedStack(var, port, port)
    try:
        stack.up()
        yield Breaker(stack, None, None, random.Random(shape.seed + 3))
    finally:
        stack.down()


@contextmanager
def small_disk(folder: Path, megabytes: int) -> Iterator[None]:
    if not megabytes:
        yield
        return
    folder.mkdir(parents=True)
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", folder], check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


def prepare(stack: Stack, shape: Shape) -> Plan:
    """A team, stations and tags, by the commands that people use."""
    count = str(shape.stations)
    stack.manage("add_team", TEAM)
    added = stack.manage(
        "add_station", "CRASH{n:04d}", "--team", TEAM, "--password", PASSWORD, "--count", count, "--json"
    )
    tags = stack.manage("add_tag", "CRASHTAG{n:05d}", "--team", TEAM, "--count", str(2 * shape.stations), "--json")
    return Plan(
        urls=stack.ocpp_urls,
        stations=[(identity, PASSWORD.replace("{id}", identity)) for identity in json.loads(added)["stations"]],
        tags=json.loads(tags)["tags"],
        seed=shape.seed,
        pace=max(1.0, shape.stations / 30),
        share_deviating_stations=shape.deviating_stations,
        share_deviating=shape.deviating_messages,
        supervisor_pid=stack.supervisor.own_pid(),
    )


@contextmanager
def fleet(var: Path, plan: Plan) -> Iterator[Callable[[], dict[str, Any]]]:
    """The stations, in a process of their own; the call that is given lets them finish and reads their books."""
    plan_path, result_path, log_path = var / "fleet.json", var / "books.json", var / "log" / "fleet.log"
    plan_path.write_text(json.dumps(asdict(plan)))
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.crash.stations", str(plan_path), str(result_path)],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=log,
        )

    def finish() -> dict[str, Any]:
        if process.poll() is None:
            process.communicate(b"finish\n", timeout=plan.drain_seconds + 30)
        if process.returncode or not result_path.exists():
            raise RuntimeError(f"The fleet failed:\n{log_path.read_text()[-4000:]}")
        result: dict[str, Any] = json.loads(result_path.read_text())
        return result

    try:
        yield finish
    finally:
        process.kill()
        process.wait()


def read_system(stack: Stack) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """The ledger as people get it, once the inbox is empty, and what lies beside it."""
    end = time.monotonic() + INBOX_SECONDS
    while True:
        inside = json.loads(stack.manage("shell", "-v", "0", "-c", "import tests.crash.inside as i; i.show()"))
        if not inside["waiting"] or time.monotonic() > end:
            return json.loads(stack.manage("export_sessions", "--json")), inside
        time.sleep(0.5)


def reckon(
    shape: Shape, books: dict[str, Any], rows: list[dict[str, Any]], inside: dict[str, Any], breaker: Breaker
) -> Outcome:
    entries = [Entry(**entry) for entry in books["entries"]]
    verdict = compare(entries, rows)
    verdict.other += books["faults_of_system"]
    verdict.other += [f"inside: {name} is {value}" for name, value in inside["must_be_empty"].items() if value]
    if inside["waiting"]:
        verdict.other.append(f"{inside['waiting']} messages still wait in the inbox")
    for place, status in books["statuses"].items():
        if inside["statuses"].get(place) != status:
            verdict.other.append(f"{place}: the status is {inside['statuses'].get(place)}, the station said {status}")
    counts = Counter(books["counts"])
    codes = {name.removeprefix("closed ") for name in counts if name.startswith("closed ")}
    verdict.other += [f"links were closed with {code}" for code in sorted(codes - EXPECTED_CODES)]
    return Outcome(shape, verdict, figures(shape, books, entries, breaker, verdict))


def figures(
    shape: Shape, books: dict[str, Any], entries: list[Entry], breaker: Breaker, verdict: Verdict
) -> dict[str, Any]:
    answered = books["answers"]
    calm = sorted(done - sent for sent, done in answered if not _is_troubled(sent, breaker.faults))
    return {
        "stations": shape.stations,
        "gateways": shape.gateways,
        "sessions": len(entries),
        "sessions left open": sum(entry.stop is None for entry in entries),
        "sampled values": sum(entry.samples_answered for entry in entries),
        "answered calls": len(answered),
        "faults of the server": dict(Counter(fault.kind for fault in breaker.faults)),
        "answers to COMMIT lost": breaker.database.lost_answers if breaker.database else 0,
        "seen by the stations": dict(sorted(books["counts"].items())),
        "deadlocks of transactions": stack_log(breaker, "postgres").count("deadlock detected"),
        "lost": len(verdict.lost),
        "double": len(verdict.double),
        "wrong": len(verdict.wrong),
        "wrong numbers of samples": len(verdict.samples),
        "other findings": len(verdict.other),
        "longest unavailability (s)": unavailability(books, breaker.faults),
        "answer time outside faults (ms)": {
            "p50": round(1000 * _quantile(calm, 0.5), 1),
            "p99": round(1000 * _quantile(calm, 0.99), 1),
            "calls": len(calm),
        },
    }


def stack_log(breaker: Breaker, name: str) -> str:
    path = breaker.stack.log(name)
    return path.read_text(errors="replace") if path.exists() else ""


def _is_troubled(at: float, faults: list[Fault]) -> bool:
    return any(fault.began - 0.5 <= at <= fault.ended + SETTLE_SECONDS for fault in faults)


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def unavailability(books: dict[str, Any], faults: list[Fault]) -> dict[str, dict[str, float]]:
    """By kind of fault: the longest time in which nobody got an answer, and the longest that one message waited."""
    found: dict[str, dict[str, float]] = {}
    times = sorted(done for _sent, done in books["answers"])
    nexts = [*(fault.began for fault in faults), float("inf")][1:]
    for fault, end in zip(faults, nexts, strict=True):
        silences = [
            min(later, end) - max(earlier, fault.began)
            for earlier, later in itertools.pairwise(times)
            if later > fault.began and earlier < end
        ]
        waits = [
            min(done, end) - max(began, fault.began)
            for began, done in books["waits"]
            if done > fault.began and began < end
        ]
        worst = found.setdefault(fault.kind, {"nobody was answered": 0.0, "one message waited": 0.0})
        worst["nobody was answered"] = max(worst["nobody was answered"], round(max(silences, default=0.0), 2))
        worst["one message waited"] = max(worst["one message waited"], round(max(waits, default=0.0), 2))
    return found


def print_logs(stack: Stack) -> None:
    for name in [*stack.names, "fleet"]:
        print(f"\n=== the end of {name}.log\n{stack.tail(name)}", flush=True)


def write_down(outcome: Outcome) -> None:
    """Print the figures; add them to the file that CRASH_RESULTS names."""
    print(f"\n{outcome.text()}", flush=True)
    path = os.environ.get(RESULT_VARIABLE)
    if path:
        with Path(path).open("a") as file:
            file.write(json.dumps({"run": asdict(outcome.shape), **outcome.figures}) + "\n")
