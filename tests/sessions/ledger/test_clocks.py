"""Impossible clocks and missing timestamps (F16, T35, B1)."""

from datetime import UTC, datetime, timedelta

import pytest

from sessions.models import ChargingSession, MeterReading
from sessions.samples.services.matching import Sampled
from sessions.samples.services.samples import record_samples
from sessions.samples.services.summing import settle_ended_sessions
from tests.sessions.conftest import at

NEVER_SET = datetime(1970, 1, 1, tzinfo=UTC)
FUTURE = datetime(2090, 1, 1, tzinfo=UTC)
WRONG = pytest.mark.parametrize("clock", [NEVER_SET, FUTURE, datetime(2014, 12, 31, tzinfo=UTC)])


@WRONG
def test_a_session_with_a_wrong_clock_uses_the_time_of_arrival(book, clock):
    pk = book.start(started_at=clock, received_at=at(0)).session.pk
    book.stop(pk, stopped_at=clock + timedelta(hours=1), received_at=at(60))
    session = book.only()
    assert (session.started_at, session.stopped_at) == (at(0), at(60))
    assert (session.reported_started_at, session.reported_stopped_at) == (clock, clock + timedelta(hours=1))
    assert (session.flags, session.is_billable, session.energy_wh) == (["clock"], False, 7000)


@WRONG
def test_repeated_reports_with_a_wrong_clock_are_recognised(book, clock):
    pk = book.start(started_at=clock, received_at=at(0)).session.pk
    assert book.start(started_at=clock, received_at=at(1)).session.pk == pk
    for minute in (60, 61):
        result = book.stop(pk, stopped_at=clock + timedelta(hours=1), received_at=at(minute))
        assert (result.session.pk, result.is_new) == (pk, minute == 60)
    assert not book.start(started_at=clock, received_at=at(70)).is_new
    assert (book.only().flags, book.only().stopped_at) == (["clock"], at(60))


@WRONG
@pytest.mark.parametrize("by_id", [True, False])
def test_readings_with_a_wrong_clock_find_their_session(book, clock, by_id):
    """Also by connector, because their clock is wrong in the same way."""
    pk = book.start(started_at=clock, received_at=at(0)).session.pk
    for again in range(2):
        for minute, wh in ((10, 2000), (20, 3000)):
            sampled = Sampled(
                book.station.pk, 1, pk if by_id else None, clock + timedelta(minutes=minute), [{"value": str(wh)}],
                at(minute + again * 2 + 0.1),
            )  # fmt: skip
            settle_ended_sessions(record_samples([sampled]))
    session = book.only()
    assert (session.energy_wh, session.sample_count, session.last_sample_at) == (2000, 2, at(20))
    assert list(session.readings.order_by("at").values_list("at", flat=True)) == [at(10), at(20)]


def test_a_wrong_clock_does_not_sort_first(book):
    book.start(0, connector=1)
    book.start(connector=2, started_at=FUTURE, received_at=at(1))
    book.start(2, connector=3)
    assert [each.connector_number for each in ChargingSession.objects.all()] == [3, 2, 1]


def test_an_end_with_a_wrong_clock_uses_the_time_of_arrival(book):
    pk = book.start(0).session.pk
    book.stop(pk, stopped_at=NEVER_SET, received_at=at(30))
    session = book.only()
    assert (session.stopped_at, session.reported_stopped_at, session.flags) == (at(30), NEVER_SET, ["clock"])
    assert session.duration == timedelta(minutes=30)
    assert not book.stop(pk, stopped_at=NEVER_SET, received_at=at(90)).is_new
    assert book.only().flags == ["clock"]


@pytest.mark.parametrize(("minutes", "is_wrong"), [(4.9, False), (5.1, True)])
def test_a_clock_may_be_some_minutes_ahead(book, minutes, is_wrong):
    session = book.start(minutes, arrives=0).session
    assert ("clock" in session.flags, session.reported_started_at is not None) == (is_wrong, is_wrong)
    assert session.started_at == (at(0) if is_wrong else at(minutes))


# --- times that were not reported ------------------------------------------------------------------------------------


def test_without_a_time_the_time_of_arrival_is_used(book):
    pk = book.start(started_at=None, received_at=at(0), as_reported={"started_at": "yesterday"}).session.pk
    book.stop(pk, stopped_at=None, received_at=at(60))
    session = book.only()
    assert (session.started_at, session.stopped_at, session.flags) == (at(0), at(60), ["time_missing"])
    assert (session.is_billable, session.as_reported["started_at"]) == (True, "yesterday")


def test_a_start_without_a_time_is_recognised_by_the_meter(book):
    pk = book.start(started_at=None, received_at=at(0)).session.pk
    assert not book.start(started_at=None, received_at=at(1)).is_new
    book.stop(pk, 60)
    assert not book.start(started_at=None, received_at=at(61)).is_new
    assert book.start(started_at=None, meter=8000, received_at=at(62)).is_new
    assert len(book.sessions()) == 2


def test_a_start_without_a_meter_value_is_recognised_by_the_time(book):
    first = book.start(0, meter=None)
    book.sample(10, 5000, transaction=first.session.pk)
    again = book.start(0, meter=None, arrives=20)
    assert (again.is_new, again.session.pk) == (False, first.session.pk)
    assert book.start(30, meter=None).is_new


def test_a_start_without_time_and_meter_value_is_the_running_session(book):
    pk = book.start(started_at=None, meter=None, received_at=at(0)).session.pk
    assert not book.start(started_at=None, meter=None, received_at=at(1)).is_new
    book.stop(pk, 60)
    assert book.start(started_at=None, meter=None, received_at=at(61)).is_new


@pytest.mark.parametrize("missing", [{"stopped_at": None}, {"meter": None}, {"stopped_at": None, "meter": None}])
@pytest.mark.parametrize("number", [None, -1])
def test_a_repeated_incomplete_end_is_recognised(book, missing, number):
    pk = book.start(0).session.pk
    book.sample(10, 5000, transaction=pk)
    for minute in (60, 61, 400):
        result = book.stop(number or pk, **{"received_at": at(minute)} | missing)
        assert (result.session.pk, result.is_new) == (pk, minute == 60)
    assert not {"conflicting_stop", "reconstructed"} & set(book.only().flags)


@pytest.mark.parametrize("missing", [{"stopped_at": None}, {"meter": None}, {"stopped_at": None, "meter": None}])
def test_an_incomplete_end_of_no_session_is_stored_once(book, missing):
    for minute in (60, 61):
        assert book.stop(-1, **{"received_at": at(minute)} | missing).is_new == (minute == 60)
    assert book.only().flags[0] == "reconstructed"


def test_the_same_start_with_and_without_a_meter_value_breaks_nothing(book):
    """Its first reading equals the meter value of the other start."""
    pk = book.start(0, meter=None).session.pk
    book.stop(pk, 60)
    book.start(0, meter=5000, arrives=70)
    book.sample(10, 5000, transaction=pk)
    assert len(book.sessions()) == 2 and MeterReading.objects.count() == 1


# --- two sessions at one connector -----------------------------------------------------------------------------------


@pytest.mark.parametrize("connector", [1, 2])
def test_a_start_after_the_clock_was_set_back_supersedes_the_open_session(book, connector):
    first = book.start(60, connector=connector, meter=1000).session
    book.sample(90, 4000, transaction=first.pk, connector=connector)
    second = book.start(30, connector=connector, meter=4000, arrives=95).session
    first.refresh_from_db()
    assert (first.is_open, first.closed_by, first.energy_wh) == (False, "superseded", 3000)
    assert second.is_open


def test_an_older_session_ends_at_the_next_start_until_its_own_end_arrives(book):
    newest = book.start(200, meter=20_000).session
    middle = book.start(100, meter=10_000, arrives=201).session
    oldest = book.start(0, meter=1000, arrives=202).session
    for session, begin in ((middle, 200), (oldest, 100)):
        session.refresh_from_db()
        assert (session.stopped_at, session.closed_by, session.energy_wh) == (at(begin), "superseded", 0)
    book.sample(50, 6000, transaction=oldest.pk)
    book.stop(oldest.pk, 60, meter=8000, arrives=203)
    book.stop(middle.pk, 150, meter=15_000, arrives=204)
    found = [(each.energy_wh, each.closed_by, set(each.flags) - {"offline"}) for each in book.sessions()]
    assert found == [(7000, "station", set()), (5000, "station", set()), (0, "", set())]
    newest.refresh_from_db()
    assert newest.is_open


@pytest.mark.parametrize("tags", [("GOOD", "OTHER"), ("OTHER", "GOOD")])
def test_no_start_is_refused_by_the_database(book, tags):
    for index, minute in enumerate([10, 10, 5, 20, 0, 20, 15]):
        book.start(minute, tag=tags[index % 2], meter=1000 + index % 3, arrives=30 + index)
    assert ChargingSession.objects.open().count() == 1
