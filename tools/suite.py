"""Run all checks and tests: `make check`, then pytest in stages, with one line at the end that counts all tests.

`--quick` stops after the in-process tests and leaves out the walks over all routes and models; `--only STAGE` runs one
stage and no checks. Other arguments are passed to pytest. The duration of each test is written to
test-results/durations.json.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any, NamedTuple

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools import pytest_durations

ROOT = Path(__file__).resolve().parent.parent
DURATIONS = ROOT / "test-results" / "durations.json"
# Sets the settings module whatever the environment says. All stages share test databases on a private PostgreSQL.
PYTEST = [sys.executable, "-m", "pytest", "-q", "--ds=cpms.settings.test", "--reuse-db"]
NO_TESTS_EXIT_CODE = 5  # of pytest
SIGNAL_INTERVAL_SECONDS = 3.0
MAX_SLOWEST = 25  # tests in the list of the slowest
WITHOUT_PROCESSES = "not (crash or browser or clients or processes)"
WITH_PROCESSES = "(crash or clients or processes) and not browser"
BY_FILE = ("--dist", "loadfile", "--no-loadscope-reorder")


class Stage(NamedTuple):
    name: str
    options: list[str]


# worksteal first gives each worker whole files, so that rows that a module shares are created once.
IN_PROCESS = Stage("in-process", ["-n", "2", "--dist", "worksteal", "-m", WITHOUT_PROCESSES])
# By file, so that each stack is started once; in order, so that long crash runs start first. Not in parallel with the
# browser tests: that would overload two cores, and crash runs would miss their time limits.
# They wait a lot for processes that start and stop: three workers keep two cores busy.
PROCESSES = Stage("processes", ["-n", "3", *BY_FILE, "-m", WITH_PROCESSES])
BROWSER = Stage("browser", ["-n", "2", "-m", "browser"])
QUICK = Stage("quick", ["-n", "2", "--dist", "worksteal", "-m", f"{WITHOUT_PROCESSES} and not walk"])
STAGES = (IN_PROCESS, PROCESSES, BROWSER)


def count(report: Path) -> dict[str, int]:
    """Return the numbers of passed, failed, erroneous and skipped tests from pytest's report."""
    if not report.exists():
        return {}
    suite = next(ElementTree.parse(report).getroot().iter("testsuite"), None)
    if suite is None:
        return {}
    total, failed, errors, skipped = (int(suite.get(key, 0)) for key in ("tests", "failures", "errors", "skipped"))
    return {"failed": failed, "passed": total - failed - errors - skipped, "skipped": skipped, "errors": errors}


class Children:
    """The running commands. They get Ctrl-C from us, exactly once: a second one would interrupt their cleanup."""

    def __init__(self) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []
        self.is_stopped = False
        self._signalled_at = 0.0

    def start(self, command: list[str], output: IO[bytes] | None = None, **variables: str) -> subprocess.Popen[bytes]:
        """Start a command in its own process group, where the terminal's Ctrl-C does not reach it."""
        environment = os.environ | variables
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output, process_group=0
        )
        self.processes.append(process)
        return process

    def stop(self, number: int, frame: object) -> None:
        self.is_stopped = True
        now = time.monotonic()
        if now - self._signalled_at > SIGNAL_INTERVAL_SECONDS:
            self._signalled_at = now
            for process in self.processes:
                if process.poll() is None:
                    process.send_signal(signal.SIGINT)


class Run:
    """The results so far: exit codes, counts and durations."""

    def __init__(self, children: Children, pytest_arguments: list[str]) -> None:
        self.children, self.pytest_arguments = children, pytest_arguments
        self.codes: dict[str, int] = {}
        self.seconds: dict[str, float] = {}
        self.totals: dict[str, int] = {}
        self.tests: dict[str, float] = {}

    def check(self) -> None:
        started = time.monotonic()
        self.codes["check"] = self.children.start([sys.executable, str(ROOT / "tools" / "check.py")]).wait()
        self.seconds["check"] = time.monotonic() - started

    def stages(self, stages: Sequence[Stage]) -> None:
        """Run stages in parallel. The output of the first one is shown live, that of the others when they end."""
        with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor() as threads:
            Path(name).chmod(0o711)  # for PostgreSQL's user
            started = [threads.submit(self._stage, stage, Path(name), stage is stages[0]) for stage in stages]
            for stage, ended in zip(stages, started, strict=True):
                ended.result()
                if stage is not stages[0]:
                    print(f"\n--- {stage.name}\n{(Path(name) / f'{stage.name}.txt').read_text()}", flush=True)
                self._read(stage, Path(name))

    def _stage(self, stage: Stage, folder: Path, is_shown: bool) -> None:
        started = time.monotonic()
        options = [f"--junitxml={folder / stage.name}.xml", f"--basetemp={folder / stage.name}"]
        durations = {pytest_durations.VARIABLE: f"{folder / stage.name}.json"}
        with (folder / f"{stage.name}.txt").open("wb") as output:
            if is_shown:
                print(f"\n--- {stage.name}", flush=True)
            command = [*PYTEST, *stage.options, *options, *self.pytest_arguments]
            code = self.children.start(command, None if is_shown else output, **durations).wait()
        self.codes[stage.name] = 0 if code == NO_TESTS_EXIT_CODE else code
        self.seconds[stage.name] = time.monotonic() - started

    def _read(self, stage: Stage, folder: Path) -> None:
        for kind, number in count(folder / f"{stage.name}.xml").items():
            self.totals[kind] = self.totals.get(kind, 0) + number
        durations = folder / f"{stage.name}.json"
        if durations.exists():
            phases: dict[str, dict[str, float]] = json.loads(durations.read_text())
            self.tests |= {name: round(sum(each.values()), 3) for name, each in phases.items()}

    def report_durations(self) -> None:
        """Print the slowest tests and the duration of each stage, and write the duration of every test to a file."""
        slowest = sorted(self.tests.items(), key=lambda item: -item[1])
        document: dict[str, Any] = {
            "stages": {name: round(seconds, 1) for name, seconds in self.seconds.items()},
            "tests": dict(slowest),
        }
        DURATIONS.parent.mkdir(exist_ok=True)
        DURATIONS.write_text(json.dumps(document, indent=1) + "\n")
        if slowest:
            print(f"\nThe slowest {MAX_SLOWEST} of {len(slowest)} tests (all: {DURATIONS.relative_to(ROOT)}):")
        for name, seconds in slowest[:MAX_SLOWEST]:
            print(f"{seconds:7.1f} s  {name}")
        print("Stages: " + ", ".join(f"{name} {seconds:.0f} s" for name, seconds in self.seconds.items()), flush=True)


def selected_stages(arguments: list[str]) -> list[Sequence[Stage]]:
    """Return the stages to run, in groups that run in parallel."""
    if "--only" in arguments:
        name = arguments[arguments.index("--only") + 1]
        return [[stage] for stage in STAGES if stage.name == name]
    return [[QUICK]] if "--quick" in arguments else [[stage] for stage in STAGES]


def main(arguments: list[str]) -> int:
    only = arguments[arguments.index("--only") + 1] if "--only" in arguments else ""
    children = Children()
    for signal_number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(signal_number, children.stop)
    started = time.monotonic()
    run = Run(children, [argument for argument in arguments if argument not in ("--quick", "--only", only)])
    if not only:
        run.check()
    for stages in selected_stages(arguments):
        if not children.is_stopped:
            run.stages(stages)
    run.report_durations()
    failed = [f"{name} (exit {code})" for name, code in run.codes.items() if code]
    passed = "Interrupted." if children.is_stopped else f"Passed: {', '.join(run.codes)}."
    print("\n" + (f"Failed: {', '.join(failed)}" if failed else passed))
    if not {"--quick", "--only"} & set(arguments):
        print("Not run here: the in-process tests on Python 3.13 (make python313).")
    counts = ", ".join(f"{number} {kind}" for kind, number in run.totals.items() if number) or "no tests ran"
    print(f" {counts} in {time.monotonic() - started:.2f}s ".center(100, "="), flush=True)
    if children.is_stopped:
        return 130
    return 1 if failed or not run.totals.get("passed") else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
