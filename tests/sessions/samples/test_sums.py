"""Billed energy when registers are inconsistent: running, ended, superseded and swept sessions (T38, T24)."""

import random
from datetime import timedelta

import pytest
from django.utils import timezone

from chargers.models import Connector
from sessions.ledger.services.closing import close_stale_sessions
from sessions.ledger.services.settling import resets_of
from sessions.samples.services.samples import adopt_readings
from sessions.samples.services.summing import settle_ended_sessions
from tests import factories
from tests.sessions.conftest import Book, at

COURSES = [  # start, samples, stop, energy while running, energy after the stop, flags after the stop
    (157_440, [0, 400, 900, 1600], 1600, 1600, 1600, ["meter_reset", "negative_register"]),
    (157_440, [0, 400, 900, 1600], 159_040, 1600, 1600, ["meter_reset"]),
    (1000, [1500, 0, 2000, 2500], 2600, 1500, 1600, ["meter_reset"]),
    (1000, [1500, 0, 0, 2000, 2500], 2600, 1500, 1600, ["meter_reset"]),
    (1000, [1500, 2000, 0, 500, 1000, 1800], 2600, 2800, 3600, ["meter_reset"]),
    (9000, [9500, 9900, 0, 300], 400, 1200, 1300, ["meter_reset", "negative_register"]),
    (1000, [900_000_000, 1500, 2000], 2500, 1000, 1500, ["meter_reset"]),
    (1000, [1500, 2000], 2500, 1000, 1500, []),
    (-500, [0, 500], 1000, 1000, 1500, ["negative_register"]),
]


@pytest.fixture(params=COURSES, ids=str)
def course(request):
    return request.param


def sample(book, registers, pk, together):
    if together:
        book.samples(registers, transaction=pk)
        return
    for number, wh in enumerate(registers, 1):
        book.sample(number * 5, wh, transaction=pk)


@pytest.mark.parametrize("together", [True, False])
def test_the_rising_parts_add_up_while_it_runs_and_at_its_end(book, course, together):
    start, registers, end, running, ended, flags = course
    pk = book.start(meter=start).session.pk
    sample(book, registers, pk, together)
    assert book.only().energy_wh == running
    book.stop(pk, 60, meter=end)
    for _ in range(2):
        session = book.only()
        assert (session.energy_wh, sorted(session.flags)) == (ended, flags)
        assert session.is_billable == ("negative_register" not in flags)
        settle_ended_sessions([pk])


def test_an_end_before_its_readings_gives_the_same_result(book, course):
    start, registers, end, _running, ended, flags = course
    pk = book.start(meter=start).session.pk
    book.stop(pk, 60, meter=end)
    places = list(enumerate(registers, 1))
    random.Random(1).shuffle(places)
    for number, wh in places:
        book.sample(number * 5, wh, transaction=pk)
    session = book.only()
    assert (session.energy_wh, sorted(session.flags)) == (ended, flags)


@pytest.mark.parametrize("late", [True, False])
def test_closed_by_the_next_start(book, course, late):
    start, registers, _end, running, _ended, _flags = course
    pk = book.start(meter=start).session.pk
    if not late:
        sample(book, registers, pk, False)
    book.start(60, meter=10**7)
    if late:
        sample(book, registers, pk, True)
    session = book.sessions()[0]
    assert (session.closed_by, session.energy_wh) == ("superseded", running)
    assert session.meter_stop_wh == registers[-1]


def test_closed_by_the_sweep(book, course):
    start, registers, _end, running, _ended, _flags = course
    pk = book.start(meter=start).session.pk
    sample(book, registers, pk, False)
    Connector.objects.filter(station=book.station).update(
        status="Available", status_changed_at=timezone.now() - timedelta(minutes=3)
    )
    close_stale_sessions()
    session = book.only()
    assert (session.closed_by, session.energy_wh) == ("rule", running)


def test_energy_never_falls_to_zero_while_registers_rise(book):
    """The meter counts from zero in each session."""
    pk = book.start(meter=157_440).session.pk
    seen = []
    for number, wh in enumerate([0, 100, 250, 0, 400, 600], 1):
        book.sample(number * 5, wh, transaction=pk)
        seen.append(book.only().energy_wh)
    assert seen == [0, 100, 250, 250, 400, 600]


def test_a_reset_names_the_readings_between_which_energy_is_unknown(book):
    pk = book.start(meter=1000).session.pk
    book.samples([1500, 2000, 0, 500, 1000, 1800], transaction=pk)
    book.stop(pk, 60, meter=2600)
    (reset,) = resets_of(book.only())
    assert (reset.before.wh, reset.before.at, reset.after.wh, reset.after.at) == (2000, at(10), 0, at(15))


def test_a_flag_is_removed_when_late_readings_explain_it(book):
    pk = book.start(meter=1000).session.pk
    book.sample(10, 30_000, transaction=pk)
    book.stop(pk, 60, meter=8000)
    settle_ended_sessions([pk])
    assert book.only().flags == ["energy_mismatch"]
    book.samples([9000, 17_000, 24_000], transaction=pk, minutes=2)
    assert (book.only().flags, book.only().energy_wh) == (["meter_reset"], 29_000)


# --- meter values that were not reported -----------------------------------------------------------------------------


def test_without_a_meter_start_the_first_reading_is_used(book):
    pk = book.start(meter=None).session.pk
    assert (book.only().flags, book.only().energy_wh) == (["meter_missing"], 0)
    book.sample(10, 5000, transaction=pk)
    book.sample(20, 7000, transaction=pk)
    assert (book.only().meter_start_wh, book.only().energy_wh) == (5000, 2000)
    book.sample(5, 4000, transaction=pk)
    book.stop(pk, 60, meter=9000)
    session = book.only()
    assert (session.meter_start_wh, session.energy_wh, session.flags) == (4000, 5000, ["meter_missing"])
    assert session.is_billable


def test_without_a_meter_end_the_last_reading_is_used(book):
    """Also a reading inside the stop, which is processed later."""
    pk = book.start(meter=1000).session.pk
    book.sample(10, 5000, transaction=pk)
    book.stop(pk, 60, meter=None)
    assert (book.only().meter_stop_wh, book.only().energy_wh) == (5000, 4000)
    book.sample(60, 9000, transaction=pk, connector=0, context="Transaction.End")
    session = book.only()
    assert (session.meter_stop_wh, session.energy_wh, session.flags) == (9000, 8000, ["meter_missing"])
    assert session.is_billable and session.closed_by == "station"


def test_without_any_meter_value_there_is_no_energy(book):
    pk = book.start(meter=None).session.pk
    book.stop(pk, 60, meter=None)
    session = book.only()
    assert (session.meter_start_wh, session.meter_stop_wh, session.energy_wh) == (None, None, 0)


def test_reported_values_are_stored(book):
    pk = book.start(meter=1000, as_reported={"meter_start": "1000.4"}).session.pk
    book.stop(pk, meter=None, as_reported={"meter_stop": "many", "reason": "Sleepy", "id_tag": "X" * 30})
    reported = book.only().as_reported
    assert reported.items() >= {
        "meter_start": "1000.4", "meter_stop": "many", "stop_reason": "Sleepy", "stop_id_tag": "X" * 30,
    }.items()  # fmt: skip


# --- order -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("together", [True, False])
def test_a_clock_that_is_set_back_does_not_freeze_the_session(book, together):
    pk = book.start(0, meter=1000).session.pk
    book.sample(60, 2000, transaction=pk)
    if together:
        book.samples([2500, 3000, 3500], transaction=pk, begin=0)
    else:
        for number, wh in enumerate([2500, 3000, 3500], 1):
            book.sample(number * 5, wh, transaction=pk, arrives=60 + number * 5)
            assert (book.only().energy_wh, book.only().last_sample_at) == (wh - 1000, at(60 + number * 5))
            assert number == 1 or book.only().power_w == 6000
    session = book.only()
    assert (session.energy_wh, session.last_register_wh, session.flags) == (2500, 3500, [])
    book.stop(pk, 100, meter=4000)
    assert (book.only().energy_wh, book.only().flags) == (3000, [])


def test_late_readings_are_ordered_by_time(book):
    pk = book.start(0, meter=1000).session.pk
    for minute, wh in ((30, 4000), (10, 2000), (20, 3000), (40, 5000)):
        book.sample(minute, wh, transaction=pk)
    session = book.only()
    assert (session.energy_wh, session.last_sample_at, session.flags) == (4000, at(40), [])


def test_messages_of_a_faulty_meter_give_the_same_result_in_any_order(team):
    """B1: the energy after a meter reset, a glitch and a late stop does not depend on the order."""
    factories.TagFactory(team=team, value="GOOD")
    registers = [1500, 2000, 0, 500, 1000, 0, 1500, 1800]
    found = set()
    for seed in range(12):
        book = Book(factories.StationFactory(team=team))
        pk = book.start(0, meter=1000).session.pk
        queue = [("sample", number) for number in range(len(registers))] + [("stop", 0)]
        queue *= 2
        random.Random(seed).shuffle(queue)
        for kind, number in queue:
            if kind == "stop":
                book.stop(pk, 60, meter=2600)
            else:
                book.sample((number + 1) * 5, registers[number], transaction=pk)
        adopt_readings([(book.station.pk, pk)])
        session = book.only()
        found.add((session.energy_wh, tuple(sorted(session.flags)), session.sample_count, session.max_power_w))
    assert len(found) == 1 and found.pop()[0] == 3600


def test_very_many_readings_are_added_one_by_one(book, monkeypatch):
    """A short fall to zero is not billed, and a late reading is not billed twice."""
    monkeypatch.setattr("sessions.ledger.services.settling.MAX_READINGS_WHILE_RUNNING", 3)
    pk = book.start(meter=1000).session.pk
    book.samples([1500, 2000, 2500, 3000], transaction=pk)
    for minute, wh, energy in ((25, 0, 2000), (12, 2200, 2000), (30, 3500, 2500), (31, 3600, 2600)):
        book.sample(minute, wh, transaction=pk)
        assert book.only().energy_wh == energy
    book.stop(pk, 60, meter=4000)
    assert (book.only().energy_wh, book.only().flags) == (3000, ["meter_reset"])
