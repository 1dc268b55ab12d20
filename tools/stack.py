"""Run the production set-up on one machine: durable PostgreSQL and Redis, gateways, portal, workers and beat.

Crash tests and the benchmark use `Stack`, too, each with its own folder and ports.
"""

import argparse
import base64
import contextlib
import http.client
import json
import os
import secrets
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools import packages
from tools.services import (
    HOST,
    Postgres,
    Redis,
    ServiceError,
    accessible_folder,
    free_port,
    is_port_free,
    server_user,
)
from tools.supervise import Part, Supervisor, SupervisorError

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
CELERY = (PYTHON, "-m", "celery", "-q", "-A", "cpms")
START_SECONDS = 120
WORKERS = {"ledger": 2, "default": 2, "slow": 1}  # number of processes by Celery queue


class StackError(Exception):
    """The stack did not start, with the reason for the user."""


@dataclass
class Stack:
    """A stack that is started with `up` and stopped with `down`.

    Attributes:
        extra: additional settings for all parts.
        database_port: port of a test's proxy to PostgreSQL, which listens on `postgres.port`; set it before `up`.
        redis_port: the same for Redis.
    """

    var: Path
    port: int = 8000
    gateway_port: int = 9000
    gateways: int = 1
    extra: dict[str, str] = field(default_factory=dict)
    database_port: int | None = None
    redis_port: int | None = None

    def __post_init__(self) -> None:
        self.var = self.var.absolute()
        ports = {self.port, *self.gateway_ports}
        for _ in range(2):
            ports.add(free_port(ports))
        own = sorted(ports - {self.port, *self.gateway_ports})
        self.postgres = Postgres(
            accessible_folder(self.var) / "postgres", own[0], True, connections=200 + 20 * self.gateways
        )
        self.redis = Redis(self.var / "redis", own[1], True)
        self.supervisor = Supervisor(self.var)
        self.process: subprocess.Popen[bytes] | None = None

    # --- addresses, parts and settings --------------------------------------------------------------------------

    @property
    def gateway_ports(self) -> list[int]:
        return [self.gateway_port + number for number in range(self.gateways)]

    @property
    def portal_url(self) -> str:
        return f"http://localhost:{self.port}"

    @property
    def ocpp_urls(self) -> list[str]:
        return [f"ws://localhost:{port}/ocpp" for port in self.gateway_ports]

    @property
    def names(self) -> list[str]:
        return [part.name for part in self.parts()]

    @property
    def workers(self) -> list[str]:
        return [f"worker-{queue}" for queue in WORKERS]

    @property
    def environment_file(self) -> Path:
        return self.var / "stack.env"

    def settings(self) -> dict[str, str]:
        """Return the settings of all parts. A shell gets them with `set -a; . stack.env`."""
        given = {name: value for name in known_settings() if (value := os.environ.get(name))}
        return given | {
            "DJANGO_SETTINGS_MODULE": "cpms.settings.base",
            "DATABASE_URL": self._via_proxy(self.postgres.url, self.postgres.port, self.database_port),
            "REDIS_URL": self._via_proxy(self.redis.url, self.redis.port, self.redis_port),
            "SECRET_KEY": stored_secret(self.var / "secret_key", lambda: secrets.token_urlsafe(64)),
            "STATION_SECRET_KEYS": stored_secret(self.var / "station_secret_key", fernet_key),
            "PUBLIC_URL": self.portal_url,
            "ALLOWED_HOSTS": "localhost,127.0.0.1",
            "CSRF_TRUSTED_ORIGINS": f"http://localhost:{self.port},http://127.0.0.1:{self.port}",
            "VAR_DIR": str(self.var),
            "DEBUG": "0",
            "STACK_OCPP_URLS": ",".join(self.ocpp_urls),  # not a setting: for scripts that use the stack
            **self.extra,
        }

    @staticmethod
    def _via_proxy(url: str, port: int, proxy: int | None) -> str:
        return url.replace(f":{port}/", f":{proxy}/") if proxy else url

    def parts(self) -> list[Part]:
        user = server_user()
        env = str(self.environment_file)
        beat = (*CELERY, "beat", "-S", "celery.beat.Scheduler", "-l", "WARNING")
        portal = (PYTHON, "manage.py", "portal", "--host", HOST, "--port", str(self.port))
        return [
            Part("postgres", self.postgres.command(), "INT", 60, 1, user.pw_name if user else "-"),
            Part("redis", self.redis.command(), "TERM", 30, 1),
            *(
                Part(f"gateway-{number}", gateway_command(port), priority=30, env_file=env)
                for number, port in enumerate(self.gateway_ports, 1)
            ),
            Part("portal", portal, priority=40, env_file=env),
            *(
                Part(f"worker-{queue}", worker_command(queue, count), stop_seconds=20, priority=20, env_file=env)
                for queue, count in WORKERS.items()
            ),
            Part("beat", beat, priority=60, env_file=env),
        ]

    # --- up and down --------------------------------------------------------------------------------------------

    def up(self, say: Callable[[str], None] = lambda text: None) -> None:
        packages.ensure("postgres", "redis")
        if pid := self.supervisor.own_pid():
            raise StackError(f"A stack is already running in {self.var} (pid {pid}). `make stack-down` stops it.")
        for name, port in [("PORT", self.port), *(("GATEWAY_PORT", port) for port in self.gateway_ports)]:
            if not is_port_free(port):
                raise StackError(f"Port {port} is in use. Choose another one: make stack {name}={port + 10}")
        self.var.mkdir(parents=True, exist_ok=True)
        self.supervisor.end(0)  # parts that a killed supervisor has left behind
        say("Preparing PostgreSQL and Redis ...")
        self.postgres.prepare()
        self.redis.prepare()
        self.write_environment()
        self.supervisor.configure(self.parts())
        try:
            self.process = self.supervisor.launch()
            self._start_all(say)
        except BaseException:
            self.down()
            raise

    def _start_all(self, say: Callable[[str], None]) -> None:
        for name, server in (("postgres", self.postgres), ("redis", self.redis)):
            self.supervisor.start(name)
            self._wait(name, server.answers)
        self.postgres.create_database()
        say("Preparing the database ...")
        self.manage("migrate", "--noinput", "--verbosity", "0")
        say("Starting gateways, portal, workers and beat ...")
        for name in self.names[2:]:
            self.supervisor.start(name)
        self.wait_until_ready(max_starts=4)

    def wait_until_ready(self, seconds: float = START_SECONDS, max_starts: int = 1000) -> None:
        """Wait until all parts answer.

        Raises:
            StackError: a part did not answer in time, or was started more than `max_starts` times.
        """
        self._wait("portal", lambda: answers(self.port), seconds, max_starts)
        for number, port in enumerate(self.gateway_ports, 1):
            self._wait(f"gateway-{number}", partial(answers, port), seconds, max_starts)
        for name in (*self.workers, "beat"):
            self._wait(name, partial(self.is_running, name), seconds, max_starts)

    def down(self) -> bool:
        """Stop all parts in order, also if another process started them, and return whether anything was running."""
        was_up = self.supervisor.end()
        if self.process is not None:
            self.process.wait(30)
            self.process = None
        return was_up

    def _wait(
        self, name: str, condition: Callable[[], bool], seconds: float = START_SECONDS, max_starts: int = 1000
    ) -> None:
        end = time.monotonic() + seconds
        pids: set[int | None] = set()
        while not condition():
            pids.add(self.pid(name))
            is_over = self.process is not None and self.process.poll() is not None
            if time.monotonic() > end or is_over or len(pids - {None}) > max_starts:
                raise StackError(f"{name} does not answer. The end of {self.log(name)}:\n{self.tail(name)}")
            time.sleep(0.1)

    def write_environment(self) -> None:
        lines = [f"{name}={shlex.quote(value)}\n" for name, value in self.settings().items()]
        with os.fdopen(os.open(self.environment_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.writelines(lines)

    # --- for tests and the benchmark ----------------------------------------------------------------------------

    def pid(self, name: str) -> int | None:
        return self.supervisor.pid(name)

    def is_running(self, name: str) -> bool:
        return self.pid(name) is not None

    def kill(self, name: str, number: signal.Signals = signal.SIGKILL) -> int:
        """Kill a part, which the supervisor then restarts, and return the pid that it had."""
        pid = self.pid(name)
        if pid is None:
            raise StackError(f"{name} is not running.")
        os.kill(pid, number)
        return pid

    def manage(self, *arguments: str) -> str:
        """Run `manage.py` with the settings of this stack, and return its output."""
        env = os.environ | self.settings()
        done = subprocess.run([PYTHON, "manage.py", *arguments], cwd=ROOT, env=env, capture_output=True, text=True)
        if done.returncode:
            raise StackError(f"manage.py {arguments[0]} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
        return done.stdout

    def log(self, name: str) -> Path:
        return self.supervisor.log / f"{name}.log"

    def tail(self, name: str, size: int = 3000) -> str:
        path = self.log(name)
        return path.read_text(errors="replace")[-size:] if path.exists() else "(nothing)"


@contextmanager
def running_stack(var: Path, gateways: int = 1, extra: dict[str, str] | None = None) -> Iterator[Stack]:
    """Run a stack on free ports during the block."""
    port = free_port()
    stack = Stack(var, port, free_ports_in_a_row(gateways, {port}), gateways, extra or {})
    try:
        stack.up()
        yield stack
    finally:
        stack.down()


def free_ports_in_a_row(count: int, taken: set[int]) -> int:
    while True:
        first = free_port(taken)
        ports = {first + number for number in range(count)}
        if not ports & taken and all(is_port_free(port) for port in ports):
            return first


def answers(port: int, path: str = "/health/") -> bool:
    """Return whether a GET request is answered with status 200."""
    link = http.client.HTTPConnection(HOST, port, timeout=5)
    try:
        link.request("GET", path, headers={"Host": f"localhost:{port}"})
        return link.getresponse().status == 200
    except (OSError, http.client.HTTPException):
        return False
    finally:
        link.close()


def gateway_command(port: int) -> tuple[str, ...]:
    return (PYTHON, str(ROOT / "manage.py"), "gateway", "--host", HOST, "--port", str(port))


def worker_command(queue: str, count: int) -> tuple[str, ...]:
    options = f"-n {queue}@%h -Q {queue} -P prefork -c {count} -l WARNING --without-mingle --without-gossip"
    return (*CELERY, "worker", *options.split())


def known_settings() -> list[str]:
    """Return the names in .env.example, which a test compares with the settings."""
    lines = (ROOT / ".env.example").read_text().splitlines()
    return [line.lstrip("# ").split("=", 1)[0] for line in lines if "=" in line and line.lstrip("# ")[0].isupper()]


def fernet_key() -> str:
    return base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()


def stored_secret(path: Path, create: Callable[[], str]) -> str:
    """Return the secret in a file, which is created at the first start. The embedded mode uses the same file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with (
        contextlib.suppress(FileExistsError),
        os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file,
    ):
        file.write(create())
    return path.read_text().strip()


# --- the two commands ---------------------------------------------------------------------------------------------


def say(text: str) -> None:
    """Print a line for the user, as JSON if LOG_FORMAT is set to it."""
    is_json = os.environ.get("LOG_FORMAT") == "json"
    print(json.dumps({"event": text.strip(), "level": "info"}) if is_json else text, flush=True)


def describe(stack: Stack) -> str:
    where = stack.var.relative_to(Path.cwd()) if stack.var.is_relative_to(Path.cwd()) else stack.var
    gateways = [f"  Gateway {n:<2} {url}/<identity>" for n, url in enumerate(stack.ocpp_urls, 1)]
    lines = [
        "",
        f"  Portal     {stack.portal_url}/",
        f"  Admin      {stack.portal_url}/admin/",
        f"  API        {stack.portal_url}/api/v1/docs/",
        *gateways,
        f"  PostgreSQL {HOST}:{stack.postgres.port}   Redis {HOST}:{stack.redis.port}   (passwords: stack.env)",
        "",
        f"  Commands   set -a; . {where}/stack.env; set +a; .venv/bin/python manage.py ...",
        f"  Pids       {where}/run/NAME.pid   {' '.join(stack.names)}",
        f"  Logs       {where}/log/NAME.log",
        "",
        "  Ctrl-C or `make stack-down` stops it.",
        "",
    ]
    return "\n".join(lines)


def up(stack: Stack) -> int:
    def interrupt(number: int, frame: object) -> None:
        raise KeyboardInterrupt

    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        stack.up(say)
        say(describe(stack))
        if stack.process is not None:
            stack.process.wait()
    except KeyboardInterrupt:
        say("\nStopping ...")
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the shutdown
    stack.down()
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=["up", "down"])
    parser.add_argument("--var", type=Path, default=ROOT / "var")
    parser.add_argument("--port", type=int, default=8000)
    parser.add_argument("--gateway-port", type=int, default=9000)
    parser.add_argument("--gateways", type=int, default=1)
    options = parser.parse_args()
    try:
        if options.action == "down":
            var = options.var.absolute()
            say("Stopped." if Supervisor(var).end() else f"No stack is running in {var}.")
            return 0
        return up(Stack(options.var, options.port, options.gateway_port, options.gateways))
    except (StackError, ServiceError, SupervisorError, packages.MissingError) as error:
        if os.environ.get("LOG_FORMAT") == "json":
            error = json.dumps({"event": str(error), "level": "error"})  # type: ignore[assignment]
        print(error, file=sys.stderr)
        return 2 if isinstance(error, packages.MissingError) else 1


if __name__ == "__main__":
    sys.exit(main())
