"""Behaviours of real stations, taken from public bug reports, from socket to bill (T25-T29, T38, B1, B3, B4)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chargers.models import ChargingStation, Oddity
from sessions.ledger.services.closing import close_stale_sessions
from sessions.models import ChargingSession
from tests import factories
from tests.ocpp_gateway.deviating import answered, api, instant, one_session
from tests.ocpp_gateway.link import Link, moment, start_payload, wh
from tests.ocpp_gateway.running_system import RunningSystem, until

pytestmark = pytest.mark.processes


def begin(link: Link, meter: int, ago: float = 600, **more: Any) -> int:
    return link.start(meterStart=meter, timestamp=moment(ago), **more)


def sample(link: Link, transaction: int, ago: float, *values: Any) -> None:
    answered(link, "MeterValues", {"connectorId": 1, "transactionId": transaction, "meterValue": [
        instant(*values, timestamp=moment(ago))]})  # fmt: skip


def registers(link: Link, transaction: int, *readings: int) -> None:
    """One reading every minute, the last one just now."""
    for place, reading in enumerate(readings):
        sample(link, transaction, 60.0 * (len(readings) - place), wh(reading))


class TestARegisterOfTheBeginningBesideThePresentOne:
    """The wallbox repeats the register of the transaction's beginning in each message."""

    PRESENT, BEGIN = wh(158_678, context="Sample.Periodic"), wh(157_440, context="Transaction.Begin")

    @pytest.mark.parametrize("values", [(PRESENT, BEGIN), (BEGIN, PRESENT)])
    def test_while_it_runs(
        self, system: RunningSystem, link: Link, station: ChargingStation, values: tuple[Any, ...]
    ) -> None:
        sample(link, begin(link, 157_440), 60, *values)
        assert one_session(system, station).energy_wh == 1238

    def test_when_the_next_start_closes_it(self, system: RunningSystem, link: Link, station: ChargingStation) -> None:
        first = begin(link, 157_440)
        sample(link, first, 60, self.PRESENT, self.BEGIN)
        system.drained(station)
        begin(link, 158_700, 30)
        closed = ChargingSession.objects.get(pk=first)
        assert (closed.closed_by, closed.energy_wh, closed.meter_stop_wh) == ("superseded", 1238, 158_678)

    def test_in_two_meter_values_of_one_time(self, system: RunningSystem, link: Link, station: ChargingStation) -> None:
        transaction, at = begin(link, 157_440), moment(60)
        answered(link, "MeterValues", {"connectorId": 1, "transactionId": transaction, "meterValue": [
            instant(self.PRESENT, timestamp=at), instant(self.BEGIN, timestamp=at)]})  # fmt: skip
        assert one_session(system, station).energy_wh == 1238

    def test_alone_it_is_the_present_one(self, system: RunningSystem, link: Link, station: ChargingStation) -> None:
        sample(link, begin(link, 157_000), 60, self.BEGIN)
        assert one_session(system, station).energy_wh == 440


# (what, register at the start, readings, register at the end or None while it runs, energy)
COURSES = [
    ("counts from zero", 150_000, [0, 400, 900], None, 900),
    ("counts from zero, to its end", 150_000, [0, 400, 900], 1000, 1000),
    ("counts from zero, but ends as a meter", 150_000, [0, 400, 900], 150_900, 900),
    ("zero for one reading", 10_000, [10_500, 0, 11_000], None, 1000),
    ("zero for one reading, to its end", 10_000, [10_500, 0, 11_000], 12_000, 2000),
    ("zero for two readings", 10_000, [10_500, 0, 0, 11_000], 12_000, 2000),
    ("zero as last reading before the end", 10_000, [10_500, 0], 12_000, 2000),
    ("reset in the middle", 10_000, [10_500, 11_000, 0, 300, 700], None, 1700),
    ("reset, and the end below the start", 10_000, [10_500, 11_000, 0, 300, 700], 900, 1900),
    ("reset, and the end above the start", 1_000, [1_500, 2_000, 0, 600, 1_100], 1_200, 2200),
    ("falls and stays", 10_000, [10_800, 200, 200], 200, 800),
    ("an end of -1", 10_000, [10_500, 11_000], -1, 1000),
    ("an end of 0", 10_000, [10_500, 11_000], 0, 1000),
    ("negative registers", -500, [-200, 100], 400, 900),
]  # fmt: skip


@pytest.mark.parametrize(("start", "readings", "end", "energy"), [case[1:] for case in COURSES],
                         ids=[case[0] for case in COURSES])  # fmt: skip
def test_registers_that_do_not_fit_the_start(
    system: RunningSystem,
    link: Link,
    station: ChargingStation,
    start: int,
    readings: list[int],
    end: int | None,
    energy: int,
) -> None:
    """T38: what the rising parts add up to, flagged."""
    transaction = begin(link, start)
    registers(link, transaction, *readings)
    system.drained(station)
    if end is not None:
        link.stop(transaction, meterStop=end)
    session = one_session(system, station)
    assert session.energy_wh == energy
    assert {"meter_reset", "negative_register", "energy_mismatch"} & set(session.flags)
    assert session.is_billable or session.flags


@pytest.mark.parametrize("how", ["next start", "sweep"])
def test_a_session_that_counts_from_zero_keeps_its_energy_whoever_closes_it(
    system: RunningSystem, link: Link, station: ChargingStation, how: str
) -> None:
    first = begin(link, 150_000)
    registers(link, first, 0, 400, 900)
    system.drained(station)
    if how == "next start":
        begin(link, 150_000, 1)
    else:
        link.call("StatusNotification", connectorId=1, errorCode="NoError", status="Available", timestamp=moment())
        system.drained(station)
        ago = datetime.now(UTC) - timedelta(minutes=20)
        station.connectors.update(status_changed_at=ago, reported_at=ago)
        ChargingSession.objects.filter(pk=first).update(started_at=ago - timedelta(hours=1),
                                                        start_received_at=ago - timedelta(hours=1))  # fmt: skip
        close_stale_sessions()
    closed = ChargingSession.objects.get(pk=first)
    assert (closed.energy_wh, closed.is_open, "meter_reset" in closed.flags) == (900, False, True)


def test_the_exact_id_beats_a_guess(system: RunningSystem, link: Link, station: ChargingStation) -> None:
    """A stop with a foreign id came first and seemed to belong to the start after it."""
    at = moment(300)
    foreign = {"transactionId": 77, "meterStop": 103_999, "timestamp": moment(100), "idTag": "GOODTAG"}
    answered(link, "StopTransaction", foreign)
    transaction = link.start(meterStart=4000, timestamp=at)
    end = moment()
    link.stop(transaction, meterStop=8000, timestamp=end)
    for _ in range(2):  # and nothing changes when they are said again
        answered(link, "StopTransaction", foreign)
        link.stop(transaction, meterStop=8000, timestamp=end)
    system.drained(station)
    session = ChargingSession.objects.get(pk=transaction)
    assert (session.energy_wh, session.meter_stop_wh, session.reported_transaction_id) == (4000, 8000, None)
    others = station.charging_sessions.exclude(pk=transaction)
    assert {(row.meter_stop_wh, row.is_billable) for row in others} == {(103_999, False)}
    assert Oddity.objects.filter(station=station, kind="unmatched_end").exists()


def test_start_stop_and_start_within_a_second_lose_no_energy(
    system: RunningSystem, link: Link, station: ChargingStation
) -> None:
    at = moment(120)
    first = link.start(meterStart=5000, timestamp=at)
    link.stop(first, meterStop=5000, timestamp=at)
    second = link.start(meterStart=5000, timestamp=at)
    registers(link, second, 5600)
    link.stop(second, meterStop=6000)
    system.drained(station)
    sessions = station.charging_sessions.all()
    assert sum(session.energy_wh for session in sessions) == 1000
    assert any(session.flags for session in sessions)


@pytest.mark.parametrize("at", ["1970-01-01T00:00:07Z", "2005-01-01T00:00:00Z", "2199-01-01T00:00:00Z"])
def test_an_absurd_clock_leads_no_list(system: RunningSystem, link: Link, station: ChargingStation, at: str) -> None:
    """B4, F16: listed and sorted by its arrival, the station's own time beside it, not billed until reviewed."""
    transaction = link.start(timestamp=at)
    assert link.start(timestamp=at) == transaction, "said again it is the same"
    link.meter(transaction, wh(1500), at=at.replace("00:00:0", "00:01:0"))
    newer = system.station()
    with system.link(newer) as other:
        later = other.start(idTag="GOODTAG")
    session = one_session(system, station)
    assert abs(session.started_at - datetime.now(UTC)) < timedelta(seconds=30)
    assert session.reported_started_at == datetime.fromisoformat(at)
    assert ("clock" in session.flags, session.is_billable, session.energy_wh) == (True, False, 500)
    listed = [row["id"] if "id" in row else row["transaction_id"]
              for row in api(system).get("/api/v1/sessions/").json()["results"]]  # fmt: skip
    assert listed.index(later) < listed.index(transaction)


@pytest.mark.parametrize("hours", [-48, -1, 1, 48])
def test_a_clock_that_jumps_does_not_freeze_a_session(
    system: RunningSystem, link: Link, station: ChargingStation, hours: int
) -> None:
    transaction = begin(link, 1000)
    sample(link, transaction, 300, wh(1500))
    sample(link, transaction, 240 - hours * 3600, wh(2000))
    system.drained(station)
    assert station.charging_sessions.get().energy_wh == 1000
    sample(link, transaction, 180, wh(2500))
    assert one_session(system, station).energy_wh == 1500


def test_two_open_sessions_on_a_connector_cannot_be(
    system: RunningSystem, link: Link, station: ChargingStation
) -> None:
    """The clock was set back between two starts."""
    first = begin(link, 1000, 0)
    sample(link, first, 0, wh(1800))
    system.drained(station)
    second = begin(link, 1800, 7200)
    assert station.charging_sessions.get(stopped_at=None).pk == second
    assert ChargingSession.objects.get(pk=first).energy_wh == 800


# --- ConcurrentTx --------------------------------------------------------------------------------------------------


@pytest.fixture
def tag(system: RunningSystem, station: ChargingStation) -> str:
    """A tag that may charge at one connector at a time."""
    return str(factories.TagFactory(team=system.team, value=f"ONE{station.pk}").value)


def verdict(link: Link, tag: str, **more: Any) -> str:
    return str(link.call("StartTransaction", **start_payload(idTag=tag, **more))["idTagInfo"]["status"])


def test_a_tag_that_charges_is_busy(system: RunningSystem, link: Link, station: ChargingStation, tag: str) -> None:
    assert verdict(link, tag) == "Accepted"
    link.call("StatusNotification", connectorId=1, errorCode="NoError", status="Charging", timestamp=moment())
    system.drained(station)
    with system.link() as other:
        assert verdict(other, tag) == "ConcurrentTx"


@pytest.mark.parametrize("status", ["Available", "Unavailable", "Reserved"])
def test_a_tag_is_not_busy_where_the_connector_is_free(
    system: RunningSystem, link: Link, station: ChargingStation, tag: str, status: str
) -> None:
    assert verdict(link, tag, timestamp=moment(60)) == "Accepted"
    link.call("StatusNotification", connectorId=1, errorCode="NoError", status=status, timestamp=moment())
    system.drained(station)
    with system.link() as other:
        assert verdict(other, tag) == "Accepted"
    session = station.charging_sessions.get()
    assert (session.is_open, session.closed_by) == (False, "rule")


def test_a_driver_whose_station_lost_its_power_charges_next_door_at_once(
    system: RunningSystem, station: ChargingStation, tag: str
) -> None:
    dark = system.station()
    with system.link(dark) as link:
        assert verdict(link, tag, timestamp=moment(60)) == "Accepted"
        link.vanish()
    until_offline(dark)
    with system.link(station) as link:
        assert verdict(link, tag) == "Accepted"


def until_offline(station: ChargingStation) -> None:
    until(lambda: not ChargingStation.objects.online().filter(pk=station.pk).exists())


def test_a_tag_is_not_busy_where_it_was_refused(
    system: RunningSystem, link: Link, station: ChargingStation, tag: str
) -> None:
    assert verdict(link, tag) == "Accepted"
    with system.link() as other, system.link() as third:
        assert verdict(other, tag) == "ConcurrentTx"
        link.call("StatusNotification", connectorId=1, errorCode="NoError", status="Available", timestamp=moment())
        system.drained(station)
        assert verdict(third, tag) == "Accepted"


def test_a_refused_start_that_the_station_ends_is_ended(system: RunningSystem, link: Link, tag: str) -> None:
    """T33."""
    verdict(link, tag)
    with system.link() as other:
        answer = other.call("StartTransaction", **start_payload(idTag=tag))
        assert answer["idTagInfo"]["status"] == "ConcurrentTx"
        other.stop(answer["transactionId"], meterStop=1000, reason="DeAuthorized")
    session = ChargingSession.objects.get(pk=answer["transactionId"])
    assert (session.is_open, session.closed_by, session.is_billable) == (False, "station", False)


def test_more_energy_than_the_connector_can_give_is_not_billed(
    system: RunningSystem, link: Link, station: ChargingStation
) -> None:
    """B4: half a megawatt hour in ten minutes."""
    transaction = begin(link, 1000)
    link.stop(transaction, meterStop=501_000)
    session = one_session(system, station)
    assert ("too_much_energy" in session.flags, session.is_billable, session.energy_wh) == (True, False, 500_000)


def test_power_is_not_made_up_over_a_drop_or_a_gap(system: RunningSystem, link: Link, station: ChargingStation) -> None:
    transaction = begin(link, 100_000, 7200)
    for ago, register in ((7140, 100_100), (7080, 100_200), (3000, 108_000), (2940, 0), (2880, 100)):
        sample(link, transaction, ago, wh(register))
    session = one_session(system, station)
    # a little less than 100 Wh in a minute: the answers to the messages before take their time
    assert session.max_power_w == pytest.approx(6000, rel=0.01), "nothing from the gap or the drop"
