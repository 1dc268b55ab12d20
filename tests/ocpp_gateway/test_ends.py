"""How links end: by silence, by time, and by a gateway that stops in order."""

from __future__ import annotations

import base64
import os
import socket
import time
from collections.abc import Iterator

import pytest

from chargers.models import ChargingStation, Presence
from tests.ocpp_gateway.link import basic, moment
from tests.ocpp_gateway.running_system import PASSWORD, START_SECONDS, Gateway, RunningSystem, until

pytestmark = pytest.mark.processes


@pytest.fixture
def strict(system: RunningSystem) -> Iterator[Gateway]:
    """A gateway that asks each second whether a link lives, and ends one that says nothing for two."""
    gateway = system.new_gateway("strict", OCPP_PING_SECONDS="1", OCPP_PONG_SECONDS="1", OCPP_IDLE_SECONDS="2")
    until(gateway.answers, START_SECONDS, gateway.name)
    yield gateway
    gateway.end()
    system.processes.remove(gateway)


def presence(station: ChargingStation) -> str:
    return str(ChargingStation.objects.with_presence().get(pk=station.pk).presence)


def test_a_link_whose_other_end_answers_no_ping_is_cut(strict: Gateway, station: ChargingStation) -> None:
    """B7: a station that lost its power says no good-bye."""
    request = [
        f"GET /ocpp/{station.identity} HTTP/1.1",
        f"Host: 127.0.0.1:{strict.port}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Protocol: ocpp1.6",
        f"Authorization: {basic(station.identity, PASSWORD)}",
    ]
    with socket.create_connection(("127.0.0.1", strict.port), timeout=10) as door:
        door.sendall(("\r\n".join(request) + "\r\n\r\n").encode())
        assert b" 101 " in door.recv(4096)
        until(lambda: presence(station) == Presence.ONLINE)
        begin = time.monotonic()
        while door.recv(4096):
            assert time.monotonic() - begin < 10
    until(lambda: presence(station) == Presence.OFFLINE)


def test_a_link_that_says_nothing_is_closed_where_that_is_set(
    system: RunningSystem, strict: Gateway, station: ChargingStation
) -> None:
    with system.link(station, strict) as link:
        assert link.close_code() == 1000
    until(lambda: presence(station) == Presence.OFFLINE)


def test_a_gateway_that_stops_in_order_says_so(
    system: RunningSystem, strict: Gateway, station: ChargingStation
) -> None:
    with system.link(station, strict) as link:
        link.boot()
        strict.end()
        assert link.close_code() == 1012  # service restart: come back soon
    assert presence(station) == Presence.OFFLINE


def test_a_long_queue_of_one_station_is_taken_whole(system: RunningSystem, station: ChargingStation) -> None:
    """T31: 300 messages that were kept while it was offline; none is refused."""
    with system.link(station) as link:
        for number in range(75):
            begin, end = 9000 - number * 60, 9000 - number * 60 - 30
            transaction = link.start(idTag=f"Q{number}", meterStart=number * 100, timestamp=moment(begin))
            link.meter(transaction, {"value": str(number * 100 + 50)}, at=moment(begin - 10))
            link.stop(transaction, meterStop=number * 100 + 100, timestamp=moment(end))
            link.call("StatusNotification", connectorId=1, status="Available", errorCode="NoError")
    system.drained(station)
    assert station.charging_sessions.filter(energy_wh=100, sample_count=1).count() == 75
