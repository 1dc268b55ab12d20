"""A tag is refused as busy only if it can really be charging elsewhere (ConcurrentTx; B2, T33)."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers.models import ChargingStation, Connector, GatewayNode
from chargers.stations.services.statuses import StatusReport, record_statuses
from sessions.ledger.services.closing import close_stale_sessions
from sessions.models import ChargingSession
from tests import factories
from tests.sessions.conftest import Book, at


@pytest.fixture
def node():
    return factories.GatewayNodeFactory(alive_at=timezone.now())


def a_station(team, node):
    return Book(factories.StationFactory(team=team, node=node, connected_at=at(-60)))


@pytest.fixture
def charging(team, node):
    """A station where the card has been charging since noon."""
    factories.TagFactory(team=team, value="CARD")
    book = a_station(team, node)
    book.session = book.start(0, tag="CARD").session
    book.sample(5, 2000, transaction=book.session.pk)
    return book


@pytest.fixture
def next_door(team, node):
    return a_station(team, node)


def verdict(book, minute=30.0, **more):
    return book.start(minute, tag="CARD", **more).verdict.status


def status(book, word, minute=20.0, connector=1):
    record_statuses([StatusReport(book.station.pk, connector, word, at(minute), at(minute))])


def boots(book, minutes_ago):
    """Set the time of the station's last boot; the tests run long after noon."""
    ChargingStation.objects.filter(pk=book.station.pk).update(booted_at=timezone.now() - timedelta(minutes=minutes_ago))


def ended(book):
    session = ChargingSession.objects.get(pk=book.session.pk)
    return session.closed_by


def test_a_tag_that_charges_is_busy(charging, next_door):
    assert verdict(next_door) == "ConcurrentTx"
    assert ended(charging) == ""


@pytest.mark.parametrize("word", ["Available", "Unavailable", "Reserved"])
def test_a_connector_that_was_reported_free_since_ends_it(charging, next_door, word):
    status(charging, word)
    assert verdict(next_door) == "Accepted"
    session = ChargingSession.objects.get(pk=charging.session.pk)
    assert (session.closed_by, session.energy_wh, session.stopped_at) == ("rule", 1000, at(5))
    assert session.flags == ["closed_by_rule"] and session.is_billable


@pytest.mark.parametrize("word", ["Preparing", "Charging", "SuspendedEV", "SuspendedEVSE", "Finishing", "Faulted"])
def test_any_other_status_keeps_the_tag_busy(charging, next_door, word):
    status(charging, word)
    assert verdict(next_door) == "ConcurrentTx"


def test_a_status_from_before_the_start_keeps_the_tag_busy(charging, next_door):
    status(charging, "Available", minute=-1)
    assert verdict(next_door) == "ConcurrentTx"


def test_a_refused_session_makes_no_tag_busy(team, node, charging, next_door):
    third = a_station(team, node)
    assert verdict(next_door) == "ConcurrentTx"
    charging.stop(charging.session.pk, 31)
    assert verdict(third, 32) == "Accepted"


def test_a_tag_is_free_elsewhere_after_its_station_lost_power(charging, next_door):
    boots(charging, minutes_ago=1)
    assert verdict(next_door) == "Accepted"
    assert ended(charging) == ""  # the session may still continue
    boots(charging, minutes_ago=3)
    assert verdict(next_door, 40, connector=2) == "ConcurrentTx"  # the tag now charges here
    assert ended(charging) == "rule"


@pytest.mark.parametrize("goes_on", ["reading", "status"])
def test_a_station_that_continued_after_its_restart_keeps_the_tag_busy(charging, next_door, goes_on):
    ChargingStation.objects.filter(pk=charging.station.pk).update(booted_at=at(10))
    if goes_on == "reading":
        charging.sample(12, 3000, transaction=charging.session.pk)
    else:
        status(charging, "Charging", minute=12)
    assert verdict(next_door) == "ConcurrentTx"


def test_a_station_that_is_offline_keeps_no_tag_busy(charging, next_door):
    ChargingStation.objects.filter(pk=charging.station.pk).update(node=None, disconnected_at=at(20))
    assert verdict(next_door) == "Accepted"
    assert ended(charging) == ""


def test_a_station_whose_gateway_died_keeps_no_tag_busy(charging, next_door):
    dead = factories.GatewayNodeFactory()
    GatewayNode.objects.filter(pk=dead.pk).update(alive_at=timezone.now() - timedelta(minutes=5))
    ChargingStation.objects.filter(pk=charging.station.pk).update(node=dead)
    assert verdict(next_door) == "Accepted"


def test_another_connector_of_the_same_station_is_elsewhere(charging):
    assert verdict(charging, connector=2) == "ConcurrentTx"
    status(charging, "Available")
    assert verdict(charging, 31, connector=3) == "Accepted"


def test_a_closed_session_can_continue(charging, next_door):
    status(charging, "Available")
    verdict(next_door)
    charging.sample(40, 5000, transaction=charging.session.pk)
    session = ChargingSession.objects.get(pk=charging.session.pk)
    assert (session.energy_wh, session.stopped_at) == (4000, at(40))
    charging.stop(charging.session.pk, 60, meter=8000)
    session.refresh_from_db()
    assert (session.energy_wh, session.closed_by, session.flags) == (7000, "station", [])


def test_a_refused_start_that_the_station_ends_is_ended(charging, next_door):
    refused = next_door.start(30, tag="CARD").session
    next_door.stop(refused.pk, 31, meter=1000, reason="DeAuthorized")
    refused.refresh_from_db()
    assert (refused.is_open, refused.is_billable, refused.closed_by) == (False, False, "station")


# --- the sweep -------------------------------------------------------------------------------------------------------


def test_the_sweep_closes_sessions_on_connectors_free_for_two_minutes(charging):
    Connector.objects.filter(station=charging.station).update(
        status="Available", status_changed_at=timezone.now() - timedelta(minutes=1)
    )
    assert close_stale_sessions() == 0
    Connector.objects.update(status_changed_at=timezone.now() - timedelta(minutes=3))
    assert close_stale_sessions() == 1
    assert ended(charging) == "rule"


def test_the_sweep_closes_sessions_not_resumed_after_a_restart(charging):
    boots(charging, minutes_ago=1)
    assert close_stale_sessions() == 0
    boots(charging, minutes_ago=3)
    assert close_stale_sessions() == 1
    session = ChargingSession.objects.get(pk=charging.session.pk)
    assert (session.closed_by, session.energy_wh) == ("rule", 1000)


def test_the_sweep_leaves_running_sessions(charging):
    ChargingStation.objects.filter(pk=charging.station.pk).update(booted_at=at(10))
    charging.sample(12, 3000, transaction=charging.session.pk)
    assert close_stale_sessions() == 0
