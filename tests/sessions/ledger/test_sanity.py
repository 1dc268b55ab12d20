"""Implausible sessions are not billed until they are reviewed (B4)."""

import pytest

from chargers.models import Connector
from tests import factories
from tests.sessions.conftest import at


@pytest.mark.parametrize(
    ("wh", "is_too_much"), [(22_000, False), (24_600, False), (24_800, True), (99_999, True), (0, False)]
)
def test_more_than_the_connector_can_deliver(book, wh, is_too_much):
    """The limit is the connector's rating over the duration, plus 10 %."""
    pk = book.start(0, meter=0).session.pk
    Connector.objects.update(max_power_w=22_000)
    book.stop(pk, 60, meter=wh)
    session = book.only()
    assert ("too_much_energy" in session.flags, session.is_billable) == (is_too_much, not is_too_much)


def test_a_running_session_is_flagged_and_cleared_again(book):
    pk = book.start(0, meter=0).session.pk
    Connector.objects.update(max_power_w=11_000)
    book.sample(1, 450, transaction=pk)
    book.sample(2, 900, transaction=pk)
    assert (book.only().flags, book.only().is_billable) == (["too_much_energy"], False)
    book.sample(20, 1000, transaction=pk)
    assert (book.only().flags, book.only().is_billable) == ([], True)


def test_the_circuit_replaces_a_missing_connector_rating(book):
    book.station.circuit = factories.CircuitFactory(max_current_a=16, phases=1)
    book.station.save()
    pk = book.start(0, meter=0).session.pk
    book.stop(pk, 60, meter=5000)
    assert book.only().flags == ["too_much_energy"]


def test_without_a_rating_the_limit_of_any_connector_applies(book):
    pk = book.start(0, meter=0).session.pk
    book.stop(pk, 9, meter=99_999)
    assert book.only().flags == ["too_much_energy"]


def test_a_late_end_removes_the_flag(book):
    first = book.start(0, meter=0).session
    Connector.objects.update(max_power_w=11_000)
    book.sample(1, 480, transaction=first.pk)
    book.start(3, meter=600)
    book.sample(2, 1000, transaction=first.pk)
    assert "too_much_energy" in book.sessions()[0].flags
    book.stop(first.pk, 2.5, meter=500, arrives=4)
    assert book.sessions()[0].flags == [] or book.sessions()[0].flags == ["energy_mismatch"]


# --- two sessions at once on one connector ---------------------------------------------------------------------------


def overlaps(book):
    return [("overlap" in session.flags, session.is_billable) for session in book.sessions()]


def test_sessions_that_overlap_are_both_flagged(book):
    first = book.start(0, meter=1000).session
    second = book.start(30, meter=4000).session
    book.stop(second.pk, 90, meter=9000)
    book.stop(first.pk, 60, meter=8000, arrives=91)
    assert overlaps(book) == [(True, False), (True, False)]


@pytest.mark.parametrize("end", [30, 30.05])
def test_consecutive_sessions_do_not_overlap(book, end):
    first = book.start(0, meter=1000).session
    second = book.start(30, meter=4000).session
    book.stop(first.pk, end, meter=4000, arrives=31)
    book.stop(second.pk, 90, meter=9000)
    assert overlaps(book) == [(False, True), (False, True)]


def test_other_connectors_do_not_overlap(book):
    for connector in (1, 2):
        book.stop(book.start(0, connector=connector).session.pk, 60)
    assert overlaps(book) == [(False, True), (False, True)]


def test_a_guessed_end_does_not_overlap(book):
    newest = book.start(200, meter=20_000).session
    for minute, meter in ((0, 1000), (100, 10_000)):
        book.start(minute, meter=meter, arrives=201)
    book.stop(newest.pk, 300, meter=25_000)
    assert overlaps(book) == [(False, True)] * 3


def test_the_flag_is_removed_from_both_sessions_when_they_no_longer_overlap(book):
    """The stop without an id belonged to another session."""
    book.start(0, meter=1000)
    first = book.only()
    book.start(30, meter=4000)
    book.sample(50, 5000, transaction=first.pk)
    second = book.sessions()[1]
    book.stop(second.pk, 90, meter=9000)
    assert overlaps(book) == [(True, False), (True, False)]
    book.stop(first.pk, 29, meter=3500, arrives=91)
    assert overlaps(book) == [(False, True), (False, True)]


# --- the other flags -------------------------------------------------------------------------------------------------


def test_every_sanity_flag_stops_billing(book):
    pk = book.start(0, meter=8000).session.pk
    book.stop(pk, 60, meter=1000)
    assert (book.only().flags, book.only().is_billable) == (["meter_reset", "negative_register"], False)


def test_an_end_before_the_start_is_not_billed(book):
    pk = book.start(60).session.pk
    book.stop(pk, 0, arrives=61)
    assert not book.only().is_billable


def test_unusual_sessions_are_billed(book):
    pk = book.start(0, arrives=600, meter=None).session.pk
    book.samples([1000, 1500, 0, 2000], transaction=pk)
    book.stop(pk, 60, meter=2500, arrives=601)
    session = book.only()
    assert sorted(session.flags) == ["meter_missing", "meter_reset", "offline"] and session.is_billable


def test_a_session_without_a_start_is_never_billed(book):
    book.sample(10, 2000, transaction=4711)
    book.stop(4711, 30, meter=4000)
    assert not book.only().is_billable
    book.sample(20, 3000, transaction=4711)
    assert not book.only().is_billable and book.only().started_at == at(20)
