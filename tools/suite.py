"""The whole proof in one go: `make check`, then the tests, and one line at the end that counts them all."""

import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# Settings whatever the environment says; test databases are made once for all stages, on a PostgreSQL of our own.
PYTEST = [sys.executable, "-m", "pytest", "-q", "--ds=cpms.settings.test", "--reuse-db"]
NO_TESTS = 5
PATIENCE_SECONDS = 3.0
# Tests that start real processes are dealt out by file, in their order, so that the long crash runs begin first and
# each stack is started once; Chromium's driver wants an event loop for itself.
BY_FILE = ("-n", "2", "--dist", "loadfile", "--no-loadscope-reorder")
STAGES = (
    ("tests", ["-n", "2", "-m", "not (crash or browser or clients or processes)"]),
    ("clients, processes, crashes", [*BY_FILE, "-m", "(crash or clients or processes) and not browser"]),
    ("browser", ["-n", "2", "-m", "browser"]),
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

    def run(self, command: list[str]) -> int:
        """In a process group of its own, where no terminal's Ctrl-C reaches it."""
        self.process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, process_group=0)
        return self.process.wait()

    def stop(self, number: int, frame: object) -> None:
        self.is_stopped = True
        now = time.monotonic()
        if self.process is not None and now - self._told_at > PATIENCE_SECONDS:
            self._told_at = now
            self.process.send_signal(signal.SIGINT)


def run_stage(child: Child, name: str, options: list[str], folder: Path, more: list[str]) -> tuple[int, dict[str, int]]:
    report = folder / f"{name}.xml"
    print(f"\n--- {name}", flush=True)
    code = child.run([*PYTEST, *options, f"--junitxml={report}", *more])
    return (0 if code == NO_TESTS else code), count(report)


def main(more: list[str]) -> int:
    child = Child()
    for word in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(word, child.stop)
    started = time.monotonic()
    codes = [("check", child.run([sys.executable, str(ROOT / "tools" / "check.py")]))]
    totals: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, options in STAGES:
            if child.is_stopped:
                break
            code, counted = run_stage(child, name, options, Path(folder), more)
            codes.append((name, code))
            totals = {kind: totals.get(kind, 0) + number for kind, number in counted.items()} or totals
    bad = [f"{name} (exit {code})" for name, code in codes if code]
    good = "Interrupted." if child.is_stopped else "All is well: check and every stage of the tests."
    print("\n" + (f"Not well: {', '.join(bad)}" if bad else good))
    words = ", ".join(f"{number} {kind}" for kind, number in totals.items() if number) or "no tests ran"
    print(f" {words} in {time.monotonic() - started:.2f}s ".center(100, "="), flush=True)
    if child.is_stopped:
        return 130
    return 1 if bad or not totals.get("passed") else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
