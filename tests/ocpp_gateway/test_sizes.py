"""How large a message may be, and what is told when one is larger (T37, S10)."""

from __future__ import annotations

import contextlib
import os
from datetime import datetime

import pytest
from websockets.exceptions import ConnectionClosed

from chargers.models import Oddity
from maintenance.models import Deviation, StationLink
from tests.ocpp_gateway.link import Link, moment, wh
from tests.ocpp_gateway.running_system import until

pytestmark = pytest.mark.processes
MEBIBYTE = 1024 * 1024


@pytest.fixture
def pooled(system):
    station = system.station(team=None, password=None, registration="pending")
    yield station
    station.delete()  # the pool has a limit


@pytest.mark.parametrize("is_deflated", [False, True])
def test_who_has_not_proved_itself_sends_a_mebibyte_at_most(system, pooled, is_deflated):
    """S10: also as a bomb."""
    with Link(system.other.url, pooled.identity, deflate=is_deflated).opened() as link:
        assert link.boot()["status"] == "Pending"
        assert link.error("[" + " " * (MEBIBYTE - 2) + "]")[1] == "FormationViolation"
        link.send("[" + " " * MEBIBYTE + "]")
        assert link.close_code() == 1009
    oddity = until(lambda: Oddity.objects.filter(station=pooled).first())
    assert "(limit 1,048,576)" in oddity.note and "OCPP_FRAME_BYTES." in oddity.note


def test_a_registered_station_sends_eight_mebibytes_at_most(system, station):
    """T37: a long session's readings in one end."""
    with system.link(station) as link:
        transaction = link.start()
        data = [{"timestamp": moment(), "sampledValue": [wh(1500)] * 10}] * 8_000
        assert link.stop(transaction, transactionData=data) == {}
        assert link.error("[" + " " * (8 * MEBIBYTE - 2) + "]")[1] == "FormationViolation"
    assert not Oddity.objects.filter(station=station).exists()
    assert station.charging_sessions.get().energy_wh == 1000


@pytest.mark.parametrize("is_deflated", [False, True])
def test_a_station_that_sends_too_much_again_and_again_is_seen(system, station, is_deflated):
    """One row with cause and cure, and how often: never a silent loop."""
    times: list[datetime] = []
    for count in (1, 2, 3):
        with system.link(station, deflate=is_deflated) as link:
            assert link.call("Heartbeat")
            link.send("[" + " " * (8 * MEBIBYTE) + "]")
            assert link.close_code() == 1009
        until(lambda n=count: Deviation.objects.filter(station=station, code="1009", what="size", count=n).exists())
        newest = Oddity.objects.get(station=station).received_at
        assert (times := [*times, newest]) == sorted(set(times))
    oddity = Oddity.objects.get(station=station)
    size = "" if is_deflated else " of 8,388,610 bytes"
    assert oddity.kind == Oddity.Kind.MESSAGE_TOO_LARGE
    assert oddity.note.startswith(f"A message{size} (limit 8,388,608) was not read, the link closed (1009).")
    assert len(oddity.note) <= 160  # what pages show of it
    assert "StopTxnSampledData" in oddity.note and "OCPP_FRAME_BYTES_REGISTERED" in oddity.note
    assert StationLink.objects.filter(station=station, close_code=1009).count() == 3


def test_a_message_that_grows_by_fragments_is_too_large_as_well(system, station):
    """S10."""
    with system.link(station) as link:
        link.socket.send([" " * MEBIBYTE] * 9)
        assert link.close_code() == 1009
    assert until(lambda: Oddity.objects.filter(station=station).first()).kind == Oddity.Kind.MESSAGE_TOO_LARGE


def test_a_station_that_finds_our_message_too_large_is_no_oddity(system, station):
    with system.link(station) as link:
        link.socket.close(1009, "too big for me")
    until(lambda: StationLink.objects.filter(station=station, close_code=1009).exists())
    assert not Oddity.objects.filter(station=station).exists()


def resident_bytes(process):
    with open(f"/proc/{process.popen.pid}/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.parametrize("is_deflated", [False, True])
def test_strangers_that_send_much_leave_the_memory_as_it_is(system, pooled, is_deflated):
    """S10, F20: what is refused is not gathered first."""
    gateway = system.other
    before = resident_bytes(gateway)
    for _ in range(4):
        with Link(gateway.url, pooled.identity, deflate=is_deflated).opened() as link:
            with contextlib.suppress(ConnectionClosed):
                link.send(" " * (64 * MEBIBYTE))
            assert link.close_code() == 1009
    assert resident_bytes(gateway) - before < 32 * MEBIBYTE
    with system.link(gateway=gateway) as neighbour:
        assert neighbour.call("Heartbeat")
