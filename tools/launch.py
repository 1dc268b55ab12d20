"""Launcher that the supervisor runs for each part of a stack: it writes the pid file, then executes the part.

    launch.py NAME RUN_FOLDER ENV_FILE|- USER|- COMMAND ...

It imports little, and only from the standard library, because it delays every restart of a part.
"""

import os
import pwd
import shlex
import sys
import time
from pathlib import Path

QUICK_DEATH_SECONDS = 2.0
BACK_OFF_SECONDS = 0.3


def read_environment(path: Path) -> dict[str, str]:
    """Return the variables of a file, as the shell would read them after `set -a`."""
    lines = [shlex.split(line, comments=True) for line in path.read_text().splitlines()]
    return dict(line[0].split("=", 1) for line in lines if line)


def started_at(pid: int) -> str:
    """Return the start time of a process. It identifies the process together with the pid, which may be reused."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def main(name: str, folder: Path, env_file: str, user: str, command: list[str]) -> None:
    start_file = folder / f"{name}.started"
    if start_file.exists() and time.time() - start_file.stat().st_mtime < QUICK_DEATH_SECONDS:
        time.sleep(BACK_OFF_SECONDS)  # the part died soon after its start: avoid a busy loop
    start_file.write_text(started_at(os.getpid()))
    new_pid_file = folder / f"{name}.pid.new"
    new_pid_file.write_text(f"{os.getpid()}\n")
    new_pid_file.replace(folder / f"{name}.pid")
    environment = dict(os.environ)
    if env_file != "-":
        environment |= read_environment(Path(env_file))
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # otherwise every start would compile all modules
    if user != "-":
        account = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    os.execve(command[0], command, environment)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:])
