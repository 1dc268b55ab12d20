"""What the supervisor starts for each part of a stack: notes the pid, then becomes the part itself.

    launch.py NAME RUN_FOLDER ENV_FILE|- USER|- COMMAND ...

The standard library only, and little of it: it stands between a kill and the part's return.
"""

import os
import pwd
import shlex
import sys
import time
from pathlib import Path

SOON_SECONDS = 2.0
BACK_OFF_SECONDS = 0.3


def read_environment(path: Path) -> dict[str, str]:
    """Lines as the shell would read them after `set -a`."""
    words = [shlex.split(line, comments=True) for line in path.read_text().splitlines()]
    return dict(word[0].split("=", 1) for word in words if word)


def started_at(pid: int) -> str:
    """With the pid it names a process for ever: the pid alone may be given out again."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


def main(name: str, folder: Path, env_file: str, user: str, command: list[str]) -> None:
    mark = folder / f"{name}.started"
    if mark.exists() and time.time() - mark.stat().st_mtime < SOON_SECONDS:
        time.sleep(BACK_OFF_SECONDS)  # it died at once: no hot loop, and the next try is near
    mark.write_text(started_at(os.getpid()))
    note = folder / f"{name}.pid.new"
    note.write_text(f"{os.getpid()}\n")
    note.replace(folder / f"{name}.pid")
    environment = dict(os.environ)
    if env_file != "-":
        environment |= read_environment(Path(env_file))
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # each start would compile anew
    if user != "-":
        person = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(person.pw_gid)
        os.setuid(person.pw_uid)
    os.execve(command[0], command, environment)  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:])
