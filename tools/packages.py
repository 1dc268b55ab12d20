"""What the machine itself must have: found, installed when we are root on Debian, or named exactly."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NEEDS = ("venv", "postgres", "redis", "chromium")
PACKAGES = {"venv": "python3-venv", "postgres": "postgresql", "redis": "redis-server", "chromium": "chromium"}
POLICY = Path("/usr/sbin/policy-rc.d")


class MissingError(Exception):
    """Something that only a package manager can bring."""


def postgres_folder() -> Path | None:
    """The programs of the newest PostgreSQL (15 or later) of this machine; Debian keeps initdb out of PATH."""
    found = [path.parent for path in Path("/usr/lib/postgresql").glob("*/bin/initdb") if path.parts[-3].isdigit()]
    if found:
        newest = max(found, key=lambda folder: int(folder.parts[-2]))
        return newest if int(newest.parts[-2]) >= 15 else None
    initdb = shutil.which("initdb")
    return Path(initdb).resolve().parent if initdb else None


def redis_server() -> str | None:
    return shutil.which("redis-server") or shutil.which("valkey-server")


def chromium() -> str | None:
    return next(
        (path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None
    )


def missing(needs: tuple[str, ...]) -> list[str]:
    """The Debian packages that would bring what is not there."""
    there = {
        "venv": lambda: importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"),
        "postgres": postgres_folder,
        "redis": redis_server,
        "chromium": chromium,
    }
    return [PACKAGES[need] for need in needs if not there[need]()]


def ensure(*needs: str) -> None:
    """Install what is missing when we may, else say what is needed: nobody likes to find it out one by one."""
    packages = missing(needs)
    if not packages:
        return
    command = f"apt-get install -y --no-install-recommends {' '.join(packages)}"
    if os.geteuid() != 0 or not shutil.which("apt-get"):
        raise MissingError(
            f"This needs the Debian packages {', '.join(packages)}. As root: apt-get update && {command}"
        )
    print(f"Installing {', '.join(packages)} ...", flush=True)
    with _no_system_servers():
        for step in ("apt-get update", command):
            _quietly(step)
    if packages := missing(needs):
        raise MissingError(f"{', '.join(packages)} was installed, but its programs are not found.")


def _quietly(command: str) -> None:
    env = os.environ | {"DEBIAN_FRONTEND": "noninteractive", "LC_ALL": "C.UTF-8"}
    done = subprocess.run(
        [*command.split(), "-qq"],
        env=env,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    if done.returncode:
        raise MissingError(f"{command} failed:\n{done.stdout[-3000:]}")


@contextmanager
def _no_system_servers() -> Iterator[None]:
    """Debian starts a server once its package is installed; nobody asked for one on the public ports."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


def main() -> int:
    """`packages.py NEED ...`: what the Makefile asks before it starts."""
    try:
        ensure(*sys.argv[1:])
    except MissingError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())
