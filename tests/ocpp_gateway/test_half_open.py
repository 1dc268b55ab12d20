"""Connections whose request never gets complete are dropped, by the gateway and by the portal, and nothing else is."""

import contextlib
import os
import socket
import subprocess
import sys
import time

import pytest

from tests.ocpp_gateway.link import Link
from tests.ocpp_gateway.running_system import ROOT, START_SECONDS, Gateway, until
from tools.services import HOST, free_port

pytestmark = pytest.mark.processes
SECONDS = 2
PARTS = {
    "nothing": b"",
    "half a line": b"GET /heal",
    "half a head": b"GET /health/ HTTP/1.1\r\nHost: localhost\r\n",
    "half a handshake": b"GET /ocpp/X HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n",
    "half a body": b"POST /health/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nabc",
}


@pytest.fixture(scope="module", params=["gateway", "portal"])
def door(request, inside):
    """A server with a short deadline."""
    port = free_port()
    words = [sys.executable, "manage.py", request.param, "--port", str(port)]
    env = inside.environment | {"HALF_OPEN_SECONDS": str(SECONDS)}
    server = Gateway(f"half-open-{request.param}", words, env, inside.folder, port=port)
    server.start()
    until(server.answers, START_SECONDS, server.name)
    yield server
    server.end()


def is_closed(peer: socket.socket) -> bool:
    with contextlib.suppress(BlockingIOError):
        try:
            while peer.recv(65536):
                pass
        except BlockingIOError:
            raise
        except OSError:
            pass
        return True
    return False


def opened(port: int, part: bytes) -> socket.socket:
    peer = socket.create_connection((HOST, port))
    peer.sendall(part)
    peer.setblocking(False)
    return peer


@pytest.mark.parametrize("part", PARTS)
def test_100_half_open_requests_are_gone_within_the_deadline(door, part):
    peers = [opened(door.port, PARTS[part]) for _ in range(100)]
    assert door.answers()  # others are served meanwhile
    until(lambda: all(is_closed(peer) for peer in peers), SECONDS + 8, part)
    for peer in peers:
        peer.close()


def test_dripping_does_not_put_it_off(door):
    """One byte now and then keeps servers content that only look for silence."""
    peer = opened(door.port, b"GET /health/ HTTP/1.1\r\nX: ")
    end = time.monotonic() + SECONDS + 6
    while not is_closed(peer):
        assert time.monotonic() < end
        with contextlib.suppress(OSError):
            peer.send(b"x")
        time.sleep(0.5)


@pytest.mark.parametrize("door", ["gateway"], indirect=True)  # stations do not connect to the portal
def test_a_station_stays_connected_for_longer(door, inside):
    station = inside.station()
    with Link(door.url, station.identity, password="0123456789abcdef").opened() as link:
        time.sleep(SECONDS + 1.5)
        assert link.call("Heartbeat")


def test_the_fixed_deadline_is_within_30_seconds():
    words = [sys.executable, "-c", "import django; django.setup(); from django.conf import settings as s; "
             "print(s.HALF_OPEN_SECONDS)"]  # fmt: skip
    env = os.environ | {"DJANGO_SETTINGS_MODULE": "cpms.settings.base"}
    told = subprocess.run(words, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert float(told.stdout.split()[-1]) <= 30
