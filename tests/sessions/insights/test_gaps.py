"""The register audit: energy that a meter counted between two sessions of its connector (T39, errata 3.77)."""

from datetime import timedelta

import pytest

from sessions.models import ChargingSession
from tests import factories
from tests.sessions.conftest import at


@pytest.fixture
def charge(station):
    """Return a function that creates a finished session from one register to another."""

    def make(minute, start, end, **more):
        registers = {"meter_start_wh": start, "meter_stop_wh": end}
        fields = {"station": station, "finished": True, "stopped_at": at(minute + 5)} | registers | more
        return factories.SessionFactory(started_at=at(minute), **fields)

    return make


def gaps(**filters):
    rows = ChargingSession.objects.filter(**filters).with_gaps().order_by("started_at", "pk")
    return [(row.pk, row.before_id, row.gap_wh) for row in rows]


def test_a_register_that_rose_between_sessions_is_a_gap(charge):
    first, second = charge(0, 1000, 2000), charge(10, 2500, 3000)
    charge(20, 3000, 4000)
    assert gaps() == [(second.pk, first.pk, 500)]


def test_a_register_that_fell_between_sessions_is_a_negative_gap(charge):
    first, second = charge(0, 1000, 2000), charge(10, 0, 3000)
    assert gaps() == [(second.pk, first.pk, -2000)]


def test_connectors_and_stations_have_meters_of_their_own(charge):
    charge(0, 1000, 2000)
    charge(10, 9000, 9500, connector_number=2)
    charge(20, 100, 300, station=factories.StationFactory())
    charge(30, 2000, 2500)
    assert gaps() == []


def test_an_unknown_connector_is_excluded(charge):
    charge(0, 1000, 2000)
    charge(10, 5000, 6000, connector_number=0)
    charge(20, 2000, 2500)
    assert gaps() == []


def test_a_session_without_registers_prevents_the_comparison(charge):
    """Otherwise its own energy would look like a gap."""
    charge(0, 1000, 2000)
    charge(10, None, None)
    charge(20, 4000, 4500)
    assert gaps() == []


def test_a_running_session_is_compared_with_the_previous_one(charge):
    first = charge(0, 1000, 2000)
    running = charge(10, 2100, None, finished=False, stopped_at=None)
    assert gaps() == [(running.pk, first.pk, 100)]


def test_the_first_session_of_a_period_is_compared_with_the_last_one_before_it(charge):
    """Otherwise the months would not add up to the year."""
    charge(-90, 0, 1000)
    before = charge(-60, 1000, 2000)
    charge(-30, 7000, 8000, connector_number=2)
    first = charge(10, 2300, 3000)
    charge(20, 3000, 4000)
    assert gaps(started_at__gte=at(0)) == [(first.pk, before.pk, 300)]


def test_sessions_are_compared_in_the_order_of_their_starts(charge):
    second, first = charge(10, 2500, 3000), charge(0, 1000, 2000)
    assert first.pk > second.pk
    row = ChargingSession.objects.with_gaps().get()
    assert (row.pk, row.before_id, row.before_stop_wh) == (second.pk, first.pk, 2000)
    assert row.before_stopped_at == at(0) + timedelta(minutes=5)
