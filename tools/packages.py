"""Find the system packages that we need, install missing ones (as root on Debian), or name them in an error."""

import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

PACKAGES = {
    "venv": "python3-venv",
    "postgres": "postgresql",
    "redis": "redis-server",
    "chromium": "chromium",
    "headless": "chromium-headless-shell",
    "npm": "npm",
}
ROOT = Path(__file__).resolve().parent.parent
# What make installs into the project's folder: its stamp file, the lock files, and a description.
INSTALLED_HERE = (
    (".venv/.test", ("pyproject.toml", "uv.lock"), "the Python packages of uv.lock, into .venv"),
    *(
        (f"{folder}/node_modules/.installed", (f"{folder}/package-lock.json",), f"the npm packages of {folder}")
        for folder in ("tools/lint", "tests/clients")
    ),
)
POLICY = Path("/usr/sbin/policy-rc.d")


class MissingError(Exception):
    """A system package is missing and cannot be installed from here."""


def postgres_folder() -> Path | None:
    """Return the folder with the programs of the newest PostgreSQL, at least 15. Debian does not put initdb in PATH."""
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


def headless_shell() -> str | None:
    """Return Chromium without a window system, which takes less processor time.

    Where we cannot install it, the whole Chromium does the same.
    """
    return shutil.which("chromium-headless-shell") or (chromium() if os.geteuid() != 0 else None)


def missing(needs: tuple[str, ...]) -> list[str]:
    """Return the Debian packages that provide the needs which are not installed."""
    finders = {
        "venv": lambda: importlib.util.find_spec("ensurepip") and importlib.util.find_spec("venv"),
        "postgres": postgres_folder,
        "redis": redis_server,
        "chromium": chromium,
        "headless": headless_shell,
        "npm": lambda: shutil.which("npm"),
    }
    return [PACKAGES[need] for need in needs if not finders[need]()]


def to_install_here() -> list[str]:
    """Return what make will install into the project's folder: what is missing or older than its lock file."""
    names = []
    for stamp, locks, name in INSTALLED_HERE:
        path = ROOT / stamp
        if not path.exists() or any((ROOT / lock).stat().st_mtime > path.stat().st_mtime for lock in locks):
            names.append(name)
    return names


def announce(needs: tuple[str, ...]) -> None:
    """Print what is going to be installed."""
    lines = [f"on this machine, with apt-get: {', '.join(packages)}"] if (packages := missing(needs)) else []
    lines += [f"in this folder: {name}" for name in to_install_here()]
    if lines:
        print("\n  ".join(["This is going to be installed:", *lines]), flush=True)


def ensure(*needs: str) -> None:
    """Install the missing packages.

    Raises:
        MissingError: they cannot be installed from here; the message names all of them with the command.
    """
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
    """Prevent Debian from starting servers on their public ports when their packages are installed."""
    if POLICY.exists():
        yield
        return
    POLICY.write_text("#!/bin/sh\nexit 101\n")
    POLICY.chmod(0o755)
    try:
        yield
    finally:
        POLICY.unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """Run `packages.py [--announce] NEED ...`, which the Makefile calls first."""
    needs = tuple(argument for argument in arguments if argument != "--announce")
    if "--announce" in arguments:
        announce(needs)
    try:
        ensure(*needs)
    except MissingError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
