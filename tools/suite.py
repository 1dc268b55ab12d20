"""Run everything that proves the product: `make check`, then the tests, with one line at the end that counts them all.

`--quick` stops after the tests that start no processes; `--only STAGE` runs one stage and no checks. Other arguments go
to pytest. How long each test took is kept in test-results/durations.json.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path
from typing import Any, NamedTuple

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools import pytest_durations

ROOT = Path(__file__).resolve().parent.parent
DURATIONS = ROOT / "test-results" / "durations.json"
# Settings whatever the environment says; test databases are made once for all stages, on a PostgreSQL of our own.
PYTEST = [sys.executable, "-m", "pytest", "-q", "--ds=cpms.settings.test", "--reuse-db"]
NO_TESTS = 5
PATIENCE_SECONDS = 3.0
SLOWEST = 25
WITHOUT_PROCESSES = "not (crash or browser or clients or processes)"
WITH_PROCESSES = "(crash or clients or processes) and not browser"
BY_FILE = ("--dist", "loadfile", "--no-loadscope-reorder")


class Stage(NamedTuple):
    name: str
    options: list[str]


# worksteal gives each worker whole files, as long as there are any: rows that a module shares are made once.
IN_PROCESS = Stage("in-process", ["-n", "2", "--dist", "worksteal", "-m", WITHOUT_PROCESSES])
STAGES = (
    IN_PROCESS,
    # They wait more than they work, so there are more workers than cores. By file, so that each stack is started once;
    # in their order, so that the long crash runs begin first.
    Stage("processes", ["-n", "3", *BY_FILE, "-m", WITH_PROCESSES]),
    Stage("browser", ["-n", "2", "-m", "browser"]),
)


def count(report: Path) -> dict[str, int]:
    """How many tests passed, failed, erred and were skipped, by pytest's own report."""
    if not report.exists():
        return {}
    suite = next(ElementTree.parse(report).getroot().iter("testsuite"), None)
    if suite is None:
        return {}
    total, failed, errors, skipped = (int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped"))
    return {"failed": failed, "passed": total - failed - errors - skipped, "skipped": skipped, "errors": errors}


class Child:
    """The command that runs now. It gets Ctrl-C from us and exactly once: a second one would break off its tidying."""

    def __init__(self) -> None:
        self.process: subprocess.Popen[bytes] | None = None
        self.is_stopped = False
        self._told_at = 0.0

    def run(self, command: list[str], **more: str) -> int:
        """In a process group of its own, where no terminal's Ctrl-C reaches it."""
        self.process = subprocess.Popen(
            command, cwd=ROOT, env=os.environ | more, stdin=subprocess.DEVNULL, process_group=0
        )
        return self.process.wait()

    def stop(self, number: int, frame: object) -> None:
        self.is_stopped = True
        now = time.monotonic()
        if self.process is not None and now - self._told_at > PATIENCE_SECONDS:
            self._told_at = now
            self.process.send_signal(signal.SIGINT)


class Run:
    """What has been run so far: exit codes, counts and durations."""

    def __init__(self, child: Child, more: list[str]) -> None:
        self.child, self.more = child, more
        self.codes: dict[str, int] = {}
        self.seconds: dict[str, float] = {}
        self.totals: dict[str, int] = {}
        self.tests: dict[str, float] = {}

    def check(self) -> None:
        started = time.monotonic()
        self.codes["check"] = self.child.run([sys.executable, str(ROOT / "tools" / "check.py")])
        self.seconds["check"] = time.monotonic() - started

    def stage(self, stage: Stage) -> None:
        started = time.monotonic()
        print(f"\n--- {stage.name}", flush=True)
        with tempfile.TemporaryDirectory() as folder:
            report, durations = Path(folder) / "report.xml", Path(folder) / "durations.json"
            command = [*PYTEST, *stage.options, f"--junitxml={report}", *self.more]
            code = self.child.run(command, **{pytest_durations.VARIABLE: str(durations)})
            self.codes[stage.name] = 0 if code == NO_TESTS else code
            for kind, number in count(report).items():
                self.totals[kind] = self.totals.get(kind, 0) + number
            if durations.exists():
                phases: dict[str, dict[str, float]] = json.loads(durations.read_text())
                self.tests |= {name: round(sum(each.values()), 3) for name, each in phases.items()}
        self.seconds[stage.name] = time.monotonic() - started

    def keep_durations(self) -> None:
        """Print the slowest tests and how long each stage took, and keep the time of every test."""
        slowest = sorted(self.tests.items(), key=lambda item: -item[1])
        kept: dict[str, Any] = {
            "stages": {name: round(seconds, 1) for name, seconds in self.seconds.items()},
            "tests": dict(slowest),
        }
        DURATIONS.parent.mkdir(exist_ok=True)
        DURATIONS.write_text(json.dumps(kept, indent=1) + "\n")
        if slowest:
            print(f"\nThe slowest {SLOWEST} of {len(slowest)} tests (all: {DURATIONS.relative_to(ROOT)}):")
        for name, seconds in slowest[:SLOWEST]:
            print(f"{seconds:7.1f} s  {name}")
        print("Stages: " + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in self.seconds.items()), flush=True)


def main(words: list[str]) -> int:
    only = words[words.index("--only") + 1] if "--only" in words else ""
    stages = [stage for stage in STAGES if stage.name == only] if only else list(STAGES)
    if "--quick" in words:
        stages = [IN_PROCESS]
    child = Child()
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, child.stop)
    started = time.monotonic()
    run = Run(child, [word for word in words if word not in ("--quick", "--only", only)])
    if not only:
        run.check()
    for stage in stages:
        if not child.is_stopped:
            run.stage(stage)
    run.keep_durations()
    bad = [f"{name} (exit {code})" for name, code in run.codes.items() if code]
    good = "Interrupted." if child.is_stopped else f"All is well: {', '.join(run.codes)}."
    print("\n" + (f"Not well: {', '.join(bad)}" if bad else good))
    if len(stages) == len(STAGES):
        print("Not run here: the in-process tests on Python 3.13 (make python313).")
    counts = ", ".join(f"{number} {kind}" for kind, number in run.totals.items() if number) or "no tests ran"
    print(f" {counts} in {time.monotonic() - started:.2f}s ".center(100, "="), flush=True)
    if child.is_stopped:
        return 130
    return 1 if bad or not run.totals.get("passed") else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
