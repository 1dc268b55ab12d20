"""29: the demo's stations run for days without growing odd: three days of all of them, with a clock of ours."""

import asyncio
import random
import selectors
from collections import defaultdict
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace

import pytest

from chargers.demo.park import DEMO_STATIONS, DEMO_TEAM, LASTING_FAULT
from chargers.demo.traffic import HABITS, charging_vehicle
from ocpp_gateway.simulator.fleet import FAULT_SECONDS
from ocpp_gateway.simulator.station import UNKNOWN_CARDS, Drivers, Plan, Running, SimulatedStation

BEGIN = datetime(2026, 6, 1, tzinfo=UTC)
DAYS = 3
TAGS = [f"TAG{number}" for number in range(14)]


class Clock(selectors.DefaultSelector):
    """Nobody waits: where the loop would sleep, its time moves on."""

    now = 0.0

    def select(self, timeout=None):
        self.now += timeout or 0.0
        return super().select(0)

    def moment(self):
        return BEGIN + timedelta(seconds=self.now)


class Book:
    """The central system: what stations said, with the time."""

    def __init__(self, clock):
        self.clock, self.said, self.next_id = clock, [], 1000

    def answer(self, identity, payload):
        name = type(payload).__name__
        self.said.append((self.clock.moment(), identity, name, payload))
        tag = getattr(payload, "id_tag", None)
        info = {"status": "Accepted" if tag in TAGS else "Invalid"}
        if name == "StartTransaction":
            self.next_id += 1
            return SimpleNamespace(transaction_id=self.next_id, id_tag_info=info)
        return SimpleNamespace(id_tag_info=info, status="Accepted", interval=300)

    def of(self, *names):
        return [row for row in self.said if row[2] in names]


class Connected(SimulatedStation):
    """A station whose every word arrives."""

    def __init__(self, plan, book):
        super().__init__("ws://nowhere", plan)
        self.book, self.link, self.chance = book, object(), random.Random(plan.identity)

    async def _stay_connected(self):
        await self._boot()

    async def send_call(self, payload):
        await asyncio.sleep(0.05)
        return self.book.answer(self.plan.identity, payload)


def plan_of(station, drivers, clock):
    return Plan(
        identity=station.identity,
        password="",
        connectors=station.connectors,
        power_w=station.power_w,
        phases=station.phases,
        is_direct_current=station.is_direct_current,
        drivers=drivers,
        meter_wh=dict.fromkeys(range(1, station.connectors + 1), 1000000),
        sample_seconds=60.0,
        habit=station.habit,
        fault_chance=0.02,
        fault_seconds=FAULT_SECONDS,
        unknown_card_chance=0.02,
        faulted={LASTING_FAULT[1]: ("GroundFailure", None)} if station.identity == LASTING_FAULT[0] else {},
        clock=clock.moment,
    )


def run(plans, clock, book, duration):
    loop = asyncio.SelectorEventLoop(clock)
    loop.time = lambda: clock.now

    async def for_a_while():
        jobs = [asyncio.create_task(Connected(plan, book).run()) for plan in plans]
        await asyncio.sleep(duration.total_seconds())
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)

    try:
        loop.run_until_complete(for_a_while())
    finally:
        loop.close()


@pytest.fixture(scope="module")
def days():
    random.seed(29)
    clock = Clock()
    book, drivers = Book(clock), Drivers(TAGS)
    stations = [one for one in DEMO_STATIONS if one.is_simulated and one.team == DEMO_TEAM]
    run([plan_of(one, drivers, clock) for one in stations], clock, book, timedelta(days=DAYS))
    return book


def sessions(book):
    """Of each connector, in order: start and end."""
    found, starts = defaultdict(list), {}
    number = 1000
    for at, identity, name, payload in book.of("StartTransaction", "StopTransaction"):
        if name == "StartTransaction":
            number += 1
            starts[number] = (identity, payload, at)
        else:
            who, start, began = starts.pop(payload.transaction_id)
            assert who == identity
            found[identity, start.connector_id].append((began, at, start, payload))
    return found, starts


def test_a_day_has_as_many_sessions_as_people_would_make(days):
    done, running = sessions(days)
    a_day = defaultdict(int)
    for began, _ended, _start, _stop in (one for life in done.values() for one in life):
        a_day[began.date()] += 1
    assert all(12 <= count <= 70 for count in a_day.values()) and len(a_day) == DAYS
    assert len(running) <= len(TAGS)
    lengths = [ended - began for life in done.values() for began, ended, _start, _stop in life]
    assert timedelta(minutes=2) < min(lengths) and max(lengths) < timedelta(hours=14)
    energies = [stop.meter_stop - start.meter_start for life in done.values() for _b, _e, start, stop in life]
    assert all(500 < energy < 80_000 for energy in energies)


def test_no_connector_and_no_driver_has_two_sessions_at_once_and_registers_only_rise(days):
    done, _running = sessions(days)
    by_tag = defaultdict(list)
    for life in done.values():
        for (_began, ended, _start, stop), (later, _ended, start, _stop) in pairwise(life):
            assert ended < later and stop.meter_stop == start.meter_start
        for began, ended, start, stop in life:
            assert stop.meter_stop > start.meter_start
            by_tag[start.id_tag].append((began, ended))
    for spans in by_tag.values():
        assert all(ended < later for (_began, ended), (later, _ended) in pairwise(sorted(spans)))
    assert set(by_tag) <= set(TAGS)
    registers = defaultdict(list)
    for _at, identity, _name, payload in days.of("MeterValues"):
        registers[identity, payload.connector_id].append(int(payload.meter_value[0]["sampledValue"][0]["value"]))
    assert registers and all(values == sorted(values) for values in registers.values())


def test_faults_and_unknown_cards_are_rare_and_faults_end(days):
    faults, open_since = defaultdict(int), {}
    for at, identity, _name, payload in days.of("StatusNotification"):
        key = identity, payload.connector_id
        if payload.status == "Faulted":
            faults[at.date()] += 1
            open_since[key] = at
        elif key in open_since:
            assert at - open_since.pop(key) <= timedelta(seconds=FAULT_SECONDS[1] + 60)
    assert all(count <= 5 for count in faults.values()) and sum(faults.values()) >= 1
    assert LASTING_FAULT in open_since and len(open_since) <= 2  # and perhaps one that is not over yet
    refused = [payload for *_rest, payload in days.of("Authorize") if payload.id_tag not in TAGS]
    assert len(refused) <= 8 * DAYS and {payload.id_tag for payload in refused} <= set(UNKNOWN_CARDS)


def test_power_begins_and_ends_without_a_step_and_fits_the_register(days):
    curves = defaultdict(list)
    for at, _identity, _name, payload in days.of("MeterValues"):
        values = {one["measurand"]: float(one["value"]) for one in payload.meter_value[0]["sampledValue"]}
        curves[payload.transaction_id].append((at, values))
    for curve in curves.values():
        power = [values["Power.Active.Import"] for _at, values in curve]
        assert power[0] <= 0.6 * max(power)
        for (before, one), (at, following) in pairwise(curve):
            hours = (at - before).total_seconds() / 3600
            taken = following["Energy.Active.Import.Register"] - one["Energy.Active.Import.Register"]
            assert abs(taken - following["Power.Active.Import"] * 1000 * hours) < 30 + 0.02 * taken
        percents = [values["SoC"] for _at, values in curve if "SoC" in values]
        assert percents == sorted(percents) and all(0 < percent <= 100 for percent in percents)


def test_a_session_goes_on_after_a_short_power_cut_and_ends_after_a_long_one():
    station = next(one for one in DEMO_STATIONS if one.identity == "DEPOT-B-01")
    clock = Clock()
    book = Book(clock)

    def running(number, ago):
        vehicle = charging_vehicle(
            power_w=40_000, percent=50.0, phases=3, is_direct_current=True, chance=random.Random(1)
        )
        return Running(number, TAGS[number], vehicle, BEGIN - ago)

    plan = plan_of(station, Drivers(TAGS), clock)
    plan.running.update({1: running(1, timedelta(minutes=2)), 2: running(2, timedelta(hours=3))})
    run([plan], clock, book, timedelta(minutes=5))
    [(_at, _identity, _name, stop)] = book.of("StopTransaction")
    assert (stop.transaction_id, stop.reason, stop.meter_stop) == (2, "PowerLoss", 1_000_000)
    assert stop.timestamp == "2026-05-31T21:00:00.000Z"
    first = book.of("MeterValues")[0][3]
    power = float(first.meter_value[0]["sampledValue"][1]["value"])
    assert first.transaction_id == 1 and abs(power - 40) < 1  # no step: it goes on with the power it had
    assert not book.of("StartTransaction")


def test_vehicles_come_when_people_do():
    for habit in HABITS.values():
        busy = habit.share_at(BEGIN.replace(hour=(habit.busy_from - 1) % 24))  # UTC+2 in summer
        assert busy == 1.0 and habit.share_at(BEGIN.replace(hour=2)) < 0.5
