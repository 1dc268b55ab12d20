"""Everything that can be judged without running the product; says all that is wrong, not only the first."""

import base64
import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BIN = Path(sys.executable).parent
KEY = base64.urlsafe_b64encode(bytes(32)).decode()
# As on a real site, without its servers: nothing of this connects to them.
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
MANAGE = [sys.executable, "manage.py"]
CHECKS: tuple[tuple[str, list[str]], ...] = (
    ("ruff", [str(BIN / "ruff"), "check", "-q", "."]),
    ("format", [str(BIN / "ruff"), "format", "-q", "--check", "."]),
    ("imports", [str(BIN / "lint-imports"), "--no-logo"]),
    ("types", [str(BIN / "mypy"), "--no-error-summary"]),
    ("templates", [str(BIN / "djlint"), "--lint", "--quiet", "templates"]),
    ("migrations", [*MANAGE, "makemigrations", "--check", "--dry-run"]),
    ("deploy", [*MANAGE, "check", "--deploy", "--fail-level", "WARNING"]),
)


def main(names: list[str]) -> int:
    """All checks, or those named; the output of one that is content is not worth a line."""
    env = os.environ | PRODUCTION | {"DJANGO_SETTINGS_MODULE": "cpms.settings.base", "PYTHONWARNINGS": "ignore"}
    bad = []
    for name, command in CHECKS:
        if names and name not in names:
            continue
        started = time.monotonic()
        done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        print(f"{'ok ' if not done.returncode else 'BAD'} {name:<10} {time.monotonic() - started:5.1f} s", flush=True)
        if done.returncode:
            bad.append(name)
            print(done.stdout, flush=True)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
