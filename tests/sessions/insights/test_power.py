"""The power of a session: as measured, or calculated from its registers where possible (B3)."""

import pytest

from chargers.models import Connector
from tests import factories
from tests.sessions.conftest import at

POWER = {"measurand": "Power.Active.Import"}


def rate(book, watts):
    Connector.objects.filter(station=book.station).update(max_power_w=watts)


def test_no_power_is_derived_over_a_gap_longer_than_the_sampling_interval(book):
    pk = book.start(meter=0).session.pk
    for minute, wh in ((1, 100), (2, 200), (3, 300)):
        book.sample(minute, wh, transaction=pk)
    assert book.only().power_w == 6000 and book.only().sample_interval_seconds == 60
    book.sample(40, 20_000, transaction=pk)
    assert (book.only().power_w, book.only().max_power_w) == (6000, 6000)
    book.sample(41, 20_200, transaction=pk)
    assert book.only().power_w == 12_000


def test_power_is_derived_over_at_most_15_minutes_for_the_first_two_readings(book):
    pk = book.start(meter=0).session.pk
    book.sample(1, 100, transaction=pk)
    book.sample(17, 1000, transaction=pk)
    assert book.only().max_power_w is None


@pytest.mark.parametrize("registers", [[1000, 1500, 100, 600], [1000, 1500, 0, 2000], [1000, 1500, 0, 0, 2500]])
def test_no_power_is_derived_when_the_register_falls(book, registers):
    pk = book.start(meter=0).session.pk
    book.samples(registers, transaction=pk)
    assert book.only().max_power_w == 6000
    book.stop(pk, 60, meter=registers[-1] + 10)
    assert book.only().max_power_w == 6000


def test_power_above_the_connector_rating_is_not_the_maximum(book):
    pk = book.start(meter=0).session.pk
    rate(book, 22_000)
    book.sample(1, 30, transaction=pk)
    for number, watts in enumerate(["11000", "24000", "99999"]):
        book.sample(2 + number, watts, transaction=pk, **POWER)
    assert (book.only().max_power_w, book.only().power_w) == (24_000, 24_000)


def test_without_a_rating_the_circuit_limits_the_plausible_power(book):
    circuit = factories.CircuitFactory(max_current_a=16, phases=3)
    book.station.circuit = circuit
    book.station.save()
    pk = book.start(meter=0).session.pk
    book.sample(1, "13000", transaction=pk, **POWER)
    assert book.only().max_power_w is None
    book.sample(2, "11000", transaction=pk, **POWER)
    assert book.only().max_power_w == 11_000


def test_without_rating_and_circuit_half_a_megawatt_is_the_limit(book):
    pk = book.start(meter=0).session.pk
    book.sample(1, "600000", transaction=pk, **POWER)
    assert book.only().max_power_w is None
    book.sample(2, "400000", transaction=pk, **POWER)
    assert book.only().max_power_w == 400_000


def test_power_alone_does_not_freeze_when_a_clock_is_set_back(book):
    """There is no register that shows which reading is later."""
    pk = book.start(0).session.pk
    book.sample(60, "7000", transaction=pk, arrives=60, **POWER)
    book.sample(59, "1", transaction=pk, arrives=61, **POWER)  # a late reading
    assert (book.only().power_w, book.only().last_sample_at) == (7000, at(60))
    book.sample(3, "9000", transaction=pk, arrives=63, **POWER)
    assert (book.only().power_w, book.only().last_sample_at) == (9000, at(63))
