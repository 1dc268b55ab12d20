"""A connected station goes to another team (Vi8): its link ends, nothing is lost, it comes back as theirs."""

from __future__ import annotations

import threading

import pytest
from django.db.models import F
from websockets.exceptions import ConnectionClosed

from chargers.models import ChargingStation, Oddity
from chargers.onboarding.services.handover import hand_over_station
from cpms.common.errors import DomainError
from maintenance.models import InboxEntry, Message, StationLink
from operations.commands.services.asking import request_command
from operations.commands.services.settling import settle_overdue_commands
from operations.models import Command
from tests import factories
from tests.ocpp_gateway.link import Link, moment, start_payload, wh
from tests.ocpp_gateway.running_system import PASSWORD, RunningSystem, until
from tests.ocpp_gateway.test_commands import becomes

pytestmark = pytest.mark.processes


@pytest.fixture
def theirs(system: RunningSystem):
    """Another team with a tag of its own."""
    team = factories.TeamFactory()
    factories.TagFactory(team=team, value="THEIRTAG")
    return team


def test_the_link_is_closed_and_the_station_comes_back_as_the_other_teams(system: RunningSystem, station, theirs):
    """Vi8: at once, by a hint; the same password lets it in, and the other team's tags count."""
    link = system.link(station)
    link.boot()
    assert link.call("Authorize", idTag="GOODTAG")["idTagInfo"]["status"] == "Accepted"
    new = hand_over_station(station=station, team=theirs)
    assert link.close_code(5) == 3000
    past = StationLink.objects.get(station=station)
    until(lambda: StationLink.objects.get(pk=past.pk).closed_at, what="end of the old link is booked")
    with system.link(new) as link:
        assert link.call("Heartbeat")["currentTime"]
        assert link.call("Authorize", idTag="THEIRTAG")["idTagInfo"]["status"] == "Accepted"
        assert link.call("Authorize", idTag="GOODTAG")["idTagInfo"]["status"] == "Invalid"
        transaction = link.start(idTag="THEIRTAG")
        link.meter(transaction, wh(1500))
        link.stop(transaction)
        session = new.charging_sessions.get()
        assert (session.pk, session.team, session.energy_wh) == (transaction, theirs, 1000)
        until(lambda: not InboxEntry.objects.filter(station=new, failed_at=None).exists())
        assert ChargingStation.objects.with_presence().get(pk=new.pk).presence == "online"
    assert ChargingStation.objects.with_presence().get(pk=station.pk).presence == "offline"
    assert not station.charging_sessions.exists()
    assert Message.objects.filter(station=station, action="BootNotification").count() == 1
    assert not Message.objects.filter(station=new, action="BootNotification").exists()


@pytest.mark.parametrize(
    ("action", "payload"),
    [
        ("StartTransaction", start_payload()),
        ("StopTransaction", {"transactionId": 1, "meterStop": 5, "timestamp": moment()}),
        ("StatusNotification", {"connectorId": 1, "status": "Faulted", "errorCode": "GroundFailure"}),
        ("MeterValues", {"connectorId": 1, "meterValue": [{"timestamp": moment(), "sampledValue": [wh(5)]}]}),
        ("BootNotification", {"chargePointVendor": "Other", "chargePointModel": "Other"}),
    ],
)
def test_what_the_old_link_still_says_is_not_acknowledged_and_changes_nothing(system, station, theirs, action, payload):
    """Vi8: also where the node was not told. The station keeps what it was not answered, and says it again."""
    link = system.link(station)
    assert link.call("Heartbeat")  # the link is booked
    ChargingStation.objects.filter(pk=station.pk).update(node=None)  # so nobody is told
    new = hand_over_station(station=station, team=theirs)
    link.send([2, "late", action, payload])
    with pytest.raises(ConnectionClosed):
        link.receive()
    assert link.close_code() == 3000
    assert not Message.objects.filter(station__in=[station, new], message_id="late").exists()
    for row in (station, new):
        assert not row.charging_sessions.exists() and not row.connectors.exists()
        assert not Oddity.objects.filter(station=row).exists()
    new.refresh_from_db()
    assert (new.vendor, new.boot_count, new.last_heard_at) == (station.vendor, 0, None)
    if action == "StartTransaction":
        with system.link(new) as again:
            transaction = again.call(action, **payload)["transactionId"]
        assert (new.charging_sessions.get().pk, new.charging_sessions.get().team) == (transaction, theirs)


def test_an_end_of_the_old_time_belongs_to_the_old_team(system: RunningSystem, station, theirs):
    """Vi8, B1, T30: a session that a rule had closed, and whose end comes later; the new team sees nothing of it."""
    with system.link(station) as link:
        transaction = link.start()
    station.charging_sessions.update(stopped_at=F("started_at"), meter_stop_wh=1000, closed_by="rule")
    new = hand_over_station(station=station, team=theirs)
    with system.link(new) as link:
        for _ in range(2):
            link.stop(transaction, meterStop=3000)
        until(lambda: not InboxEntry.objects.filter(station=new, failed_at=None).exists())
    ended = station.charging_sessions.get()
    assert (ended.closed_by, ended.meter_stop_wh, ended.team) == ("station", 3000, station.team)
    assert not new.charging_sessions.exists()


def test_nobody_gets_in_as_the_past(system: RunningSystem, station, theirs):
    """Vi8."""
    identity = station.identity
    hand_over_station(station=station, team=theirs)
    station.refresh_from_db()
    assert station.identity.startswith(identity + " (until")
    for password in (PASSWORD, ""):
        assert Link(system.gateway.url, station.identity, password=password).refusal() == 401


def test_a_command_that_was_sent_stays_with_the_old_team(system: RunningSystem, station, theirs):
    """Vi8, B5: what waits is not sent to the other team's station either."""
    with system.link(station) as link:
        station.refresh_from_db()
        sent = request_command(station=station, kind=Command.Kind.CLEAR_CACHE)
        assert link.next_call()[1] == "ClearCache"
        waiting = request_command(station=station, kind=Command.Kind.RESET, parameters={"type": "Hard"})
        new = hand_over_station(station=station, team=theirs)
        assert link.close_code(5) == 3000
    with system.link(new) as link:
        assert link.call("Heartbeat")
        settle_overdue_commands()  # the system has no beat
        becomes(waiting, "cancelled")
        assert not link.pending_calls and not new.commands.exists()
    assert Command.objects.get(pk=sent.pk).station_id == station.pk


def test_a_start_in_this_very_moment_is_either_booked_before_or_said_again(system: RunningSystem, station, theirs):
    """Vi8: it locks the station; whoever comes second sees what the first did."""
    link = system.link(station)
    done: list[object] = []

    def start() -> None:
        try:
            done.append(link.call("StartTransaction", **start_payload())["transactionId"])
        except ConnectionClosed:
            done.append("said again")

    thread = threading.Thread(target=start)
    thread.start()
    try:
        hand_over_station(station=station, team=theirs)
    except DomainError:
        assert station.charging_sessions.exists()
    thread.join(10)
    is_gone = ChargingStation.objects.get(pk=station.pk).handed_over_at is not None
    assert done == ["said again"] if is_gone else station.charging_sessions.get().pk == done[0]


def test_who_connects_in_this_very_moment_is_never_let_in_as_the_past(system: RunningSystem, theirs):
    """Vi8: between the look at the password and the opening of the link the station may have become another row."""
    here, there = system.team, theirs
    station = first = system.station()
    ended = threading.Event()

    def client_link() -> None:
        while not ended.is_set():
            try:
                with Link(system.gateway.url, first.identity, password=PASSWORD).opened():
                    pass
            except Exception:
                continue

    threads = [threading.Thread(target=client_link) for _number in range(4)]
    for thread in threads:
        thread.start()
    for _round in range(15):
        station, here, there = hand_over_station(station=station, team=there), there, here
    ended.set()
    for thread in threads:
        thread.join(10)
    past = ChargingStation.objects.filter(identity__startswith=first.identity + " (until")
    assert past.count() == 15
    assert not past.filter(node__isnull=False).exists()
    assert not StationLink.objects.filter(station__in=past, opened_at__gt=F("station__handed_over_at")).exists()
    with system.link(station) as link:
        assert link.call("Heartbeat")
