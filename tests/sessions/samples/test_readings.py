"""Meter readings: units, phases, resets, repeats, and the session they belong to (B3, T24, T30)."""

from decimal import Decimal

import pytest

from sessions.models import MeterReading
from sessions.samples.services.matching import Sampled
from sessions.samples.services.meter import read_figures
from sessions.samples.services.samples import adopt_readings, record_samples
from sessions.samples.services.summing import settle_ended_sessions
from tests import factories
from tests.sessions.conftest import Book, at


def figures(*values):
    return read_figures(values)


@pytest.mark.parametrize(
    ("value", "wh"),
    [
        ({"value": "1500"}, 1500),
        ({"value": "1500", "unit": "Wh"}, 1500),
        ({"value": "1.5", "unit": "kWh"}, 1500),
        ({"value": "1.2345", "unit": "kWh"}, 1235),
        ({"value": " 1500 "}, 1500),
        ({"value": "+1500.0"}, 1500),
        ({"value": "-20"}, -20),
        ({"value": "1.5E3"}, 1500),
        ({"value": "1500", "measurand": ""}, 1500),
        ({"value": "1500", "location": "Inlet"}, 1500),
        ({"value": "1500", "context": "Transaction.End"}, 1500),
        ({"value": "1500", "location": "Body"}, None),
        ({"value": "1500", "measurand": "Energy.Active.Export.Register"}, None),
        ({"value": "1500", "measurand": "Energy.Active.Import.Interval"}, None),
        ({"value": "AP;0;3;OCMF", "format": "SignedData"}, None),
        ({"value": "1500", "format": "SignedData"}, None),
        ({"value": "NaN"}, None),
        ({"value": "1e400"}, None),
        ({"value": "9" * 5000}, None),
        ({"value": ""}, None),
        ({"value": "1,5"}, None),
    ],
)
def test_energy(value, wh):
    assert figures(value).energy_wh == wh


def test_a_total_beats_its_phases_and_phases_make_a_total():
    power = "Power.Active.Import"
    phases = [{"value": "1.1", "unit": "kW", "measurand": power, "phase": phase} for phase in ("L1", "L2", "L3")]
    assert figures(*phases).power_w == 3300
    assert figures(*phases, {"value": "3400", "measurand": power}).power_w == 3400
    assert figures({"value": "7", "measurand": power, "phase": "N"}).power_w is None


def test_currents_per_phase():
    current = [{"value": "15.7", "measurand": "Current.Import", "phase": phase} for phase in ("L1-N", "L2")]
    assert figures(*current).current_ma == {"L1": 15700, "L2": 15700}
    assert figures({"value": "16", "measurand": "Current.Import"}).current_ma == {"L1": 16000}


@pytest.mark.parametrize(("value", "percent"), [("63", "63.0"), ("63.27", "63.3"), ("101", None), ("-1", None)])
def test_state_of_charge(value, percent):
    found = figures({"value": value, "measurand": "SoC", "unit": "Percent"}).state_of_charge
    assert found == (None if percent is None else Decimal(percent))


def test_raw_values_are_stored_as_sent(book):
    """B3: also values that we cannot interpret."""
    pk = book.start().session.pk
    book.sample(5, "OCMF|{}", transaction=pk, format="SignedData", context="Transaction.Begin")
    assert MeterReading.objects.get().values == [
        {"value": "OCMF|{}", "format": "SignedData", "context": "Transaction.Begin"}
    ]
    assert book.only().sample_count == 1


def test_a_running_session_shows_its_energy_and_power(book):
    pk = book.start().session.pk
    book.sample(6, 1500, transaction=pk)
    book.sample(12, 2500, transaction=pk)
    session = book.only()
    assert (session.energy_wh, session.power_w, session.max_power_w, session.last_sample_at) == (
        1500, 10_000, 10_000, at(12))  # fmt: skip


def test_repeated_readings_are_counted_once(book):
    pk = book.start().session.pk
    for _ in range(3):
        book.sample(6, 1500, transaction=pk)
    assert book.only().sample_count == 1 and MeterReading.objects.count() == 1


def test_two_messages_of_one_instant_are_one_reading(book):
    pk = book.start().session.pk
    book.sample(6, 1500, transaction=pk)
    book.sample(6, 7.4, transaction=pk, measurand="Power.Active.Import", unit="kW")
    book.sample(6, 7.4, transaction=pk, measurand="Power.Active.Import", unit="kW")
    reading = MeterReading.objects.get()
    assert (reading.energy_wh, reading.power_w, len(reading.values)) == (1500, 7400, 2)
    assert book.only().sample_count == 2


def test_an_older_reading_does_not_undo_a_newer_one(book):
    pk = book.start().session.pk
    book.sample(20, 4000, transaction=pk)
    book.sample(10, 2000, transaction=pk)
    session = book.only()
    assert (session.energy_wh, session.last_sample_at, session.sample_count) == (3000, at(20), 2)


@pytest.mark.parametrize("transaction", [None, 0, -1])
def test_a_reading_without_an_id_finds_its_session_by_connector_and_time(book, transaction):
    first = book.start(0).session
    book.stop(first.pk, 60)
    book.start(0, connector=2)
    book.sample(30, 4000, transaction=transaction)
    book.sample(90, 9000, transaction=transaction)
    first.refresh_from_db()
    assert first.sample_count == 1
    assert MeterReading.objects.filter(session=None).count() == 1


def test_an_unknown_id_or_that_of_another_station_touches_no_session(book):
    """T30."""
    other = Book(factories.StationFactory())
    foreign = other.start().session
    book.start()
    for transaction in (foreign.pk, 987_654):
        book.sample(5, 999_999, transaction=transaction)
    for session in (book.only(), other.only()):
        assert (session.sample_count, session.energy_wh) == (0, 0)


def test_readings_of_a_session_whose_start_is_lost(book):
    """B1: the session starts with its first reading, whether that came before the stop or after it."""
    for minute, register in ((20, 3000), (10, 2000)):
        book.sample(minute, register, transaction=4711, connector=2)
    book.stop(4711, 30, meter=4000)
    book.sample(15, 2500, transaction=4711, connector=2)
    session = book.only()
    assert (session.meter_start_wh, session.energy_wh, session.started_at) == (2500, 1500, at(15))
    assert adopt_readings([(book.station.pk, 4711)]) == {session.pk}
    session = book.only()
    assert (session.meter_start_wh, session.energy_wh, session.started_at) == (2000, 2000, at(10))
    assert (session.connector_number, session.sample_count, session.readings.count()) == (2, 3, 3)
    assert not MeterReading.objects.filter(session=None).exists()
    assert adopt_readings([(book.station.pk, 4711)]) == set()


def test_readings_repeated_in_the_end_are_counted_once(book):
    """T37: the stop repeats the same values."""
    book.sample(10, 2000, transaction=4711)
    book.stop(4711, 30, meter=4000)
    book.sample(10, 2000, transaction=4711)
    book.sample(10, 7, transaction=4711, measurand="SoC", unit="Percent")
    adopt_readings([(book.station.pk, 4711)])
    session = book.only()
    assert (session.sample_count, session.readings.count(), session.energy_wh) == (2, 1, 2000)


def test_a_reused_transaction_id_keeps_readings_apart(book):
    """A station that restarts its transaction ids at each boot."""
    book.sample(10, 2000, transaction=987_001)
    book.stop(987_001, 30, meter=4000)
    adopt_readings([(book.station.pk, 987_001)])
    book.sample(50, 4000, transaction=987_001)
    book.stop(987_001, 60, meter=5000)
    adopt_readings([(book.station.pk, 987_001)])
    assert [(session.energy_wh, session.sample_count) for session in book.sessions()] == [(2000, 1), (1000, 1)]


def test_readings_of_an_id_stay_with_their_station_and_time(book):
    """T30."""
    other = Book(factories.StationFactory())
    other.sample(10, 2000, transaction=4711)
    book.sample(-73 * 60, 2000, transaction=4711)
    book.sample(32, 2000, transaction=4711)
    book.stop(4711, 30, meter=4000)
    assert adopt_readings([(book.station.pk, 4711)]) == set()
    assert book.only().sample_count == 0 and MeterReading.objects.filter(session=None).count() == 3


@pytest.mark.parametrize("number", [0, -1])
def test_readings_without_an_id_are_not_adopted(book, number):
    book.sample(10, 2000, transaction=number)
    assert MeterReading.objects.get().reported_transaction_id is None
    book.stop(number, 30, meter=4000)
    assert adopt_readings([(book.station.pk, number)]) == set()


@pytest.mark.parametrize("number", [0, -1])
@pytest.mark.parametrize("is_known", [True, False])
def test_readings_inside_an_end_without_an_id_belong_to_the_ended_session(book, number, is_known):
    """T29, T37: they name no connector."""
    if is_known:
        book.start(0)
    book.stop(number, 20, meter=3000)
    book.stop(number, 60, meter=8000) if not is_known else None
    for minute, register in ((5, 1000), (10, 2000)):
        book.sample(minute, register, transaction=number, connector=0)
    ended = book.sessions()[0]
    assert (ended.sample_count, ended.energy_wh, ended.stopped_at) == (2, 2000, at(20))
    assert all(session.sample_count == 0 for session in book.sessions()[1:])


def test_readings_that_disagree_with_the_total_are_flagged(book):
    """B3."""
    pk = book.start().session.pk
    book.sample(30, 20_000, transaction=pk)
    book.stop(pk, meter=8000)
    settle_ended_sessions([pk])
    session = book.only()
    assert session.flags == ["energy_mismatch"] and session.energy_wh == 7000


def test_absurd_registers_do_not_stop_a_batch(book):
    """S11: the power calculated from them would exceed its column."""
    pk = book.start(meter=0).session.pk
    registers = ["999999999999999", "-999999999999999", "0", "1e15", "5"]
    record_samples(
        [Sampled(book.station.pk, 1, pk, at(number / 60), [{"value": v}]) for number, v in enumerate(registers, 1)]
    )
    session = book.only()
    assert session.sample_count == 5 and 0 <= (session.max_power_w or 0) < 2**31


def test_a_batch_of_many_stations_gives_the_same_as_single_messages(team):
    books = [Book(factories.StationFactory(team=team)) for _ in range(5)]
    pks = [book.start(meter=0).session.pk for book in books]
    reports = [
        Sampled(book.station.pk, 1, pk, at(minute), [{"value": str(minute * 100)}])
        for minute in range(1, 21)
        for book, pk in zip(books, pks, strict=True)
    ]
    assert record_samples(reports) == set(pks)
    assert {(book.only().energy_wh, book.only().sample_count) for book in books} == {(2000, 20)}
