"""Energy from registers that contradict the start, fall, or are reset (T38, T39)."""

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sessions.ledger.services.registers import Point, summarize_registers
from tests.sessions.conftest import at

RATED_W = 500_000


def course(*registers, has_end=True, minutes=10, rated_w=RATED_W):
    points = [Point(at(number * minutes), wh) for number, wh in enumerate(registers)]
    return summarize_registers(points, rated_w=rated_w, has_end=has_end)


def energy(*registers, **more):
    return course(*registers, **more).energy_wh


def test_energy_of_rising_registers_is_end_minus_start():
    found = course(1000, 1500, 1500, 4000)
    assert (found.energy_wh, found.has_fallen, found.resets, found.contradicts_end) == (3000, False, [], False)


@pytest.mark.parametrize(
    ("registers", "wh"),
    [
        ((157_440, 0, 400, 900, 1600), 1600),  # counts from zero in each session
        ((157_440, 0, 400, 900, 1600, 159_040), 1600),  # and the stop has the real meter's register
        ((1000, 1500, 0, 2000, 2600), 1600),  # falls to zero for one sample
        ((1000, 1500, 0, 0, 2000, 2600), 1600),  # falls to zero for two samples
        ((1000, 0, 1500, 0, 2000), 1000),
        ((9000, 9500, 9900, 0, 300, 350, 400), 1300),  # a reset in mid-session, with the end below the start
        ((1000, 1500, 2000, 0, 500, 1000, 1800, 2600), 3600),  # the same with the end above the start
        ((1000, 3000, 0, 500, 900, 0, 200, 400), 3300),  # two resets
        ((1000, 5000, 9000, 1500), 8000),  # a reset right before the end
        ((8000, 1000), 0),
        ((1000, 1010, 990, 1100), 100),  # a display that rounds
        ((1000, 20_000, 8000), 7000),  # one reading that contradicts both
        ((1000, 5000, 1200, 2000, 2600), 1600),  # a single outlier from which it falls back
        ((0, 2000, 0, 500, 900), 2900),  # a reset to the register at the start
        ((0, 10**15, -(10**15), 34, 1000, 10**15, 700, 800), 800),
    ],
)
def test_the_rising_parts_add_up(registers, wh):
    assert energy(*registers) == wh


@pytest.mark.parametrize("registers", [(1000, 1500, 0), (1000, 1500, 0, 0), (1000, 0, 1500), (1000, 1500)])
def test_a_running_session_does_not_lose_energy(registers):
    assert energy(*registers, has_end=False) == 500


def test_an_impossible_register_is_ignored():
    assert energy(1000, 900_000_000, 1500, 2000) == 1000
    assert energy(1000, 900_000_000, 900_000_100, 1500, 2000) == 1000
    assert energy(1000, 1200, 900_000_000, has_end=False) == 200
    assert energy(0, 30_000, 1000, 2000, rated_w=22_000) == 2000


def test_a_reset_names_the_unknown_interval():
    (reset,) = course(1000, 1500, 2000, 0, 500, 1000, 1800, 2600).resets
    assert reset == (Point(at(20), 2000), Point(at(30), 0))
    assert course(1000, 1500, 0, 2000, 2600).resets == []
    assert course(1000, 1500, 0, 2000, 2600).has_fallen


def test_no_readings_are_no_energy():
    assert (energy(), energy(7)) == (0, 0)


REGISTERS = st.lists(st.integers(-1000, 60_000), max_size=40)


@given(registers=REGISTERS, has_end=st.booleans(), rated_w=st.sampled_from([3700, 22_000, RATED_W]))
def test_energy_is_never_negative_and_never_more_than_all_rises(registers, has_end, rated_w):
    found = course(*registers, has_end=has_end, rated_w=rated_w)
    assert 0 <= found.energy_wh <= sum(max(0, b - a) for a, b in pairwise(registers))
    assert found.used == sorted(set(found.used))


@given(steps=st.lists(st.integers(0, 50_000), max_size=40), first=st.integers(-(10**9), 10**12))
def test_energy_of_any_rising_registers_is_end_minus_start(steps, first):
    registers = [first]
    for step in steps:
        registers.append(registers[-1] + step)
    assert energy(*registers) == registers[-1] - first
    assert not course(*registers).has_fallen


@given(data=st.data(), steps=st.lists(st.integers(0, 5000), min_size=2, max_size=30), first=st.integers(100, 10**9))
def test_single_zeros_change_nothing(data, steps, first):
    registers = [first]
    for step in steps:
        registers.append(registers[-1] + step)
    whole, points = energy(*registers), []
    for number, wh in enumerate(registers):
        points.append(Point(at(number * 10), wh))
        if number < len(registers) - 1 and data.draw(st.booleans()):
            points.append(Point(at(number * 10) + timedelta(minutes=5), 0))
    assert summarize_registers(points, rated_w=RATED_W, has_end=True).energy_wh == whole
