"""The demo's charging: two months of sessions that ran on until now, their meter readings, and the summed power."""

from __future__ import annotations

import heapq
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.utils import timezone

from accounts.models import Team
from chargers.demo.park import DEMO_STATIONS, DEMO_TEAM, LASTING_FAULT, DemoStation
from chargers.demo.traffic import VOLTS, Vehicle, arriving_vehicle, seconds_until_next
from chargers.models import ChargingStation, Connector, Tag
from sessions.models import ChargingSession, Flag, MeterReading, TeamPower

DAYS = 60
READINGS_FOR = timedelta(days=2)  # sessions that ended since then have curves
STEP = timedelta(minutes=1)
ADOPTED = "04C81F5A"  # a card that was refused before somebody added it
ADOPTED_AGO = timedelta(days=12)
UNKNOWN_CARD = "DEADBEEF"
LOST_STATION, LOST_AGO = "DEPOT-A-04", timedelta(days=6)  # of a session that never arrived
OFFLINE_FOR = timedelta(hours=53)  # of the station that nobody switched on


@dataclass(frozen=True, slots=True)
class Fault:
    station: str
    connector: int
    error_code: str
    began: timedelta  # so long ago
    ended: timedelta | None  # so long ago; None: it is faulted still


FAULTS = (
    Fault("MALL-0194", 1, "OverCurrentFailure", timedelta(hours=50), timedelta(hours=48, minutes=40)),
    Fault(*LASTING_FAULT, "GroundFailure", timedelta(hours=5, minutes=12), None),
)


@dataclass(slots=True)
class Charge:
    """One session and how its power went, minute by minute."""

    session: ChargingSession
    watts: list[int]
    station: DemoStation
    vehicle: Vehicle


@dataclass(slots=True)
class Outlet:
    """A connector whose register goes on from session to session, as a meter does."""

    station: DemoStation
    number: int
    key: int
    team: Team
    until: datetime
    register: int
    closed: list[tuple[datetime, datetime]] = field(default_factory=list)

    def is_closed(self, start: datetime, end: datetime) -> bool:
        return any(start < until and end > since for since, until in self.closed)


def make_sessions(teams: dict[str, Team], tags: Sequence[Tag]) -> int:
    """Store the sessions of two months, with readings of the newest and the summed power of two days.

    Returns:
        how many there are.
    """
    now = timezone.now()
    charges = sorted(Past(teams, tags, now).charges(), key=lambda charge: charge.session.started_at)  # as numbered then
    charges = _without_lost(charges, now)
    _make_some_odd(charges, now)
    ChargingSession.objects.bulk_create([charge.session for charge in charges], 200)
    since = now - READINGS_FOR
    _save_readings(one for one in charges if one.session.stopped_at is None or one.session.stopped_at > since)
    _report_running(charges)
    for handle, team in teams.items():
        _save_power(team, [charge for charge in charges if charge.station.team == handle], now)
    return len(charges)


class Past:
    """Vehicles as they came, one after another over all connectors: no driver charged at two places at once."""

    def __init__(self, teams: dict[str, Team], tags: Sequence[Tag], now: datetime) -> None:
        self.teams, self.now = teams, now
        self.chance = random.Random(4711)  # noqa: S311 - the same demo on every machine
        self.drivers = [tag for tag in tags if tag.status == Tag.Status.ACCEPTED and tag.expires_at is None]
        self.busy_until: dict[int, datetime] = {}
        self.has_refused = False

    def charges(self) -> Iterator[Charge]:
        outlets = list(self._outlets())
        first = self.now - timedelta(days=DAYS)
        queue = [(self._next(outlet, first), n) for n, outlet in enumerate(outlets)]
        heapq.heapify(queue)
        is_one_running, ended_at = False, dict.fromkeys(range(len(outlets)), first)
        while queue:
            at, n = heapq.heappop(queue)
            if at > outlets[n].until:
                continue
            charge = self._charge(outlets[n], at)
            if charge is not None:
                yield charge
                if charge.session.stopped_at is None:
                    ended_at[n] = self.now
                    is_one_running |= charge.station.team == DEMO_TEAM
                    continue
                ended_at[n] = charge.session.stopped_at
                at = charge.session.stopped_at + timedelta(minutes=3)
            heapq.heappush(queue, (self._next(outlets[n], at), n))
        if not is_one_running:
            yield from self._latecomer(outlets, ended_at)

    def _latecomer(self, outlets: list[Outlet], ended_at: dict[int, datetime]) -> Iterator[Charge]:
        """Somebody who charges now, however late at night it is: pages of what is running must not be empty."""
        at = self.now - timedelta(minutes=25)
        for n, outlet in enumerate(outlets):
            if outlet.station.team != DEMO_TEAM or not outlet.station.is_simulated:
                continue
            if ended_at[n] > at - timedelta(minutes=3):
                continue
            register, charge = outlet.register, self._charge(outlet, at)
            if charge is not None and charge.session.stopped_at is None:
                yield charge
                return
            outlet.register = register  # it would be over by now

    def _outlets(self) -> Iterator[Outlet]:
        keys = dict(ChargingStation.objects.values_list("identity", "pk"))
        for station in DEMO_STATIONS:
            for number in range(1, station.connectors + 1):
                until = self.now - (timedelta(0) if station.is_simulated else OFFLINE_FOR)
                yield Outlet(
                    station,
                    number,
                    keys[station.identity],
                    self.teams[station.team],
                    until,
                    self.chance.randrange(900_000, 9_000_000),
                    [
                        (self.now - one.began, self.now - (one.ended or timedelta(0)))
                        for one in FAULTS
                        if (one.station, one.connector) == (station.identity, number)
                    ],
                )

    def _next(self, outlet: Outlet, at: datetime) -> datetime:
        return at + timedelta(seconds=round(seconds_until_next(outlet.station.habit, at, self.chance), 3))

    def _charge(self, outlet: Outlet, at: datetime) -> Charge | None:
        """What a driver charges who comes at this time; None when nobody can come."""
        station, chance = outlet.station, self.chance
        is_refused = self._is_refused(outlet, at)
        tag = None if is_refused else self._driver(outlet.team, at)
        vehicle = arriving_vehicle(phases=station.phases, is_direct_current=station.is_direct_current, chance=chance)
        watts = _curve(vehicle, station, chance)[: 1 if is_refused else None]
        stopped_at = at + STEP * len(watts) + timedelta(seconds=chance.randrange(5, 58))
        is_cut = stopped_at > outlet.until and not station.is_simulated
        if (tag is None and not is_refused) or is_cut or outlet.is_closed(at, stopped_at):
            return None
        is_running = stopped_at > self.now
        if is_running:
            watts = watts[: int((self.now - at) / STEP)]
        energy = round(sum(watts) / 60)
        session = ChargingSession(
            team=outlet.team,
            station_id=outlet.key,
            connector_number=outlet.number,
            id_tag=tag.value if tag else ADOPTED,
            tag=tag,
            started_at=at,
            start_received_at=at + timedelta(milliseconds=chance.randrange(40, 400)),
            meter_start_wh=outlet.register,
            energy_wh=energy,
            last_register_wh=outlet.register + energy,
            max_power_w=max(watts, default=0),
        )
        if is_running:
            session.power_w = watts[-1] if watts else 0
        else:
            _end(session, stopped_at, chance)
        if is_refused:
            _refuse(session)
            session.stop_reason = "DeAuthorized"
            self.has_refused = True
        outlet.register += energy
        if tag is not None:
            self.busy_until[tag.pk] = stopped_at + timedelta(minutes=10)
        return Charge(session, watts, station, vehicle)

    def _driver(self, team: Team, at: datetime) -> Tag | None:
        """Somebody of the team who does not charge elsewhere."""
        idle = [
            tag
            for tag in self.drivers
            if tag.team_id == team.pk
            and self.busy_until.get(tag.pk, at) <= at
            and (tag.value != ADOPTED or at > self.now - ADOPTED_AGO)
        ]
        return self.chance.choice(idle) if idle else None

    def _is_refused(self, outlet: Outlet, at: datetime) -> bool:
        """The first session of a card that somebody adds to the team some hours later."""
        added_at = self.now - ADOPTED_AGO
        is_then = added_at - timedelta(days=1) < at < added_at - timedelta(hours=2)
        return is_then and not self.has_refused and outlet.team.handle == DEMO_TEAM and not outlet.closed


def _curve(vehicle: Vehicle, station: DemoStation, chance: random.Random) -> list[int]:
    """Watts per minute: a ramp, a plateau, a taper when the battery fills, and nothing until the driver comes back."""
    watts: list[int] = []
    while not vehicle.is_full and len(watts) < 14 * 60:
        power = vehicle.power_w(60.0 * len(watts) + 30, station.power_w) * (1 + chance.uniform(-0.004, 0.004))
        watts.append(round(power))
        vehicle.taken_wh += power / 60
    return watts + [0] * int((vehicle.dwell_seconds or 0) / 60)


def _end(session: ChargingSession, at: datetime, chance: random.Random) -> None:
    session.stopped_at, session.stop_received_at = at, at + timedelta(milliseconds=chance.randrange(40, 400))
    session.meter_stop_wh = session.last_register_wh
    session.stop_reason = chance.choice(["Local", "Local", "EVDisconnected", "Remote"])
    session.stop_id_tag, session.closed_by = session.id_tag, ChargingSession.ClosedBy.STATION
    session.power_w = 0


def _refuse(session: ChargingSession) -> None:
    session.tag, session.authorization, session.is_billable = None, "Invalid", False
    session.add_flag(Flag.UNAUTHORISED)


def _without_lost(charges: list[Charge], now: datetime) -> list[Charge]:
    """Leave out a session of which nothing ever arrived: the register shows that there was one."""
    there = [one for one in charges if one.station.identity == LOST_STATION and one.session.stopped_at]
    if len(there) < 3:
        return charges
    lost = min(there[1:-1], key=lambda one: abs(one.session.started_at - (now - LOST_AGO)))
    return [one for one in charges if one is not lost]


def _make_some_odd(charges: list[Charge], now: datetime) -> None:
    """A ledger without anything to look at would not show what the marks are for."""
    chance = random.Random(815)  # noqa: S311 - the same demo on every machine
    sessions = [
        one.session for one in charges if one.station.team == DEMO_TEAM and one.session.authorization != "Invalid"
    ]
    old = [one for one in sessions if one.stopped_at is not None and one.stopped_at < now - timedelta(days=3)]
    odd = chance.sample(old[-250:], min(6, len(old)))
    for session in odd[:2]:
        session.id_tag = session.stop_id_tag = UNKNOWN_CARD
        _refuse(session)
    for session in odd[2:5]:
        session.start_received_at = session.stop_received_at = session.started_at + session.duration * 2
        session.add_flag(Flag.OFFLINE)
    for session in odd[5:]:
        session.add_flag(Flag.CLOCK)
        session.is_billable = False


def _report_running(charges: Iterable[Charge]) -> None:
    for charge in charges:
        session = charge.session
        if session.stopped_at is None:
            Connector.objects.filter(station=session.station_id, number=session.connector_number).update(
                status=Connector.Status.CHARGING, status_changed_at=session.started_at
            )


def _save_readings(charges: Iterable[Charge]) -> None:
    rows, sessions = [], []
    for charge in charges:
        session, energy = charge.session, float(charge.session.meter_start_wh or 0)
        every = max(1, len(charge.watts) // 60)
        for minute, power in enumerate(charge.watts, 1):
            energy += power / 60
            if minute % every and minute != len(charge.watts):
                continue
            rows.append(_reading(charge, session.started_at + STEP * minute, round(energy), power))
            session.sample_count += len(rows[-1].values)
            session.last_sample_at = rows[-1].at
            session.state_of_charge = rows[-1].state_of_charge
        sessions.append(session)
    MeterReading.objects.bulk_create(rows, 500)
    ChargingSession.objects.bulk_update(sessions, ["sample_count", "last_sample_at", "state_of_charge"], 100)


def _reading(charge: Charge, at: datetime, energy: int, power: int) -> MeterReading:
    session, station = charge.session, charge.station
    common: dict[str, Any] = {"context": "Sample.Periodic", "format": "Raw", "location": "Outlet"}
    values = [
        common | {"value": str(energy), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
        common | {"value": str(power), "measurand": "Power.Active.Import", "unit": "W"},
    ]
    current, soc = None, None
    if not station.is_direct_current:
        current = {f"L{phase}": round(power / station.phases / VOLTS * 1000) for phase in range(1, station.phases + 1)}
        for phase, milliamperes in current.items():
            value = f"{milliamperes / 1000:.1f}"
            values.append(common | {"value": value, "measurand": "Current.Import", "unit": "A", "phase": phase})
    else:
        taken = energy - (session.meter_start_wh or 0)
        percent = (charge.vehicle.start_percent or 0) + 100 * taken / charge.vehicle.capacity_wh
        soc = Decimal(f"{min(100.0, percent):.1f}")
        values.append(common | {"value": str(soc), "measurand": "SoC", "unit": "Percent", "location": "EV"})
    return MeterReading(
        station_id=session.station_id,
        connector_number=session.connector_number,
        session=session,
        at=at,
        values=values,
        energy_wh=energy,
        power_w=power,
        current_ma=current,
        state_of_charge=soc,
    )


def _save_power(team: Team, charges: Iterable[Charge], now: datetime) -> None:
    """The team's summed power of the last two days, once a minute, from the very sessions that are shown."""
    last = now.replace(second=0, microsecond=0)
    watts: dict[datetime, int] = defaultdict(int)
    counts: dict[datetime, int] = defaultdict(int)
    for charge in charges:
        begin = charge.session.started_at.replace(second=0, microsecond=0)
        curve = charge.watts
        if charge.session.stopped_at is None:  # until this minute
            curve = curve + curve[-1:] * (int((last - begin) / STEP) - len(curve))
        for minute, power in enumerate(curve, 1):
            watts[begin + STEP * minute] += power
            counts[begin + STEP * minute] += 1
    minutes = (last - STEP * number for number in reversed(range(2 * 24 * 60)))
    TeamPower.objects.bulk_create(
        [TeamPower(team=team, at=at, power_w=watts[at], session_count=counts[at]) for at in minutes],
        500,
        ignore_conflicts=True,
    )
