"""tools/services.py: private PostgreSQL and Redis servers, durable on request, removed when no longer needed."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tools import packages, services
from tools.services import Redis, accessible_folder, free_port, is_port_free, running_services

ROOT = Path(__file__).resolve().parent.parent.parent


def test_ports_are_not_those_that_clients_are_lent():
    lowest = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    assert all(10_000 <= free_port() < lowest for _ in range(20))


def test_what_is_missing_is_named_for_who_may_not_install(monkeypatch):
    monkeypatch.setattr(packages.os, "geteuid", lambda: 1000)
    monkeypatch.setattr(packages, "redis_server", lambda: None)
    monkeypatch.setattr(packages, "chromium", lambda: None)
    with pytest.raises(packages.MissingError, match=r"redis-server, chromium.*apt-get install -y"):
        packages.ensure("redis", "chromium")


def test_a_folder_closed_to_the_servers_user_is_not_used(tmp_path):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    place = accessible_folder(closed / "data")
    assert place == closed / "data" if os.geteuid() else place.parent == Path("/var/tmp")


@pytest.mark.processes
def test_what_is_durable_survives_a_kill_and_needs_its_password(tmp_path_factory):
    folder = tmp_path_factory.mktemp("durable")
    for parent in (folder, folder.parent, folder.parent.parent):
        parent.chmod(0o711)
    with running_services(durable=True, folder=folder) as running:
        running.postgres.query("CREATE TABLE kept (number int); INSERT INTO kept VALUES (42)")
        running.postgres.kill()
        assert not running.postgres.answers()
        running.postgres.start()
        assert running.postgres.query("SELECT number FROM kept") == "42"
        running.redis.kill()
        running.redis.start()
        stranger = Redis(folder, running.redis.port, password="wrong")
        assert running.redis.answers()
        assert not stranger.answers()
        good, running.postgres.password = running.postgres.password, "wrong"
        with pytest.raises(services.ServiceError, match="password authentication failed"):
            running.postgres.query("SELECT 1")
        running.postgres.password = good
        ports = (running.postgres.port, running.redis.port)
    assert all(is_port_free(port) for port in ports)
    with running_services(durable=True, folder=folder) as running:
        assert running.postgres.query("SELECT number FROM kept") == "42"


@pytest.mark.processes
@pytest.mark.parametrize(("command", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", 137)])
def test_the_command_beside_the_servers_decides_the_exit_code(command, code, tmp_path):
    output = tmp_path / "output"
    bare = {key: value for key, value in os.environ.items() if key not in ("DATABASE_URL", "REDIS_URL", "VAR_DIR")}
    script = f'echo "$DATABASE_URL $REDIS_URL $VAR_DIR" > {output}; {command}'
    run = [sys.executable, str(ROOT / "tools" / "services.py"), "run", "sh", "-c", script]
    assert subprocess.run(run, env=bare).returncode == code
    database, redis, var = output.read_text().split()
    ports = [int(url.rsplit(":", 1)[1].split("/")[0]) for url in (database, redis)]
    assert all(is_port_free(port) for port in ports)
    assert not Path(var).exists()


@pytest.mark.processes
def test_servers_that_are_named_are_used_and_left_alone(tmp_path):
    output = tmp_path / "output"
    named = os.environ | {"DATABASE_URL": "postgresql://a@b/c", "REDIS_URL": "redis://d"}
    script = f'echo "$DATABASE_URL $REDIS_URL" > {output}'
    started = time.monotonic()
    subprocess.run(
        [sys.executable, str(ROOT / "tools" / "services.py"), "run", "sh", "-c", script], env=named, check=True
    )
    assert output.read_text().split() == ["postgresql://a@b/c", "redis://d"]
    assert time.monotonic() - started < 5
