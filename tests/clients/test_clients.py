"""OCPP clients that we did not write boot, authorise, charge, meter, stop and obey; they judge every word of ours."""

import asyncio
import shutil
import subprocess
import sys
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest

from chargers.models import ChargingStation
from ocpp_gateway.simulator.fleet import run_fleet
from ocpp_gateway.simulator.station import Plan
from operations.commands.services.asking import request_command
from operations.models import Command
from sessions.models import ChargingSession
from tests.ocpp_gateway.running_system import PASSWORD, ROOT, until

pytestmark = [pytest.mark.clients, pytest.mark.processes]
HERE = Path(__file__).parent


def node(script):
    program = shutil.which("node")
    assert program, "Node.js is not installed: OCPP clients from npm cannot judge us. Install nodejs and npm."
    assert (HERE / "node_modules").is_dir(), "Run `npm ci` in tests/clients first; `make test` does it by itself."
    return [program, str(HERE / script)]


CLIENTS = {
    "ocpp-rpc (npm, strict)": lambda: node("rpc_station.mjs"),
    "em-ocpp-chargepoint-simulator (npm)": lambda: node("em_station.mjs"),
    "ocpp (PyPI)": lambda: [sys.executable, "-m", "tests.clients.py_station"],
}


class Client:
    """A client's process, line by line."""

    def __init__(self, words, system, station):
        words = [*words, f"{system.gateway.url}/ocpp", station.identity, PASSWORD]
        self.process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        self.lines = []
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.process.stdout:
            self.lines.append(line.strip())

    def says(self, word):
        def there():
            assert self.process.poll() is None or any(line.startswith(word) for line in self.lines), "\n".join(
                self.lines
            )
            return next((line for line in self.lines if line.startswith(word)), None)

        return until(there, 60, f"{word!r} in {self.lines}")

    def ends_well(self):
        code = self.process.wait(60)
        self.reader.join(5)
        assert code == 0, "\n".join(self.lines)


@pytest.fixture
def station(system):
    system.tag  # noqa: B018 - makes it
    return system.station(registration="new")


@pytest.mark.parametrize("name", CLIENTS)
def test_a_client_charges_by_itself_and_from_afar(system, station, name):
    """T13, T20, T21, T25, B5: two sessions, the second one started and stopped by us."""
    client = Client(CLIENTS[name](), system, station)
    try:
        client.says("ready")
        station.refresh_from_db()
        assert station.registration == "accepted"
        start = request_command(
            station=station, kind=Command.Kind.REMOTE_START, parameters={"id_tag": "GOODTAG", "connector": 1}
        )
        transaction = int(client.says("charging").split()[1])
        stop = request_command(station=station, kind=Command.Kind.REMOTE_STOP, parameters={"session": transaction})
        client.ends_well()
    finally:
        client.process.kill()
    system.drained(station)
    sessions = ChargingSession.objects.filter(station=station).order_by("pk")
    assert [(s.energy_wh, s.closed_by, s.authorization) for s in sessions] == [(400, "station", "Accepted")] * 2
    assert all(s.sample_count for s in sessions) and not any(s.flags for s in sessions)
    for command in (start, stop):
        command.refresh_from_db()
        assert (command.state, command.session_id) == ("confirmed", transaction)
    assert not ChargingStation.objects.get(pk=station.pk).oddities.exists()


def test_our_own_simulated_station_charges_and_obeys(system, station):
    """The demo's station, which is the `ocpp` package's charge point."""
    plan = Plan(identity=station.identity, password=PASSWORD, connectors=1, sample_seconds=0.3, fault_chance=0)
    with running(f"{system.gateway.url}/ocpp", plan):
        until(lambda: ChargingStation.objects.get(pk=station.pk).registration == "accepted", 30)
        station.refresh_from_db()
        start = request_command(
            station=station, kind=Command.Kind.REMOTE_START, parameters={"id_tag": "GOODTAG", "connector": 1}
        )
        session = until(lambda: ChargingSession.objects.filter(station=station).first(), 30)
        until(lambda: session.readings.count() > 2, 20)
        stop = request_command(station=station, kind=Command.Kind.REMOTE_STOP, parameters={"session": session.pk})
        until(lambda: ChargingSession.objects.get(pk=session.pk).stop_reason == "Remote", 20)
    for command in (start, stop):
        command.refresh_from_db()
        assert command.state == "confirmed"


@contextmanager
def running(url, plan):
    """A simulated station in a thread with a loop of its own."""
    ended = threading.Event()

    async def until_ended():
        fleet = asyncio.create_task(run_fleet(url, [plan]))
        while not ended.is_set():
            await asyncio.sleep(0.05)
        fleet.cancel()
        await asyncio.gather(fleet, return_exceptions=True)

    thread = threading.Thread(target=lambda: asyncio.run(until_ended()))
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
