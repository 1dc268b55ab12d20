"""Which of several values at one instant is the present reading, and which values are used at all (B3, T24)."""

import itertools
from decimal import Decimal

import pytest

from sessions.models import MeterReading
from sessions.samples.services.matching import Sampled
from sessions.samples.services.meter import read_figures, whole_wh
from sessions.samples.services.samples import record_samples
from tests.sessions.conftest import at

BEGIN = {"value": "157440", "context": "Transaction.Begin"}
PRESENT = {"value": "158678", "context": "Sample.Periodic"}


def in_any_order(*values):
    found = [read_figures(order) for order in itertools.permutations(values)]
    assert all(each == found[0] for each in found)
    return found[0]


@pytest.mark.parametrize("context", ["Sample.Periodic", "Sample.Clock", "Trigger", "sample.periodic", "", None])
@pytest.mark.parametrize("beside", ["Transaction.Begin", "Transaction.End", "Other", "Interruption.End", "Sleepy"])
def test_the_present_reading_is_used_whatever_comes_with_it(context, beside):
    present = {"value": "100"} | ({"context": context} if context is not None else {})
    for other in ("50", "150"):
        assert in_any_order(present, {"value": other, "context": beside}).energy_wh == 100


def test_the_end_value_is_used_rather_than_the_start_value():
    end = {"value": "158000", "context": "Transaction.End"}
    assert in_any_order(BEGIN, end).energy_wh == 158000
    assert in_any_order(BEGIN, end, {"value": "1", "context": "Interruption.Begin"}).energy_wh == 1
    assert in_any_order(BEGIN).energy_wh == 157440


def test_each_measurand_and_phase_has_its_own_present_reading():
    power = {"measurand": "Power.Active.Import", "unit": "kW"}
    phases = [{"value": "1.5", "phase": phase, **power} for phase in ("L1", "L2", "L3")]
    begins = [{"value": "9", "phase": phase, "context": "Transaction.Begin", **power} for phase in ("L1", "L2")]
    found = in_any_order(PRESENT, BEGIN, phases[0], begins[0])
    assert (found.energy_wh, found.power_w) == (158678, 1500)
    assert read_figures([*begins, *phases, BEGIN]).power_w == 4500


def test_two_equivalent_readings_give_the_same_result_in_any_order():
    assert in_any_order({"value": "100"}, {"value": "120"}, {"value": "110"}).energy_wh == 120


@pytest.mark.parametrize("values", [[PRESENT, BEGIN], [BEGIN, PRESENT]])
@pytest.mark.parametrize("in_one", [True, False])
def test_a_station_that_repeats_the_start_value_is_billed_its_energy(book, values, in_one):
    """A former bug: 0 Wh while charging, and billed 0 Wh when the next start closed it."""
    pk = book.start(meter=157440).session.pk
    entries = [values] if in_one else [[value] for value in values]
    record_samples([Sampled(book.station.pk, 1, pk, at(10), entry) for entry in entries])
    assert book.only().energy_wh == 1238
    book.start(60, meter=158678)
    assert (book.sessions()[0].energy_wh, book.sessions()[0].closed_by) == (1238, "superseded")


def test_two_messages_give_the_same_result_as_one(book):
    pk = book.start(meter=157440).session.pk
    for value in (PRESENT, BEGIN):
        record_samples([Sampled(book.station.pk, 1, pk, at(10), [value])])
    assert (book.only().energy_wh, book.only().sample_count) == (1238, 2)


@pytest.mark.parametrize(
    ("value", "wh"),
    [
        ({"value": "1.5", "unit": "kwh"}, 1500),
        ({"value": "1.5", "unit": "KWH"}, 1500),
        ({"value": "1500", "unit": "WH", "measurand": "energy.active.import.register"}, 1500),
        ({"value": "1500", "unit": "Joule"}, None),
        ({"value": "1500", "unit": "kvarh"}, None),
        ({"value": "1500", "unit": "W"}, None),
        ({"value": "1500", "measurand": "Energy.Active"}, None),
        ({"value": "1500", "measurand": "energy"}, None),
        ({"value": "1500", "location": "inlet"}, 1500),
        ({"value": "1500", "location": "Socket"}, 1500),
        ({"value": "1500", "location": "body"}, None),
        ({"value": "1500", "phase": "total"}, 1500),
        ({"value": "1500", "format": "signeddata"}, None),
        ({"value": "0.5"}, 1),
        ({"value": "1.4999", "unit": "kWh"}, 1500),
        ({"value": "2.5"}, 3),
    ],
)
def test_known_values_in_any_case_are_used_and_unknown_ones_ignored(value, wh):
    assert read_figures([value]).energy_wh == wh


def test_an_unknown_location_is_used_if_no_known_one_is_there():
    assert in_any_order({"value": "7", "location": "Socket"}, {"value": "5", "location": "Inlet"}).energy_wh == 5
    assert in_any_order({"value": "7", "location": "Outlet"}, {"value": "9", "location": "Inlet"}).energy_wh == 7


@pytest.mark.parametrize(
    "names", [("L1", "L2", "L3"), ("L1-N", "l2-n", "L3-N"), ("1", "2", "3"), ("Phase1", "p2", "3")]
)
def test_synonyms_of_phases_add_up(names):
    values = [{"value": "1000", "measurand": "Power.Active.Import", "phase": name} for name in names]
    assert in_any_order(*values).power_w == 3000


def test_an_unknown_phase_never_adds_up_with_known_ones():
    power = {"measurand": "Power.Active.Import"}
    strange, known = {"value": "9000", "phase": "L4", **power}, {"value": "1000", "phase": "L1", **power}
    assert in_any_order(strange, known).power_w == 1000
    assert in_any_order(strange, {"value": "500", **power}).power_w == 500
    assert read_figures([strange]).power_w == 9000
    assert in_any_order(strange, {"value": "1", "phase": "L5", **power}).power_w is None


def test_a_bad_value_is_stored_and_the_good_ones_are_used(book):
    pk = book.start().session.pk
    values = [{"value": "1500"}, {"value": "n/a", "measurand": "SoC"}, {"value": "5", "unit": "Furlong"}]
    record_samples([Sampled(book.station.pk, 1, pk, at(5), values)])
    assert (book.only().energy_wh, book.only().sample_count) == (500, 3)
    assert MeterReading.objects.get().values == values


@pytest.mark.parametrize(("exact", "whole"), [("0.5", 1), ("1.5", 2), ("2.5", 3), ("2.4999", 2), ("1e18", 10**18)])
def test_one_rule_rounds_starts_ends_and_samples(exact, whole):
    assert whole_wh(Decimal(exact)) == whole
