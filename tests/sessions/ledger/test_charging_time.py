"""Charging time and average power of a session (W94) use the same rule for time and energy."""

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from django.test import Client
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from sessions.ledger.services.charging import charging_of
from tests import factories

START = datetime(2026, 11, 1, 12, tzinfo=UTC)


class Point(NamedTuple):
    at: datetime
    energy_wh: int | None
    power_w: int | None = None


def points(*figures, step=timedelta(minutes=15)):
    return [Point(START + number * step, *figure) for number, figure in enumerate(figures)]


def test_nothing_is_derived_without_measurements():
    assert charging_of([]) is None
    assert charging_of(points((None,), (None,), (None,))) is None
    assert charging_of(points((1000,))) is None


def test_registers_alone_show_when_energy_flowed():
    charging = charging_of(points((0,), (1000,), (2000,), (2000,), (2004,)))
    assert charging == (timedelta(minutes=30), 2000)
    assert charging.average_w(None) == 4000


def test_power_alone_shows_when_energy_flowed():
    charging = charging_of(points((None, 8000), (None, 4000), (None, 0), (None, 0)))
    assert charging == (timedelta(minutes=30), 3000)
    assert charging.average_w(8000) == 6000


def test_energy_that_rose_after_a_reading_of_zero_power_is_charging():
    """The power was zero at the start of the interval, and the vehicle started charging within it."""
    charging = charging_of(points((0, 0), (2500, 10_000), (5000, 10_000), (5000, 0)))
    assert charging == (timedelta(minutes=30), 5000)
    assert charging.average_w(10_000) == 10_000


def test_the_pause_of_a_vehicle_does_not_lower_the_average():
    charging = charging_of(points((0, 11_000), (2750, 0), (2750, 0), (2752, 11_000), (5502, 0)))
    assert charging == (timedelta(minutes=30), 5500)


def test_a_coarse_register_does_not_raise_the_average_above_the_maximum():
    """A register with steps of 100 Wh: at 3 kW, each minute looks like 6 or 0 kW."""
    steps = [(100 * (number // 2), 3000) for number in range(61)]
    charging = charging_of(points(*steps, step=timedelta(minutes=1)))
    assert charging.time == timedelta(hours=1)
    assert charging.average_w(3000) == 3000


def test_a_register_that_fell_adds_nothing():
    assert charging_of(points((5000,), (0,), (1000,))) == (timedelta(minutes=15), 1000)


def test_too_short_a_time_has_no_average():
    assert charging_of(points((0,), (100,), step=timedelta(seconds=30))).average_w(11_000) is None


@settings(max_examples=300, deadline=None, phases=[Phase.explicit, Phase.generate])
@given(
    st.lists(
        st.tuples(st.one_of(st.none(), st.integers(0, 10**6)), st.one_of(st.none(), st.integers(-5000, 400_000))),
        max_size=30,
    ),
    st.one_of(st.none(), st.integers(0, 400_000)),
)
def test_the_average_never_exceeds_the_maximum(figures, highest):
    charging = charging_of(points(*figures))
    average = charging.average_w(highest) if charging else None
    assert average is None or average >= 0
    assert average is None or highest is None or average <= highest


@pytest.mark.django_db
def test_the_page_shows_no_average_above_the_maximum(user_with, station):
    """A former bug: average 23.6 and maximum 22.2 kW, because the energy was divided by too short a time."""
    session = factories.SessionFactory(
        station=station, finished=True, started_at=START, energy_wh=11_100, max_power_w=22_200
    )
    for number, (register, power) in enumerate([(0, 0), (1850, 22_200), (5550, 22_200), (9250, 22_200), (11_100, 0)]):
        factories.ReadingFactory(
            session=session, at=START + number * timedelta(minutes=10), energy_wh=register, power_w=power
        )
    client = Client()
    client.force_login(user_with("operator"))
    context = client.get(session.get_absolute_url()).context
    assert context["charging_time"] == timedelta(minutes=40)
    assert context["average_w"] == round(11_100 * 60 / 40)
