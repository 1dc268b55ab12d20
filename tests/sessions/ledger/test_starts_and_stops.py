"""Starts and stops of sessions when a station repeats, omits or reorders messages (B1, B2, T23-T30, T33, T38)."""

from datetime import timedelta

import pytest

from chargers.models import Connector, Oddity
from sessions.models import ChargingSession
from tests import factories
from tests.sessions.conftest import Book, at


def test_a_session_starts_and_stops(book):
    start = book.start()
    assert start.is_new and start.verdict.is_accepted and start.session.transaction_id > 0
    end = book.stop(start.session.pk, reason="EVDisconnected", tag="GOOD")
    assert end.is_new
    session = book.only()
    assert (session.energy_wh, session.duration, session.closed_by) == (7000, timedelta(hours=1), "station")
    assert (session.stop_reason, session.stop_id_tag, session.flags, session.is_billable) == (
        "EVDisconnected", "GOOD", [], True)  # fmt: skip


def test_an_unknown_connector_is_created(book):
    book.start(connector=7)
    assert Connector.objects.filter(station=book.station, number=7).exists()


def test_the_same_start_again_is_the_same_session(book):
    """T25: before and after its stop."""
    first = book.start()
    assert not book.start().is_new
    book.stop(first.session.pk)
    again = book.start(arrives=300)
    assert (again.is_new, again.session.pk, again.verdict) == (False, first.session.pk, first.verdict)
    assert not book.only().is_open


@pytest.mark.parametrize("difference", [{"connector": 2}, {"tag": "OTHER"}, {"meter": 1001}, {"minute": 0.001}])
def test_a_start_with_other_content_is_another_session(book, difference):
    book.start()
    assert book.start(**difference).is_new
    assert len(book.sessions()) == 2


def test_ids_differ_over_stations(book):
    """T26."""
    other = Book(factories.StationFactory(team=book.station.team))
    assert book.start().session.pk != other.start().session.pk


def test_the_same_stop_again_changes_nothing(book):
    """T27."""
    pk = book.start().session.pk
    book.stop(pk)
    assert not book.stop(pk, arrives=500).is_new
    assert book.only().flags == [] and not Oddity.objects.exists()


@pytest.mark.parametrize("difference", [{"minute": 61.0}, {"meter": 8001}])
def test_a_contradicting_stop_is_an_anomaly_and_the_first_wins(book, difference):
    """T27: and the anomaly is stored once."""
    pk = book.start().session.pk
    book.stop(pk)
    for _ in range(2):
        assert not book.stop(pk, **difference).is_new
    session = book.only()
    assert (session.energy_wh, session.flags, session.stopped_at) == (7000, ["conflicting_stop"], at(60))
    assert Oddity.objects.get().session_id == pk


def test_a_station_cannot_end_the_session_of_another(book):
    """T30."""
    pk = book.start().session.pk
    stranger = Book(factories.StationFactory())
    stranger.stop(pk, 10)
    assert book.only().is_open
    assert stranger.only().flags == ["reconstructed", "unauthorised"] or stranger.only().flags == ["reconstructed"]


def test_an_end_with_an_unknown_id_changes_nothing_and_is_stored(book):
    """T28, B1."""
    book.start()
    result = book.stop(999_999, 10, meter=2000)
    assert result.is_new and not book.stop(999_999, 10, meter=2000).is_new
    own, other = sorted(book.sessions(), key=lambda session: session.pk)
    assert own.is_open
    assert (other.flags, other.is_billable, other.reported_transaction_id) == (["reconstructed"], False, 999_999)


@pytest.mark.parametrize("number", [0, -1])
class TestIdsOfStationsThatNeverLearntTheirs:
    """T29, errata 3.18."""

    def test_the_only_open_session_ends(self, book, number):
        pk = book.start().session.pk
        assert book.stop(number).session.pk == pk
        assert not book.stop(number).is_new
        assert book.only().energy_wh == 7000

    def test_the_tag_decides_between_two_open_sessions(self, book, number):
        book.start(connector=1, tag="GOOD")
        second = book.start(connector=2, tag="OTHER")
        assert book.stop(number, tag="other").session == second.session

    def test_with_two_matching_sessions_none_is_ended(self, book, number):
        book.start(connector=1)
        book.start(connector=2)
        assert "reconstructed" in book.stop(number, tag="GOOD").session.flags
        assert ChargingSession.objects.open().count() == 2

    @pytest.mark.parametrize("unfit", [{"minute": -1.0}, {"meter": 999}])
    def test_a_session_that_cannot_match_is_not_changed(self, book, number, unfit):
        book.start()
        assert "reconstructed" in book.stop(number, **unfit).session.flags
        assert ChargingSession.objects.open().count() == 1

    def test_stops_at_different_times_are_different_stops(self, book, number):
        book.stop(number, 10)
        book.stop(number, 20)
        assert len(book.sessions()) == 2


def test_a_start_after_its_stop_completes_the_session(book):
    """B1."""
    book.stop(-1, 60, tag="GOOD")
    start = book.start(0, arrives=61)
    session = book.only()
    assert (session.pk, session.energy_wh, session.is_open) == (start.session.pk, 7000, False)
    assert "reconstructed" not in session.flags and session.is_billable
    assert not book.start(0, arrives=90).is_new
    assert not book.stop(-1, 60, tag="GOOD").is_new


def test_a_start_with_another_tag_does_not_take_a_foreign_end(book):
    book.stop(-1, 60, tag="SOMEBODY")
    book.start(0, arrives=61)
    assert len(book.sessions()) == 2


def test_the_next_start_supersedes_an_open_session(book):
    """It is closed with the last known register, which a later stop may overwrite."""
    first = book.start(0).session
    book.sample(30, 4000, transaction=first.pk)
    book.start(90, meter=9000)
    session = book.sessions()[0]
    assert (session.closed_by, session.energy_wh, session.stopped_at) == ("superseded", 3000, at(30))
    book.stop(first.pk, 80, meter=8000, arrives=100)
    session = book.sessions()[0]
    assert (session.closed_by, session.energy_wh, session.stopped_at) == ("station", 7000, at(80))
    assert "superseded" not in session.flags


def test_readings_after_a_guessed_end_are_used(book):
    """They may be in the inbox while the next start supersedes their session."""
    first = book.start(0).session
    book.start(90, meter=9000)
    assert book.sessions()[0].energy_wh == 0
    book.sample(30, 4000, transaction=first.pk)
    book.sample(80, 8800, transaction=first.pk)
    book.sample(40, 5000, transaction=first.pk)
    session = book.sessions()[0]
    assert (session.energy_wh, session.meter_stop_wh, session.sample_count) == (7800, 8800, 3)


def test_another_connector_is_not_superseded(book):
    book.start(0, connector=1)
    book.start(1, connector=2)
    assert all(session.is_open for session in book.sessions())


def test_an_older_start_does_not_supersede_a_newer_one(book):
    """It comes from an offline queue, so its session ended before the newer one started at the latest."""
    newer = book.start(100).session
    older = book.start(0, arrives=101).session
    newer.refresh_from_db()
    assert newer.is_open and (older.stopped_at, older.closed_by) == (at(100), "superseded")
    book.stop(older.pk, 50, arrives=102)
    newer.refresh_from_db()
    assert newer.is_open


def test_offline_sessions_keep_the_stations_time(book):
    pk = book.start(0, arrives=600).session.pk
    book.stop(pk, 60, arrives=601)
    session = book.only()
    assert (session.started_at, session.stopped_at, session.start_received_at) == (at(0), at(60), at(600))
    assert session.flags == ["offline"] and session.is_billable


# --- tags (B2, T33) ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "verdict"),
    [
        ({"status": "blocked"}, "Blocked"),
        ({"expires_at": at(-1)}, "Expired"),
        ({"expires_at": at(0)}, "Expired"),
        ({"expires_at": at(1)}, "Accepted"),
    ],
)
def test_a_tag_is_checked_at_the_time_of_its_session(book, fields, verdict):
    factories.TagFactory(team=book.station.team, value="CARD", **fields)
    result = book.start(0, tag="card", arrives=1000)
    assert (result.verdict.status, result.session.is_billable) == (verdict, verdict == "Accepted")
    assert ("unauthorised" in result.session.flags) == (verdict != "Accepted")


def test_a_tag_of_another_team_or_station_is_invalid(book):
    """B18."""
    factories.TagFactory(value="FOREIGN")
    scoped = factories.TagFactory(team=book.station.team, value="SCOPED", scope="selected")
    scoped.stations.add(factories.StationFactory(team=book.station.team))
    assert book.start(0, tag="FOREIGN").verdict.status == "Invalid"
    assert book.start(1, tag="SCOPED").verdict.status == "Invalid"
    scoped.stations.add(book.station)
    assert book.start(2, tag="SCOPED").verdict.status == "Accepted"


def test_a_tag_charges_once_at_a_time_unless_concurrency_is_allowed(book):
    card = factories.TagFactory(team=book.station.team, value="CARD")
    book.start(0, connector=1, tag="CARD")
    second = book.start(1, connector=2, tag="CARD")
    assert (second.verdict.status, second.session.is_billable) == ("ConcurrentTx", False)
    assert book.start(1, connector=2, tag="CARD").verdict.status == "ConcurrentTx"  # the repeated start
    card.allows_concurrent = True
    card.save()
    assert book.start(2, connector=3, tag="CARD").verdict.is_accepted


def test_the_next_session_on_the_same_connector_is_not_concurrent(book):
    factories.TagFactory(team=book.station.team, value="CARD")
    book.start(0, tag="CARD")
    assert book.start(60, tag="CARD").verdict.is_accepted


# --- clocks and meters (F16, T38, T39) -----------------------------------------------------------------------------


@pytest.mark.parametrize("minute", [-60 * 24 * 365 * 50, 60 * 24 * 365 * 70, 11])
def test_a_wrong_clock_is_flagged(book, minute):
    session = book.start(minute, arrives=0).session
    assert "clock" in session.flags


def test_an_end_before_the_start_has_no_negative_duration(book):
    pk = book.start(60).session.pk
    book.stop(pk, 0, arrives=61)
    session = book.only()
    assert "negative_duration" in session.flags and session.duration == timedelta(0) and session.energy_wh == 7000


@pytest.mark.parametrize(("start", "stop"), [(8000, 1000), (8000, 0), (8000, -1), (2**40, -(2**40))])
def test_energy_is_never_negative(book, start, stop):
    """T38."""
    pk = book.start(meter=start).session.pk
    book.stop(pk, meter=stop)
    session = book.only()
    assert session.energy_wh == 0 and "meter_reset" in session.flags and session.meter_stop_wh == stop


def test_a_reset_meter_is_summed_step_by_step(book):
    """T38: readings may come before or after the end."""
    pk = book.start(meter=9000).session.pk
    for minute, register in ((10, 9500), (20, 9900), (30, 0), (40, 300)):
        book.sample(minute, register, transaction=pk)
    book.stop(pk, 50, meter=400)
    book.sample(45, 350, transaction=pk)
    session = book.only()
    assert session.energy_wh == 900 + 400 and "meter_reset" in session.flags


def test_big_registers_are_exact(book):
    """T39: integers of Wh."""
    pk = book.start(meter=2**53 - 7001).session.pk
    book.stop(pk, meter=2**53 - 1)
    assert book.only().energy_wh == 7000
