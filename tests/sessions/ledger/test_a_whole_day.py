"""A day of messages, sent twice and shuffled, results in the same sessions and totals (B1)."""

import random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sessions.models import ChargingSession, MeterReading
from tests import factories
from tests.sessions.conftest import Book

pytestmark = pytest.mark.django_db


def a_day(rng):
    """Return sessions of two connectors: (connector, start, length in minutes, meter at the start, energy)."""
    day = []
    for connector in (1, 2):
        minute, meter = rng.randrange(1, 30), rng.randrange(10_000)
        for _ in range(rng.randrange(1, 4)):
            length, energy = rng.randrange(3, 120), rng.randrange(20_000)
            day.append((connector, minute, length, meter, energy))
            minute, meter = minute + length + rng.randrange(1, 60), meter + energy
    return day


def messages(day):
    """Return the station's messages in order, as (kind, index of the session, part)."""
    return [
        (kind, number, part)
        for number in range(len(day))
        for kind, part in (("start", 0), ("sample", 1), ("sample", 2), ("sample", 3), ("stop", 0))
    ]


def shuffled(rng, queue):
    """Repeat and shuffle the messages, with each stop after its start, because it needs the transaction id."""
    queue = [*queue, *queue]
    rng.shuffle(queue)
    waiting, out, started = [], [], set()
    for kind, number, part in queue:
        if kind == "start":
            started.add(number)
            out.append((kind, number, part))
            out += [each for each in waiting if each[1] == number]
            waiting = [each for each in waiting if each[1] != number]
        elif number in started:
            out.append((kind, number, part))
        else:
            waiting.append((kind, number, part))
    return out


def play(book, day, queue):
    ids = {}
    for index, (kind, number, part) in enumerate(queue):
        connector, minute, length, meter, energy = day[number]
        if kind == "start":
            ids[number] = book.start(minute, connector=connector, meter=meter, arrives=2000 + index).session.pk
        elif kind == "sample":
            register = meter + energy * part // 4
            book.sample(minute + length * part / 4, register, transaction=ids[number], connector=connector)
        else:
            book.stop(ids[number], minute + length, meter=meter + energy, arrives=2000 + index)


def totals(book):
    rows = ChargingSession.objects.filter(station=book.station).order_by("connector_number", "started_at")
    return [
        (s.connector_number, s.started_at, s.stopped_at, s.meter_start_wh, s.meter_stop_wh, s.energy_wh, s.closed_by,
         s.sample_count, sorted(set(s.flags) - {"offline"}))
        for s in rows
    ]  # fmt: skip


@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(0, 2**32))
def test_repeated_and_shuffled_messages_give_the_same_result(team, seed):
    rng = random.Random(seed)
    day = a_day(rng)
    factories.TagFactory(team=team, value=f"T{seed}", allows_concurrent=True)
    in_order, in_disorder = (Book(factories.StationFactory(team=team)) for _ in range(2))
    play(in_order, day, messages(day))
    play(in_disorder, day, shuffled(rng, messages(day)))
    assert totals(in_disorder) == totals(in_order)
    assert sum(row[5] for row in totals(in_order)) == sum(energy for *_rest, energy in day)
    readings = MeterReading.objects.order_by("connector_number", "at", "session__started_at").values_list(
        "at", "energy_wh"
    )
    assert list(readings.filter(station=in_disorder.station)) == list(readings.filter(station=in_order.station))
