"""A handed-over station that repeats old messages gets the same answers and creates nothing new (Vi8)."""

import pytest

from chargers.models import ChargingStation, Oddity
from chargers.onboarding.services.handover import hand_over_station
from sessions.models import ChargingSession
from tests import factories
from tests.sessions.conftest import Book, at


@pytest.fixture
def old(book):
    book.station.password = b"a password of a station"
    book.station.save()
    return book


def moved(book, team=None):
    new = hand_over_station(station=book.station, team=team or factories.TeamFactory())
    return Book(ChargingStation.objects.get(pk=new.pk))


def rows():
    return list(ChargingSession.objects.order_by("pk").values())


@pytest.mark.parametrize("times", [1, 3])
def test_a_repeated_start_and_end_are_answered_as_before(old, times):
    start = old.start(0)
    pk = start.session.pk
    old.stop(pk, 60)
    new = old
    for _ in range(times):
        new = moved(new)
    known = rows()
    again = new.start(0, arrives=100)
    assert (again.is_new, again.is_of_predecessor, again.session.pk) == (False, True, pk)
    assert (again.verdict.status, again.verdict.tag) == (start.verdict.status, start.verdict.tag)
    result = new.stop(pk, 60, arrives=101)
    assert (result.is_new, result.is_of_predecessor, result.session.pk) == (False, True, pk)
    assert rows() == known and not Oddity.objects.exists()


def test_a_repeated_start_that_was_refused_stays_refused(old):
    pk = old.start(0, tag="STRANGER").session.pk
    old.stop(pk, 1, meter=1000)
    new = moved(old)
    factories.TagFactory(team=new.station.team, value="STRANGER")
    assert new.start(0, tag="STRANGER", arrives=90).verdict.status == "Invalid"


def test_the_own_end_of_an_old_session_that_was_superseded_goes_to_the_old_team(old):
    first = old.start(0).session
    second = old.start(70, meter=8000).session
    old.stop(second.pk, 90, meter=9000)
    new = moved(old)
    result = new.stop(first.pk, 60, meter=8000, arrives=100)
    assert (result.is_new, result.is_of_predecessor, result.session.pk) == (True, True, first.pk)
    first.refresh_from_db()
    assert (first.energy_wh, first.closed_by, first.station_id) == (7000, "station", old.station.pk)
    assert not new.station.charging_sessions.exists()


def test_a_contradicting_end_is_stored_in_the_old_team(old):
    pk = old.start(0).session.pk
    old.stop(pk, 60)
    new = moved(old)
    assert new.stop(pk, 70, meter=9000, arrives=100).is_of_predecessor
    assert Oddity.objects.get().station_id == old.station.pk
    assert ChargingSession.objects.get().flags == ["conflicting_stop"]


@pytest.mark.parametrize("number", [-1, 4711])
def test_a_repeated_end_without_our_id_creates_nothing(old, number):
    old.start(0)
    old.stop(number, 60)
    for session in ChargingSession.objects.open():
        old.stop(session.pk, 61)
    new = moved(old)
    known = rows()
    result = new.stop(number, 60, arrives=100)
    assert (result.is_new, result.is_of_predecessor) == (False, True)
    assert rows() == known


def test_new_sessions_belong_to_the_new_team(old):
    old.stop(old.start(0).session.pk, 60)
    new = moved(old)
    start = new.start(100, meter=8000)
    assert start.is_new and not start.is_of_predecessor
    end = new.stop(start.session.pk, 120, meter=9000)
    assert end.is_new and not end.is_of_predecessor
    assert new.only().team_id == new.station.team_id


def test_a_station_never_touches_the_sessions_of_another_one(old):
    """T30: only those of its own former rows."""
    other = Book(factories.StationFactory())
    foreign = other.start(0, tag="X").session
    new = moved(old)
    assert not new.stop(foreign.pk, 60).is_of_predecessor
    foreign.refresh_from_db()
    assert foreign.is_open and foreign.started_at == at(0)
