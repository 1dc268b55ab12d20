"""The whole proof in one go: `make check`, then the tests, and one line at the end that counts them all."""

import os
import signal
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTEST = [sys.executable, "-m", "pytest", "-q"]
NO_TESTS = 5
# Tests that start real processes want the two cores for themselves; Chromium's driver wants an event loop for itself.
STAGES = (
    ("tests", ["-n", "2", "-m", "not (crash or browser or clients or processes)"]),
    ("clients, processes, crashes", ["-m", "(crash or clients or processes) and not browser"]),
    ("browser", ["-m", "browser"]),
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


def run_stage(name: str, options: list[str], folder: Path, more: list[str]) -> tuple[int, dict[str, int]]:
    report = folder / f"{name}.xml"
    print(f"\n--- {name}", flush=True)
    code = subprocess.run([*PYTEST, *options, f"--junitxml={report}", *more], cwd=ROOT).returncode
    return (0 if code == NO_TESTS else code), count(report)


def main(more: list[str]) -> int:
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(143))
    started = time.monotonic()
    make = os.environ.get("MAKE", "make")
    codes = [("check", subprocess.run([make, "--no-print-directory", "check"], cwd=ROOT).returncode)]
    totals: dict[str, int] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, options in STAGES:
            code, counted = run_stage(name, options, Path(folder), more)
            codes.append((name, code))
            for word, number in counted.items():
                totals[word] = totals.get(word, 0) + number
            if code == 2:  # interrupted
                break
    bad = [f"{name} (exit {code})" for name, code in codes if code]
    print("\n" + (f"Not well: {', '.join(bad)}" if bad else "All is well: check and every stage of the tests."))
    words = ", ".join(f"{number} {word}" for word, number in totals.items() if number) or "no tests ran"
    print(f" {words} in {time.monotonic() - started:.2f}s ".center(100, "="), flush=True)
    return 1 if bad or not totals.get("passed") else 0


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
