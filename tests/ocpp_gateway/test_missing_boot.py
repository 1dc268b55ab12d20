"""Stations of a team that send messages without a boot message are served, and asked for it once per link (T22)."""

import pytest

from maintenance.models import Deviation
from operations.models import Command
from tests.ocpp_gateway.link import wh
from tests.ocpp_gateway.running_system import until

pytestmark = pytest.mark.processes


@pytest.mark.parametrize("registration", ["new", "pending"])
def test_a_station_of_a_team_is_served_without_a_boot_and_asked_for_one(system, registration):
    """T22, Vi2: it was moved here by changing its URL; 'pending' is what is left of its time in the pool."""
    station = system.station(registration=registration)
    with system.link(station) as link:
        transaction = link.start()
        asked_at = link.next_call()
        assert asked_at[1:] == ("TriggerMessage", {"requestedMessage": "BootNotification"})
        link.answer(asked_at[0], {"status": "Accepted"})
        link.meter(transaction, wh(1500))
        assert link.call("Authorize", idTag="GOODTAG")["idTagInfo"]["status"] == "Accepted"
        assert link.call("Heartbeat") and link.stop(transaction) == {} and not link.pending_calls  # once per link
        deviations = Deviation.objects.filter(station=station, action="", code="", what="boot: missing")
        until(lambda: deviations.filter(count=1).exists())
        station.refresh_from_db()
        assert station.registration == registration and station.charging_sessions.get().energy_wh == 1000
        assert link.boot()["status"] == "Accepted"
    station.refresh_from_db()
    assert (station.registration, station.boot_count) == ("accepted", 1)
    command = Command.objects.get(station=station)
    assert (command.kind, command.requested_by, command.state) == ("trigger_message", None, "accepted")


def test_each_link_of_a_station_that_never_boots_asks_once(system):
    station = system.station(registration="new")
    for count in (1, 2):
        with system.link(station) as link:
            for _ in range(3):
                assert link.call("Heartbeat")
            link.answer_next("TriggerMessage", {"status": "NotImplemented"})
            assert link.call("Heartbeat") and not link.pending_calls
        until(lambda n=count: Command.objects.filter(station=station, state="refused").count() == n)
        until(lambda n=count: Deviation.objects.filter(station=station, count=n).exists())


def test_a_station_that_boots_first_is_not_asked_to_boot(system):
    station = system.station(registration="new")
    with system.link(station) as link:
        assert link.boot()["status"] == "Accepted"
        assert link.call("Heartbeat") and not link.pending_calls
    assert not Command.objects.filter(station=station).exists()
    assert not Deviation.objects.filter(station=station).exists()


def test_a_rejected_station_stays_rejected(system):
    """T20."""
    station = system.station(registration="rejected")
    with system.link(station) as link:
        assert link.error([2, "0", "Heartbeat", {}]) == ("0", "SecurityError")
        assert link.boot()["status"] == "Rejected"
        assert link.error([2, "1", "Heartbeat", {}]) == ("1", "SecurityError")
        assert not link.pending_calls
