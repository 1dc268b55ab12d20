"""Our own transaction id takes precedence over any guess (T24, T27-T30, errata 3.18)."""

import itertools
import random

import pytest

from chargers.models import Oddity
from sessions.ledger.services.unmatched import other_ends
from sessions.samples.services.samples import adopt_readings
from tests import factories
from tests.sessions.conftest import Book, at


def totals(book):
    return [
        (s.started_at, s.stopped_at, s.meter_start_wh, s.meter_stop_wh, s.energy_wh, s.is_billable, sorted(s.flags),
         s.reported_transaction_id, s.sample_count)
        for s in book.sessions()
    ]  # fmt: skip


def test_an_end_matched_with_a_start_is_released_when_its_own_end_arrives(book):
    """A former bug: the session kept 99,999 Wh and stayed billable."""
    book.stop(77, 50, meter=103_999)
    pk = book.start(0, meter=4000, arrives=51).session.pk
    assert book.only().energy_wh == 99_999
    assert book.stop(pk, 40, meter=8000, arrives=52).is_new
    own, foreign = book.sessions()
    assert (own.pk, own.energy_wh, own.stopped_at, own.is_billable) == (pk, 4000, at(40), True)
    assert (foreign.meter_stop_wh, foreign.flags[0], foreign.is_billable) == (103_999, "reconstructed", False)
    assert (foreign.reported_transaction_id, own.reported_transaction_id) == (77, None)
    (end,) = other_ends(own)
    assert (end.at, end.meter_wh, end.session_id, end.transaction_id) == (at(50), 103_999, foreign.pk, 77)
    assert Oddity.objects.get().kind == "unmatched_end"


def test_repeated_messages_afterwards_change_nothing(book):
    pk = None
    reports = [
        lambda: book.stop(77, 50, meter=103_999, arrives=50),
        lambda: book.start(0, meter=4000, arrives=51),
        lambda: book.stop(pk, 40, meter=8000, arrives=52),
    ]
    for report in reports:
        result = report()
        pk = result.session.pk if pk is None or report is reports[1] else pk
    known = totals(book)
    for order in itertools.permutations(reports):
        for report in order:
            assert not report().is_new
    assert totals(book) == known and Oddity.objects.count() == 1


@pytest.mark.parametrize("number", [0, -1])
def test_an_end_with_an_id_replaces_one_without(book, number):
    pk = book.start(0).session.pk
    book.stop(number, 30, meter=50_000)
    book.stop(pk, 60, meter=8000)
    own, foreign = book.sessions()
    assert (own.energy_wh, own.stopped_at, foreign.meter_stop_wh) == (7000, at(60), 50_000)
    for again in (number, pk):
        assert not book.stop(
            again, *((30,) if again == number else (60,)), meter=50_000 if again == number else 8000
        ).is_new


def test_a_sessions_own_end_with_the_same_content_confirms_the_guess(book):
    pk = book.start(0).session.pk
    book.stop(-1, 60)
    assert not book.stop(pk, 60).is_new
    assert not book.stop(pk, 70, meter=9000).is_new  # a third, contradicting stop: the first one wins
    session = book.only()
    assert (session.energy_wh, session.flags, session.is_billable) == (7000, ["conflicting_stop"], False)


def test_readings_with_the_foreign_id_move_with_its_end(book):
    book.sample(20, 50_000, transaction=77)
    book.stop(77, 50, meter=103_999)
    adopt_readings([(book.station.pk, 77)])
    pk = book.start(0, meter=4000, arrives=51).session.pk
    book.sample(30, 6000, transaction=pk)
    book.stop(pk, 40, meter=8000, arrives=52)
    own, foreign = sorted(book.sessions(), key=lambda session: session.pk)
    assert (own.sample_count, own.energy_wh, own.flags) == (1, 4000, ["offline"] if "offline" in own.flags else [])
    assert (foreign.sample_count, foreign.meter_start_wh, foreign.energy_wh) == (1, 50_000, 53_999)
    book.sample(25, 60_000, transaction=77)
    own.refresh_from_db()
    assert (own.sample_count, own.energy_wh) == (1, 4000)


def test_an_end_without_an_id_finds_a_session_that_the_next_one_superseded(book):
    """A station that never reports an id, and reports its stops late."""
    first = book.start(0, meter=1000).session
    book.start(70, meter=8000)
    result = book.stop(-1, 60, meter=8000, arrives=71)
    assert result.session.pk == first.pk
    first.refresh_from_db()
    assert (first.energy_wh, first.closed_by, first.flags) == (7000, "station", ["offline"])


def test_the_connector_of_an_end_decides_the_match(book):
    book.start(0, connector=1)
    second = book.start(0, connector=2).session
    assert book.stop(-1, 60, connector=2).session.pk == second.pk


def test_a_refused_start_that_the_station_ends_without_an_id_is_ended(book):
    good = book.start(0, connector=1, tag="GOOD").session
    refused = book.start(1, connector=2, tag="STRANGER").session
    assert book.stop(-1, 2, meter=1000, reason="DeAuthorized").session.pk == refused.pk
    good.refresh_from_db()
    assert good.is_open


# --- start, stop and start again within one second -------------------------------------------------------------------

SHORT, WHOLE = (0.01, 1000), (60, 9000)


@pytest.mark.parametrize("order", sorted(set(itertools.permutations([0, 1, 0, 1]))))
def test_a_start_that_looks_like_a_repetition_keeps_all_energy(book, order):
    pk = book.start(0).session.pk
    ends = [SHORT, WHOLE]
    for index in order:
        minute, meter = ends[index]
        book.stop(pk, minute, meter=meter, arrives=61)
        assert not book.start(0, arrives=62).is_new
    for number in range(1, 4):
        book.sample(number * 10, 1000 + number * 2000, transaction=pk)
    session = book.only()
    assert (session.energy_wh, session.stopped_at, session.sample_count) == (8000, at(60), 3)
    assert sorted(session.flags) == ["conflicting_stop", "offline"] or session.flags == ["conflicting_stop"]
    assert not session.is_billable
    (end,) = other_ends(session)
    assert (end.meter_wh, end.session_id) == (1000, None)


def test_a_contradicting_report_is_stored_as_received(book):
    pk = book.start(0).session.pk
    book.stop(pk, 60)
    book.stop(pk, 70, meter=9000)
    assert Oddity.objects.get().payload == f"{pk} 70 9000"
    assert other_ends(book.only()) == [(at(70), 9000, "Local", pk, None)]


def test_a_day_of_guesses_in_any_order(team):
    """Foreign ids, own stops and starts, repeated and shuffled, are billed the same."""
    factories.TagFactory(team=team, value="GOOD")
    found = set()
    for seed in range(20):
        dice = random.Random(seed)
        book = Book(factories.StationFactory(team=team))
        ids = {}
        queue = [("start", 0), ("foreign", 0), ("stop", 0), ("start", 1), ("stop", 1)] * 2
        dice.shuffle(queue)
        waiting = []
        for kind, number in [*queue, ("end", 0)]:
            begin, meter = number * 100, 4000 + number * 5000
            if kind == "start":
                ids[number] = book.start(begin, meter=meter, arrives=300).session.pk
            elif kind == "foreign":
                book.stop(77, 50, meter=103_999, arrives=300)
            elif kind == "stop":
                waiting.append(number)
            for each in [each for each in waiting if each in ids]:
                book.stop(ids[each], each * 100 + 40, meter=8000 + each * 5000, arrives=300)
                waiting.remove(each)
        found.add(tuple((s.energy_wh, s.is_billable, s.meter_stop_wh) for s in book.sessions()))
    assert found == {((4000, True, 8000), (0, False, 103_999), (4000, True, 13_000))}
