"""Run all static checks and print all findings, not only those of the first check that fails."""

import base64
import os
import subprocess
import sys
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
KEY = base64.urlsafe_b64encode(bytes(32)).decode()
# Settings of a production site. Its servers do not exist, and no check connects to them.
PRODUCTION = {
    "PUBLIC_URL": "https://cpms.example",
    "ALLOWED_HOSTS": "cpms.example",
    "CSRF_TRUSTED_ORIGINS": "https://cpms.example",
    "DATABASE_URL": "postgresql://cpms:secret@127.0.0.1:1/cpms",
    "REDIS_URL": "redis://127.0.0.1:1/0",
    "SECRET_KEY": "only-for-this-check-0123456789-abcdefghijklmnopqrstuvwxyz-ABCDEFGH",
    "STATION_SECRET_KEYS": KEY,
    "DEBUG": "0",
}
PYTHON = sys.executable
BIOME = ROOT / "tools" / "lint" / "node_modules" / ".bin" / "biome"


class Check(NamedTuple):
    name: str
    command: list[str]
    is_waiting: bool = False  # mostly waits for the network, so it does not need a core of its own


# The longest first, so that they do not run alone at the end.
CHECKS = (
    Check("packages", [PYTHON, "tools/audit.py"], is_waiting=True),
    Check("types", [str(BIN / "mypy"), "--no-error-summary"]),
    Check("templates", [str(BIN / "djlint"), "--lint", "--quiet", "templates"]),
    Check("django", [PYTHON, "tools/django_checks.py"]),
    Check("dead code", [PYTHON, "tools/dead_code.py"]),
    Check("scripts", [str(BIOME), "lint", "--error-on-warnings", "."]),
    Check("imports", [str(BIN / "lint-imports"), "--no-logo"]),
    Check("ruff", [str(BIN / "ruff"), "check", "-q", "."]),
    Check("format", [str(BIN / "ruff"), "format", "-q", "--check", "."]),
)
printing = threading.Lock()


def run(check: Check) -> bool:
    """Run one check and print its result, followed by its notes, or by its whole output if it failed."""
    env = os.environ | PRODUCTION | {"DJANGO_SETTINGS_MODULE": "cpms.settings.base", "PYTHONWARNINGS": "ignore"}
    started = time.monotonic()
    try:
        done = subprocess.run(
            check.command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
        )
        is_good, output = done.returncode == 0, done.stdout
    except FileNotFoundError as error:
        is_good, output = False, f"{error}: run `make check`, which installs it."
    with printing:
        print(f"{'ok ' if is_good else 'BAD'} {check.name:<10} {time.monotonic() - started:5.1f} s", flush=True)
        for line in output.splitlines():
            if not is_good or line.startswith("NOTE:"):
                print(line, flush=True)
    return is_good


def main(names: list[str]) -> int:
    """Run the named checks, or all, in parallel."""
    chosen = [check for check in CHECKS if not names or check.name in names]
    started = time.monotonic()
    with ThreadPoolExecutor(os.cpu_count()) as cores, ThreadPoolExecutor() as waiting:
        results = [(waiting if check.is_waiting else cores).submit(run, check) for check in chosen]
    bad = sum(not result.result() for result in results)
    print(f"{len(chosen)} checks in {time.monotonic() - started:.1f} s, {bad or 'none'} of them bad.", flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
