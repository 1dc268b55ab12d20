"""One crash run: start a stack behind proxies and a fleet of stations, inject faults, and compare the results."""

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
from tests.crash.faults import Fault, FaultInjector
from tests.crash.ledger import Entry, Verdict, compare
from tests.crash.proxy import PostgresProxy, Proxy
from tests.crash.stations import Plan
from tools.services import free_port
from tools.stack import Stack, free_ports_in_a_row

ROOT = Path(__file__).resolve().parent.parent.parent
TEAM, PASSWORD = "crash", "crash-{id}-0123456789"
RESULTS_VARIABLE = "CRASH_RESULTS"  # path of a file to which each run appends one JSON line
SETTLE_SECONDS = 3.0  # how long a fault affects answer times after its end
INBOX_SECONDS = 60.0
DEVIATING_MESSAGES = 0.5
EXPECTED_CODES = {"1001", "1006", "1012", "1013", "3000"}


@dataclass
class Scenario:
    """The configuration of a run."""

    name: str
    stations: int
    gateways: int
    seed: int
    warm_up: float = 3.0
    pause: tuple[float, float] = (1.0, 2.5)
    is_embedded: bool = False
    volume_megabytes: int = 0  # size of PostgreSQL's own disk, which can be filled; needs root
    deviating_stations: float = 0.3  # share of stations that violate the specification
    deviating_messages: float = DEVIATING_MESSAGES  # share of their messages that violate the schema


@dataclass
class Outcome:
    scenario: Scenario
    verdict: Verdict
    figures: dict[str, Any] = field(default_factory=dict)

    def text(self) -> str:
        lines = [f"--- crash run '{self.scenario.name}' (seed {self.scenario.seed})"]
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


def run_scenario(var: Path, scenario: Scenario, kinds: Callable[[random.Random], Iterable[str]]) -> Outcome:
    """Start everything, inject the faults and compare the records. No process is left running, even after an error."""
    rng = random.Random(scenario.seed)
    timestamps = [time.monotonic()]
    with exit_on_sigterm(), proxied_stack(var, scenario) as injector:
        stack = injector.stack
        try:
            plan = prepare(stack, scenario)
            timestamps.append(time.monotonic())
            with fleet(var, plan) as finish:
                time.sleep(scenario.warm_up)
                for kind in kinds(rng):
                    injector.inject(kind)
                    time.sleep(rng.uniform(*scenario.pause))
                time.sleep(SETTLE_SECONDS)
                timestamps.append(time.monotonic())
                records = finish()
            rows, system_state = read_system(stack)
            timestamps.append(time.monotonic())
            outcome = evaluate(scenario, records, rows, system_state, injector)
            spans = [round(later - earlier, 1) for earlier, later in itertools.pairwise(timestamps)]
            outcome.figures["time (s)"] = dict(zip(("start", "faults", "delivery"), spans, strict=True))
            if not outcome.verdict.is_clean:
                print_logs(stack)
            return outcome
        except BaseException:
            print_logs(stack)
            raise


@contextmanager
def exit_on_sigterm() -> Iterator[None]:
    """Let SIGTERM raise an exception, so that the servers are stopped as well."""

    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def proxied_stack(var: Path, scenario: Scenario) -> Iterator[FaultInjector]:
    """Run a stack whose parts reach PostgreSQL and Redis through our proxies."""
    if scenario.is_embedded:
        with embedded_stack(var, scenario) as injector:
            yield injector
        return
    port = free_port()
    first = free_ports_in_a_row(scenario.gateways, {port})
    stack = Stack(var, port, first, scenario.gateways)
    taken = {port, *stack.gateway_ports, stack.postgres.port, stack.redis.port}
    stack.database_port = free_port(taken)
    stack.redis_port = free_port(taken | {stack.database_port})
    database = PostgresProxy(stack.database_port, stack.postgres.port, random.Random(scenario.seed + 1))
    redis = Proxy(stack.redis_port, stack.redis.port, random.Random(scenario.seed + 2))
    with small_disk(stack.postgres.folder, scenario.volume_megabytes):
        try:
            database.start()
            redis.start()
            stack.up()
            yield FaultInjector(stack, database, redis, random.Random(scenario.seed + 3))
        finally:
            try:
                stack.down()
            finally:
                database.stop()
                redis.stop()


@contextmanager
def embedded_stack(var: Path, scenario: Scenario) -> Iterator[FaultInjector]:
    port = free_port()
    stack = EmbeddedStack(var, port, port)
    try:
        stack.up()
        yield FaultInjector(stack, None, None, random.Random(scenario.seed + 3))
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


def prepare(stack: Stack, scenario: Scenario) -> Plan:
    """Create a team, stations and tags with the management commands, and return the plan of the fleet."""
    count = str(scenario.stations)
    stack.manage("add_team", TEAM)
    added = stack.manage(
        "add_station", "CRASH{n:04d}", "--team", TEAM, "--password", PASSWORD, "--count", count, "--json"
    )
    tags = stack.manage("add_tag", "CRASHTAG{n:05d}", "--team", TEAM, "--count", str(2 * scenario.stations), "--json")
    return Plan(
        urls=stack.ocpp_urls,
        stations=[(identity, PASSWORD.replace("{id}", identity)) for identity in json.loads(added)["stations"]],
        tags=json.loads(tags)["tags"],
        seed=scenario.seed,
        pace=max(1.0, scenario.stations / 30),
        share_deviating_stations=scenario.deviating_stations,
        share_deviating=scenario.deviating_messages,
        supervisor_pid=stack.supervisor.own_pid(),
    )


@contextmanager
def fleet(var: Path, plan: Plan) -> Iterator[Callable[[], dict[str, Any]]]:
    """Run the stations in their own process; yield a function that lets them finish and returns their records."""
    plan_path, result_path, log_path = var / "fleet.json", var / "records.json", var / "log" / "fleet.log"
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
    """Return the exported sessions, once the inbox is empty, and the report of `inside.py`."""
    end = time.monotonic() + INBOX_SECONDS
    while True:
        system_state = json.loads(
            stack.manage("shell", "-v", "0", "-c", "import tests.crash.inside as i; i.print_report()")
        )
        if not system_state["waiting"] or time.monotonic() > end:
            return json.loads(stack.manage("export_sessions", "--json")), system_state
        time.sleep(0.5)


def evaluate(
    scenario: Scenario,
    records: dict[str, Any],
    rows: list[dict[str, Any]],
    system_state: dict[str, Any],
    injector: FaultInjector,
) -> Outcome:
    """Compare the records of the fleet with the state of the system."""
    entries = [Entry(**entry) for entry in records["entries"]]
    verdict = compare(entries, rows)
    verdict.other += records["system_errors"]
    verdict.other += [f"{name}: {value}" for name, value in system_state["must_be_empty"].items() if value]
    if system_state["waiting"]:
        verdict.other.append(f"{system_state['waiting']} messages are still waiting in the inbox")
    for connector, status in records["statuses"].items():
        stored = system_state["statuses"].get(connector)
        if stored != status:
            verdict.other.append(f"{connector}: the status is {stored}, the station reported {status}")
    counts = Counter(records["counts"])
    codes = {name.removeprefix("closed ") for name in counts if name.startswith("closed ")}
    verdict.other += [f"links were closed with {code}" for code in sorted(codes - EXPECTED_CODES)]
    return Outcome(scenario, verdict, figures(scenario, records, entries, injector, verdict))


def figures(
    scenario: Scenario, records: dict[str, Any], entries: list[Entry], injector: FaultInjector, verdict: Verdict
) -> dict[str, Any]:
    """Return the figures of a run that are printed and compared between runs."""
    answered = records["answers"]
    undisturbed = sorted(done - sent for sent, done in answered if not _is_near_fault(sent, injector.faults))
    return {
        "stations": scenario.stations,
        "gateways": scenario.gateways,
        "sessions": len(entries),
        "sessions left open": sum(entry.stop is None for entry in entries),
        "sampled values": sum(entry.samples_answered for entry in entries),
        "answered calls": len(answered),
        "faults of the server": dict(Counter(fault.kind for fault in injector.faults)),
        "answers to COMMIT lost": injector.database.lost_answers if injector.database else 0,
        "seen by the stations": dict(sorted(records["counts"].items())),
        "deadlocks of transactions": stack_log(injector, "postgres").count("deadlock detected"),
        "lost": len(verdict.lost),
        "double": len(verdict.double),
        "wrong": len(verdict.wrong),
        "wrong numbers of samples": len(verdict.samples),
        "other findings": len(verdict.other),
        "longest unavailability (s)": unavailability(records, injector.faults),
        "answer time outside faults (ms)": {
            "p50": round(1000 * _quantile(undisturbed, 0.5), 1),
            "p99": round(1000 * _quantile(undisturbed, 0.99), 1),
            "calls": len(undisturbed),
        },
    }


def stack_log(injector: FaultInjector, name: str) -> str:
    path = injector.stack.log(name)
    return path.read_text(errors="replace") if path.exists() else ""


def _is_near_fault(at: float, faults: list[Fault]) -> bool:
    return any(fault.started_at - 0.5 <= at <= fault.ended_at + SETTLE_SECONDS for fault in faults)


def _quantile(ordered: list[float], share: float) -> float:
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else float("nan")


def unavailability(records: dict[str, Any], faults: list[Fault]) -> dict[str, dict[str, float]]:
    """Return, by kind of fault, the longest time without any answer and the longest wait of one message."""
    longest: dict[str, dict[str, float]] = {}
    times = sorted(done for _sent, done in records["answers"])
    nexts = [*(fault.started_at for fault in faults), float("inf")][1:]
    for fault, end in zip(faults, nexts, strict=True):
        silences = [
            min(later, end) - max(earlier, fault.started_at)
            for earlier, later in itertools.pairwise(times)
            if later > fault.started_at and earlier < end
        ]
        waits = [
            min(done, end) - max(first_tried, fault.started_at)
            for first_tried, done in records["waits"]
            if done > fault.started_at and first_tried < end
        ]
        worst = longest.setdefault(fault.kind, {"no answer": 0.0, "one message": 0.0})
        worst["no answer"] = max(worst["no answer"], round(max(silences, default=0.0), 2))
        worst["one message"] = max(worst["one message"], round(max(waits, default=0.0), 2))
    return longest


def print_logs(stack: Stack) -> None:
    for name in [*stack.names, "fleet"]:
        print(f"\n=== last lines of {name}.log\n{stack.tail(name)}", flush=True)


def report(outcome: Outcome) -> None:
    """Print the figures; add them to the file that CRASH_RESULTS names."""
    print(f"\n{outcome.text()}", flush=True)
    path = os.environ.get(RESULTS_VARIABLE)
    if path:
        with Path(path).open("a") as file:
            file.write(json.dumps({"run": asdict(outcome.scenario), **outcome.figures}) + "\n")
