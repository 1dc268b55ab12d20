"""Configure, start, control and stop the supervisord of a stack."""

import contextlib
import http.client
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
import time
import xmlrpc.client
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from supervisor.xmlrpc import SupervisorTransport

from tools.launch import started_at
from tools.services import end_with_parent

ROOT = Path(__file__).resolve().parent.parent
SUPERVISORD = Path(__file__).resolve().parent / "supervisord.py"
LAUNCHER = Path(__file__).resolve().parent / "launch.py"
MAX_SOCKET_LENGTH = 100  # the kernel allows 107 bytes for the path of a socket


class SupervisorError(Exception):
    """The supervisor did not start or cannot be used."""


@dataclass(frozen=True)
class Part:
    """One process of the stack. Parts with a low priority value are stopped last."""

    name: str
    command: Sequence[str]
    stop_signal: str = "TERM"
    stop_seconds: int = 10
    priority: int = 50
    user: str = "-"
    env_file: str = "-"


@dataclass
class Supervisor:
    """A supervisord. `folder` contains run/, log/ and the configuration."""

    folder: Path

    @property
    def run(self) -> Path:
        return self.folder / "run"

    @property
    def log(self) -> Path:
        return self.folder / "log"

    @property
    def configuration(self) -> Path:
        return self.folder / "supervisord.conf"

    @property
    def socket(self) -> Path:
        path = self.run / "supervisor.sock"
        if len(str(path)) < MAX_SOCKET_LENGTH:
            return path
        return Path(tempfile.gettempdir()) / f"cpms-{sha256(str(path).encode()).hexdigest()[:16]}.sock"

    def configure(self, parts: Sequence[Part]) -> None:
        if "%" in f"{self.folder}{ROOT}":
            raise SupervisorError("The supervisor cannot use a folder with a percent sign in its path.")
        for folder in (self.run, self.log):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o755)
        for path in [*self.run.glob("*.pid"), *self.run.glob("*.started")]:
            path.unlink()
        text = "\n".join([self._own_section(), *(self._section(part) for part in parts)])
        self.configuration.write_text(text)

    def _own_section(self) -> str:
        factory = "supervisor.rpcinterface:make_main_rpcinterface"
        lines = [
            "[unix_http_server]",
            f"file={self.socket}",
            "chmod=0700",
            "[rpcinterface:supervisor]",
            f"supervisor.rpcinterface_factory={factory}",
            "[supervisord]",
            "nodaemon=true",
            f"logfile={self.log / 'supervisord.log'}",
            "logfile_maxbytes=5MB",
            "logfile_backups=1",
            f"pidfile={self.run / 'supervisord.pid'}",
            f"directory={ROOT}",
        ]
        return "\n".join([*lines, *(["user=root"] if os.geteuid() == 0 else []), ""])

    def _section(self, part: Part) -> str:
        """Return the section of a part. With startsecs=0 it is restarted forever; the launcher delays quick retries."""
        launch = [sys.executable, "-I", "-S", str(LAUNCHER), part.name, str(self.run), part.env_file, part.user]
        lines = [
            f"[program:{part.name}]",
            f"command={shlex.join([*launch, *part.command]).replace('%', '%%')}",
            f"directory={ROOT}",
            "autostart=false",
            "autorestart=true",
            "startsecs=0",
            f"priority={part.priority}",
            f"stopsignal={part.stop_signal}",
            f"stopwaitsecs={part.stop_seconds}",
            "killasgroup=true",
            "redirect_stderr=true",
            f"stdout_logfile={self.log / (part.name + '.log')}",
            "stdout_logfile_maxbytes=50MB",
            "stdout_logfile_backups=1",
        ]
        return "\n".join([*lines, ""])

    def launch(self) -> subprocess.Popen[bytes]:
        """Start the supervisor in its own session: Ctrl-C reaches only us, and we stop the parts in order.

        If we are killed, the supervisor ends, too. The kernel watches the starting thread for that, so this applies
        only to the main thread.
        """
        is_main = threading.current_thread() is threading.main_thread()
        with (self.log / "supervisord.out").open("wb") as output:
            process = subprocess.Popen(
                [sys.executable, str(SUPERVISORD), "-n", "-c", str(self.configuration)],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                cwd=ROOT,
                preexec_fn=(lambda: end_with_parent(signal.SIGTERM)) if is_main else None,  # noqa: PLW1509
            )
        end = time.monotonic() + 20
        while time.monotonic() < end and process.poll() is None:
            with contextlib.suppress(OSError, http.client.HTTPException, xmlrpc.client.Error):
                self._call("supervisor.getState")
                return process
            time.sleep(0.05)
        process.kill()
        raise SupervisorError(f"The supervisor did not start:\n{(self.log / 'supervisord.out').read_text()[-2000:]}")

    def start(self, name: str) -> None:
        self._call("supervisor.startProcess", name)

    def stop(self, name: str) -> None:
        """Stop a part until `start` is called: it is not restarted automatically."""
        with contextlib.suppress(xmlrpc.client.Fault):  # it was not running
            self._call("supervisor.stopProcess", name)

    def states(self) -> dict[str, str]:
        infos = self._call("supervisor.getAllProcessInfo")
        return {info["name"]: info["statename"] for info in infos} if isinstance(infos, list) else {}

    def _call(self, method: str, *arguments: object) -> object:
        transport = SupervisorTransport("", "", serverurl=f"unix://{self.socket}")
        proxy = xmlrpc.client.ServerProxy("http://127.0.0.1", transport=transport)
        try:
            return getattr(proxy, method)(*arguments)
        finally:
            transport.close()

    def pid(self, name: str) -> int | None:
        """Return the pid of a running part, or None. The pid in the file of a dead part may have been reused."""
        try:
            pid = int((self.run / f"{name}.pid").read_text())
            start_time = (self.run / f"{name}.started").read_text()
        except (OSError, ValueError):
            return None
        return pid if start_time and started_at(pid) == start_time else None

    def own_pid(self) -> int | None:
        try:
            pid = int((self.run / "supervisord.pid").read_text())
            is_ours = str(self.configuration).encode() in Path(f"/proc/{pid}/cmdline").read_bytes()
        except (OSError, ValueError):
            return None
        return pid if is_ours else None

    def end(self, seconds: float = 60.0) -> bool:
        """Stop the supervisor with all parts, and parts that outlived a killed supervisor.

        Returns:
            Whether anything was running.
        """
        pid = self.own_pid()
        if pid is not None:
            os.kill(pid, signal.SIGTERM)
            _wait_until(lambda: self.own_pid() is None, seconds)
        left = {path.stem for path in self.run.glob("*.pid")} - {"supervisord"}
        orphans = {name: found for name in left if (found := self.pid(name)) is not None}
        for number in (signal.SIGINT, signal.SIGKILL):
            for name, orphan in orphans.items():
                if self.pid(name) == orphan:
                    _signal_group(orphan, number)
            if _wait_until(lambda: not any(self.pid(name) == orphan for name, orphan in orphans.items()), 10):
                break
        return pid is not None or bool(orphans)


def _signal_group(pid: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError):
        if number == signal.SIGKILL and os.getpgid(pid) == pid:
            os.killpg(pid, number)
        else:
            os.kill(pid, number)


def _wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.1)
    return False
