"""Create the demo's charging: two months of sessions until now, their meter readings, and the power of each team."""

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
READINGS_PERIOD = timedelta(days=2)  # sessions that ran within it have meter readings
STEP = timedelta(minutes=1)
LATE_CARD = "04C81F5A"  # a card that was refused before an administrator added it
LATE_CARD_ADDED_AGO = timedelta(days=12)
UNKNOWN_CARD = "DEADBEEF"
LOST_STATION, LOST_AGO = "DEPOT-A-04", timedelta(days=6)  # where and when the messages of a session got lost
OFFLINE_FOR = timedelta(hours=53)  # how long the station that is not simulated has been offline


@dataclass(frozen=True, slots=True)
class DemoFault:
    station: str
    connector: int
    error_code: str
    started_ago: timedelta
    ended_ago: timedelta | None  # None: the fault is ongoing


FAULTS = (
    DemoFault("MALL-0194", 1, "OverCurrentFailure", timedelta(hours=50), timedelta(hours=48, minutes=40)),
    DemoFault(*LASTING_FAULT, "GroundFailure", timedelta(hours=5, minutes=12), None),
)


@dataclass(slots=True)
class Charge:
    """A session and its power in watts, one value a minute."""

    session: ChargingSession
    watts: list[int]
    station: DemoStation
    vehicle: Vehicle


@dataclass(slots=True)
class Outlet:
    """A connector with its meter.

    Attributes:
        until: when the connector goes offline, or the present.
        register: meter register in Wh, which continues from session to session.
        faulted: periods in which the connector is faulted.
    """

    station: DemoStation
    number: int
    key: int
    team: Team
    until: datetime
    register: int
    faulted: list[tuple[datetime, datetime]] = field(default_factory=list)

    def is_faulted(self, start: datetime, end: datetime) -> bool:
        return any(start < until and end > since for since, until in self.faulted)


def create_sessions(teams: dict[str, Team], tags: Sequence[Tag]) -> int:
    """Store the sessions of two months, meter readings of the newest ones, and the teams' power of two days.

    Returns:
        The number of sessions.
    """
    now = timezone.now()
    history = SessionHistory(teams, tags, now)
    charges = sorted(history.charges(), key=lambda charge: charge.session.started_at)  # ids increase with the time
    charges = _drop_lost_session(charges, now)
    _add_anomalies(charges, now)
    ChargingSession.objects.bulk_create([charge.session for charge in charges], 200)
    since = now - READINGS_PERIOD
    _save_readings(
        charge for charge in charges if charge.session.stopped_at is None or charge.session.stopped_at > since
    )
    _update_connectors(charges)
    for handle, team in teams.items():
        _save_power(team, [charge for charge in charges if charge.station.team == handle], now)
    return len(charges)


class SessionHistory:
    """Generates the charging history of all connectors; no driver charges at two connectors at once."""

    def __init__(self, teams: dict[str, Team], tags: Sequence[Tag], now: datetime) -> None:
        self.teams, self.now = teams, now
        self.rng = random.Random(4711)  # noqa: S311 - the same demo on every machine
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
            yield from self._current_charge(outlets, ended_at)

    def _current_charge(self, outlets: list[Outlet], ended_at: dict[int, datetime]) -> Iterator[Charge]:
        """Yield an active session, whatever the time of day, so that the pages of active sessions are not empty."""
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
            outlet.register = register  # this session would have ended by now

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
                    self.rng.randrange(900_000, 9_000_000),
                    [
                        (self.now - fault.started_ago, self.now - (fault.ended_ago or timedelta(0)))
                        for fault in FAULTS
                        if (fault.station, fault.connector) == (station.identity, number)
                    ],
                )

    def _next(self, outlet: Outlet, at: datetime) -> datetime:
        return at + timedelta(seconds=round(seconds_until_next(outlet.station.habit, at, self.rng), 3))

    def _charge(self, outlet: Outlet, at: datetime) -> Charge | None:
        """Return the charge of a driver who arrives at this time; None if no driver can charge there."""
        station, rng = outlet.station, self.rng
        is_refused = self._is_refused(outlet, at)
        tag = None if is_refused else self._driver(outlet.team, at)
        vehicle = arriving_vehicle(phases=station.phases, is_direct_current=station.is_direct_current, chance=rng)
        watts = _curve(vehicle, station, rng)[: 1 if is_refused else None]
        stopped_at = at + STEP * len(watts) + timedelta(seconds=rng.randrange(5, 58))
        ends_offline = stopped_at > outlet.until and not station.is_simulated
        if (tag is None and not is_refused) or ends_offline or outlet.is_faulted(at, stopped_at):
            return None
        is_running = stopped_at > self.now
        if is_running:
            watts = watts[: int((self.now - at) / STEP)]
        energy = round(sum(watts) / 60)
        session = ChargingSession(
            team=outlet.team,
            station_id=outlet.key,
            connector_number=outlet.number,
            id_tag=tag.value if tag else LATE_CARD,
            tag=tag,
            started_at=at,
            start_received_at=at + timedelta(milliseconds=rng.randrange(40, 400)),
            meter_start_wh=outlet.register,
            energy_wh=energy,
            last_register_wh=outlet.register + energy,
            max_power_w=max(watts, default=0),
        )
        if is_running:
            session.power_w = watts[-1] if watts else 0
        else:
            _end(session, stopped_at, rng)
        if is_refused:
            _refuse(session)
            session.stop_reason = "DeAuthorized"
            self.has_refused = True
        outlet.register += energy
        if tag is not None:
            self.busy_until[tag.pk] = stopped_at + timedelta(minutes=10)
        return Charge(session, watts, station, vehicle)

    def _driver(self, team: Team, at: datetime) -> Tag | None:
        """Pick a tag of the team that is not charging elsewhere."""
        idle = [
            tag
            for tag in self.drivers
            if tag.team_id == team.pk
            and self.busy_until.get(tag.pk, at) <= at
            and (tag.value != LATE_CARD or at > self.now - LATE_CARD_ADDED_AGO)
        ]
        return self.rng.choice(idle) if idle else None

    def _is_refused(self, outlet: Outlet, at: datetime) -> bool:
        """Whether this is the refused session of `LATE_CARD`, some hours before the card is added to the team."""
        added_at = self.now - LATE_CARD_ADDED_AGO
        is_in_window = added_at - timedelta(days=1) < at < added_at - timedelta(hours=2)
        return is_in_window and not self.has_refused and outlet.team.handle == DEMO_TEAM and not outlet.faulted


def _curve(vehicle: Vehicle, station: DemoStation, rng: random.Random) -> list[int]:
    """Return watts per minute: ramp, plateau, taper as the battery fills, then zero until the driver returns."""
    watts: list[int] = []
    while not vehicle.is_full and len(watts) < 14 * 60:
        power = vehicle.power_w(60.0 * len(watts) + 30, station.power_w) * (1 + rng.uniform(-0.004, 0.004))
        watts.append(round(power))
        vehicle.taken_wh += power / 60
    return watts + [0] * int((vehicle.dwell_seconds or 0) / 60)


def _end(session: ChargingSession, at: datetime, rng: random.Random) -> None:
    session.stopped_at, session.stop_received_at = at, at + timedelta(milliseconds=rng.randrange(40, 400))
    session.meter_stop_wh = session.last_register_wh
    session.stop_reason = rng.choice(["Local", "Local", "EVDisconnected", "Remote"])
    session.stop_id_tag, session.closed_by = session.id_tag, ChargingSession.ClosedBy.STATION
    session.power_w = 0


def _refuse(session: ChargingSession) -> None:
    session.tag, session.authorization, session.is_billable = None, "Invalid", False
    session.add_flag(Flag.UNAUTHORISED)


def _drop_lost_session(charges: list[Charge], now: datetime) -> list[Charge]:
    """Drop one session as if all its messages were lost, which leaves a gap in the meter register."""
    candidates = [charge for charge in charges if charge.station.identity == LOST_STATION and charge.session.stopped_at]
    if len(candidates) < 3:
        return charges
    lost = min(candidates[1:-1], key=lambda charge: abs(charge.session.started_at - (now - LOST_AGO)))
    return [charge for charge in charges if charge is not lost]


def _add_anomalies(charges: list[Charge], now: datetime) -> None:
    """Flag some sessions, so that the pages for anomalies have something to show."""
    rng = random.Random(815)  # noqa: S311 - the same demo on every machine
    limit = now - timedelta(days=3)
    old = [
        charge.session
        for charge in charges
        if charge.station.team == DEMO_TEAM
        and charge.session.authorization != "Invalid"
        and charge.session.stopped_at is not None
        and charge.session.stopped_at < limit
    ]
    sample = rng.sample(old[-250:], min(6, len(old)))
    for session in sample[:2]:
        session.id_tag = session.stop_id_tag = UNKNOWN_CARD
        _refuse(session)
    for session in sample[2:5]:
        session.start_received_at = session.stop_received_at = session.started_at + session.duration * 2
        session.add_flag(Flag.OFFLINE)
    for session in sample[5:]:
        session.add_flag(Flag.CLOCK)
        session.is_billable = False


def _update_connectors(charges: Iterable[Charge]) -> None:
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
        interval = max(1, len(charge.watts) // 60)  # minutes
        for minute, power in enumerate(charge.watts, 1):
            energy += power / 60
            if minute % interval and minute != len(charge.watts):
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
    """Store the team's power of the last two days, once a minute, as the sum over its sessions."""
    last = now.replace(second=0, microsecond=0)
    watts: dict[datetime, int] = defaultdict(int)
    counts: dict[datetime, int] = defaultdict(int)
    for charge in charges:
        first = charge.session.started_at.replace(second=0, microsecond=0)
        curve = charge.watts
        if charge.session.stopped_at is None:  # it charges on until the present minute
            curve = curve + curve[-1:] * (int((last - first) / STEP) - len(curve))
        for minute, power in enumerate(curve, 1):
            watts[first + STEP * minute] += power
            counts[first + STEP * minute] += 1
    minutes = (last - STEP * number for number in reversed(range(2 * 24 * 60)))
    TeamPower.objects.bulk_create(
        [TeamPower(team=team, at=at, power_w=watts[at], session_count=counts[at]) for at in minutes],
        500,
        ignore_conflicts=True,
    )
