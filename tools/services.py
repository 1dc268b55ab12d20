"""Private PostgreSQL and Redis servers: disposable ones for a test suite, durable ones for the stack.

Runs with the system's Python before the virtual environment exists, so it uses only the standard library.
"""

import base64
import ctypes
import os
import pwd
import random
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

if __package__ in (None, ""):  # run as a script
    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from tools import packages

ROOT = Path(__file__).resolve().parent.parent
HOST = "127.0.0.1"
DATABASE = "cpms"
DURABLE = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on", "max_wal_size": "2GB"}
DISPOSABLE = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class ServiceError(Exception):
    """A server did not start. The message contains the end of its log."""


def free_port(taken: set[int] | None = None) -> int:
    """Return a free port below the ephemeral ones, so that no client socket occupies it while a server restarts."""
    try:
        first_ephemeral = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    except (OSError, ValueError):
        first_ephemeral = 32768
    for _ in range(200):
        port = random.randrange(10_000, max(first_ephemeral, 11_000))
        if port not in (taken or ()) and is_port_free(port):
            return port
    raise ServiceError("There is no free port below the ephemeral ones.")


def is_port_free(port: int, host: str = HOST) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def server_user() -> pwd.struct_passwd | None:
    """Return the user that runs PostgreSQL if we are root, which it refuses; None: the current user."""
    if os.geteuid() != 0:
        return None
    for name in ("postgres", "nobody"):
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise ServiceError("PostgreSQL cannot run as root, and there is neither a user postgres nor nobody.")


def accessible_folder(folder: Path) -> Path:
    """Return the folder, or one in /var/tmp if PostgreSQL's user cannot access it."""
    user = server_user()
    folder = folder.absolute()
    if user is None or all(_may_enter(parent, user) for parent in folder.parents):
        return folder
    substitute = Path("/var/tmp") / f"cpms-{sha256(str(folder).encode()).hexdigest()[:12]}"
    print(f"The user {user.pw_name} cannot enter {folder.parent}: PostgreSQL's files are in {substitute}.", flush=True)
    return substitute


def _may_enter(folder: Path, user: pwd.struct_passwd) -> bool:
    try:
        status = folder.stat()
    except FileNotFoundError:
        return True  # will be created by _create_folder
    mode = status.st_mode
    if status.st_uid == user.pw_uid:
        return bool(mode & 0o100)
    return bool(mode & (0o010 if status.st_gid == user.pw_gid else 0o001))


def _create_folder(folder: Path) -> None:
    """Create a folder and its parents, accessible to PostgreSQL's user whatever the umask is."""
    missing = [parent for parent in (folder, *folder.parents) if not parent.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        path.chmod(0o711)


@dataclass
class Postgres:
    """A private PostgreSQL server. Call `prepare` once, then `start`, `stop` and `kill` any number of times."""

    folder: Path
    port: int
    durable: bool = False
    password: str = ""
    connections: int = 200
    process: subprocess.Popen[bytes] | None = None

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def url(self) -> str:
        return f"postgresql://{DATABASE}:{self.password}@{HOST}:{self.port}/{DATABASE}"

    def prepare(self) -> None:
        """Create the cluster if there is none. An existing one keeps its password."""
        packages.ensure("postgres")
        _create_folder(self.folder)
        password_file = self.folder / "password"
        if (self.data / "PG_VERSION").exists() and password_file.exists():
            self.password = password_file.read_text().strip()
            return
        shutil.rmtree(self.data, ignore_errors=True)  # left by an interrupted initdb
        self.password = self.password or secrets.token_urlsafe(24)
        _write_private(password_file, self.password)
        self.data.mkdir(mode=0o700)
        if user := server_user():
            for path in (self.data, password_file):
                os.chown(path, user.pw_uid, user.pw_gid)
        options = ["--auth=scram-sha-256", f"--pwfile={password_file}", f"--username={DATABASE}", "--encoding=UTF8"]
        options += ["--locale=C.UTF-8", *([] if self.durable else ["--no-sync"])]
        _run([self._program("initdb"), "-D", str(self.data), *options])

    def command(self) -> list[str]:
        settings = (DURABLE if self.durable else DISPOSABLE) | {
            "listen_addresses": HOST,
            "port": str(self.port),
            "unix_socket_directories": "",  # no socket that could conflict with the system's own server
            "max_connections": str(self.connections),
            "shared_buffers": "256MB" if self.durable else "128MB",
            "timezone": "UTC",
        }
        return [
            self._program("postgres"),
            "-D",
            str(self.data),
            *(f"--{key}={value}" for key, value in settings.items()),
        ]

    def start(self, ends_with_parent: bool = False) -> None:
        """Start the server, retrying if backends of a killed server still hold its shared memory."""
        log = self.folder / "postgres.log"
        for attempt in range(40):
            self.process = _spawn(self.command(), log, server_user(), ends_with_parent and signal.SIGQUIT)
            if _wait(self.answers, self.process, 60):
                return self.create_database()
            if "is still in use" not in _tail(log):
                break
            time.sleep(0.1 + attempt * 0.02)
        raise ServiceError(f"PostgreSQL did not start:\n{_tail(log)}")

    def answers(self) -> bool:
        return _exit_code([self._program("pg_isready"), "-q", "-h", HOST, "-p", str(self.port), "-t", "2"]) == 0

    def create_database(self) -> None:
        """Create our database if it does not exist: initdb creates only PostgreSQL's own."""
        exists = self.query(f"SELECT 1 FROM pg_database WHERE datname = '{DATABASE}'", "postgres")
        if not exists:
            self.query(f"CREATE DATABASE {DATABASE}", "postgres")

    def query(self, sql: str, database: str = DATABASE) -> str:
        """Return the output of a statement from psql, which needs no database driver."""
        env = os.environ | {"PGPASSWORD": self.password, "PGCONNECT_TIMEOUT": "5"}
        program = [self._program("psql"), "-X", "-A", "-t", "-q", "-v", "ON_ERROR_STOP=1"]
        return _run(
            [*program, "-h", HOST, "-p", str(self.port), "-U", DATABASE, "-d", database, "-c", sql], env
        ).strip()

    def stop(self) -> None:
        """Shut down fast: disconnect clients, and write committed data if the server is durable."""
        _end(self.process, signal.SIGINT if self.durable else signal.SIGQUIT)
        self.process = None

    def kill(self) -> None:
        _end(self.process, signal.SIGKILL)
        self.process = None

    def _program(self, name: str) -> str:
        folder = packages.postgres_folder()
        if folder is None:
            raise packages.MissingError("PostgreSQL 15 or later is not installed.")
        return str(folder / name)


@dataclass
class Redis:
    """A private Redis server with the same methods as `Postgres`."""

    folder: Path
    port: int
    durable: bool = False
    password: str = ""
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://:{self.password}@{HOST}:{self.port}/0"

    @property
    def configuration(self) -> Path:
        return self.folder / "redis.conf"

    def prepare(self) -> None:
        """Write the configuration with the password to a file, since all users can read command lines."""
        packages.ensure("redis")
        _create_folder(self.folder)
        password_file = self.folder / "password"
        if password_file.exists():
            self.password = password_file.read_text().strip()
        self.password = self.password or secrets.token_urlsafe(24)
        _write_private(password_file, self.password)
        lines = {
            "bind": HOST,
            "port": self.port,
            "dir": f'"{self.folder}"',
            "requirepass": self.password,
            "databases": 64,  # one for each worker of a suite
            "save": '""',
            "appendonly": "yes" if self.durable else "no",
            "appendfsync": "everysec",
            "maxclients": 4000,
            "daemonize": "no",
        }
        _write_private(self.configuration, "".join(f"{key} {value}\n" for key, value in lines.items()))

    def command(self) -> list[str]:
        program = packages.redis_server()
        if program is None:
            raise packages.MissingError("redis-server is not installed.")
        return [program, str(self.configuration)]

    def start(self, ends_with_parent: bool = False) -> None:
        log = self.folder / "redis.log"
        self.process = _spawn(self.command(), log, None, ends_with_parent and signal.SIGTERM)
        if not _wait(self.answers, self.process, 60):
            raise ServiceError(f"Redis did not start:\n{_tail(log)}")

    def answers(self) -> bool:
        try:
            with socket.create_connection((HOST, self.port), timeout=2) as link:
                link.sendall(f"AUTH {self.password}\r\nPING\r\n".encode())
                answer = b""
                while answer.count(b"\r\n") < 2 and (part := link.recv(200)):
                    answer += part
        except OSError:
            return False
        return b"+PONG" in answer

    def stop(self) -> None:
        _end(self.process, signal.SIGTERM)
        self.process = None

    def kill(self) -> None:
        _end(self.process, signal.SIGKILL)
        self.process = None


@dataclass
class Services:
    postgres: Postgres
    redis: Redis

    @property
    def environment(self) -> dict[str, str]:
        return {"DATABASE_URL": self.postgres.url, "REDIS_URL": self.redis.url}


@contextmanager
def running_services(durable: bool, folder: Path | None = None, ends_with_parent: bool = False) -> Iterator[Services]:
    """Run both servers during the block.

    Args:
        folder: for their data; by default a temporary folder that is deleted after the block.
        ends_with_parent: the kernel stops the servers when the calling thread ends, so call it from the main thread.
    """
    temporary = None if folder else Path(tempfile.mkdtemp(prefix="cpms-"))
    if temporary:
        temporary.chmod(0o711)
    data = accessible_folder(folder or temporary or Path())
    ports = {free_port()}
    ports.add(free_port(ports))
    postgres = Postgres(data / "postgres", ports.pop(), durable)
    redis = Redis(data / "redis", ports.pop(), durable)
    try:
        for server in (postgres, redis):
            server.prepare()
            server.start(ends_with_parent)
        yield Services(postgres, redis)
    finally:
        redis.stop()
        postgres.stop()
        if temporary:
            shutil.rmtree(data, ignore_errors=True)
            shutil.rmtree(temporary, ignore_errors=True)


def test_secrets() -> dict[str, str]:
    """Return the keys for one run: with PostgreSQL, the settings require them."""
    station_key = base64.urlsafe_b64encode(secrets.token_bytes(32)).decode()
    return {"SECRET_KEY": secrets.token_urlsafe(64), "STATION_SECRET_KEYS": station_key}


@contextmanager
def test_environment() -> Iterator[dict[str, str]]:
    """Yield the additional environment of a suite. Servers that the environment names are used, others are started."""
    given = dict(os.environ)
    with tempfile.TemporaryDirectory(prefix="cpms-var-") as var:
        extra = {key: value for key, value in (test_secrets() | {"VAR_DIR": var}).items() if not given.get(key)}
        if given.get("DATABASE_URL") and given.get("REDIS_URL"):
            yield extra
            return
        with running_services(durable=False, ends_with_parent=True) as services:
            own = {key: value for key, value in services.environment.items() if not given.get(key)}
            yield extra | own | ({"REDIS_IS_OURS": "1"} if "REDIS_URL" in own else {})


def _spawn(
    command: list[str], log: Path, user: pwd.struct_passwd | None, death_signal: int | bool
) -> subprocess.Popen[bytes]:
    """Start a process in its own session, so that Ctrl-C reaches only the suite, which then stops the servers."""
    with log.open("ab") as output:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            start_new_session=True,
            cwd="/",
            preexec_fn=(lambda: end_with_parent(int(death_signal))) if death_signal else None,  # noqa: PLW1509
            **_as_user(user),
        )


def end_with_parent(number: int) -> None:
    """Have the kernel send us this signal when our parent ends."""
    ctypes.CDLL(None).prctl(1, number)  # PR_SET_PDEATHSIG, called after the change of user, which would clear it


def _as_user(user: pwd.struct_passwd | None) -> dict[str, Any]:
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}


def _run(command: list[str], env: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        command,
        env=env,
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        **_as_user(server_user()),
    )
    if done.returncode:
        raise ServiceError(f"{Path(command[0]).name} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def _exit_code(command: list[str]) -> int:
    return subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode


def _wait(answers: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float) -> bool:
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if process.poll() is not None:
            return False
        if answers():
            return True
        time.sleep(0.05)
    _end(process, signal.SIGKILL)
    return False


def _end(process: subprocess.Popen[bytes] | None, number: signal.Signals) -> None:
    if process is None or process.poll() is not None:
        return
    process.send_signal(number)
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _write_private(path: Path, text: str) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)


def _tail(path: Path, size: int = 2000) -> str:
    return path.read_text(errors="replace")[-size:] if path.exists() else "(no log)"


def run(command: list[str]) -> int:
    """Run a command together with both servers, and return its exit code. The servers are stopped in any case."""
    child: subprocess.Popen[bytes] | None = None

    def forward(number: int, frame: object) -> None:
        if child is None:
            raise KeyboardInterrupt
        if number != signal.SIGINT or not _has_terminal():  # the terminal sends Ctrl-C to the child itself
            child.send_signal(number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, forward)
    with test_environment() as environment:
        child = subprocess.Popen(command, env=os.environ | environment)
        code = child.wait()
    return code if code >= 0 else 128 - code


def _has_terminal() -> bool:
    try:
        os.close(os.open("/dev/tty", os.O_RDWR))
    except OSError:
        return False
    return True


def main(arguments: list[str]) -> int:
    if len(arguments) < 2 or arguments[0] not in ("run", "run-suite"):
        print("services.py run COMMAND ...        run a command with PostgreSQL and Redis\n"
              "services.py run-suite COMMAND ...  the same, and install Chromium", file=sys.stderr)  # fmt: skip
        return 2
    try:
        packages.ensure("postgres", "redis", *(["chromium", "headless"] if arguments[0] == "run-suite" else []))
        return run(arguments[1:])
    except (packages.MissingError, ServiceError) as error:
        print(error, file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
