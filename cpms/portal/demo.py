"""What the demo shows before its simulated stations have done anything: two months of a small operator's life."""

from __future__ import annotations

import math
import random
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from django.db import transaction
from django.utils import timezone

from accounts import services as accounts
from accounts.models import Membership, Team, User
from accounts.rights import Role
from chargers import services as chargers
from chargers.demo import DEMO_NEIGHBOUR, DEMO_STATIONS, DEMO_TEAM, DemoStation
from chargers.models import ChargingStation, Connector, Tag
from sessions.models import ChargingSession, Flag, MeterReading, TeamPower

PASSWORD = "nordlys-demo"  # noqa: S105 - of people who exist in the demo only
DAYS = 60
WITH_READINGS = 40  # the newest sessions, whose curves can be looked at
STEP = timedelta(minutes=1)
HOURS = {"office": (7, 10), "depot": (17, 21), "mall": (9, 18), "road": (6, 22)}
A_DAY = {"office": 0.42, "depot": 0.62, "mall": 0.55, "road": 0.9}


@dataclass(frozen=True, slots=True)
class Login:
    email: str
    name: str
    role: str
    team: str
    is_staff: bool = False


LOGINS = (
    Login("admin@nordlys.example", "Mia Holm", Role.ADMIN, DEMO_TEAM),
    Login("operator@nordlys.example", "Jonas Brandt", Role.OPERATOR, DEMO_TEAM),
    Login("viewer@nordlys.example", "Ida Petersen", Role.VIEWER, DEMO_TEAM),
    Login("support@nordlys.example", "Nora Lind", Role.ADMIN, DEMO_TEAM, is_staff=True),
    Login("admin@fjordby.example", "Lars Nygaard", Role.ADMIN, DEMO_NEIGHBOUR),
)
TAGS = (
    ("04A2C7B1", "Van HH-NE 412"),
    ("04A2C7B2", "Van HH-NE 413"),
    ("04B9E011", "Van HH-NE 417"),
    ("04B9E012", "Truck HH-NE 801"),
    ("5E3F70A1", "Lena Hansen"),
    ("5E3F70A2", "Jonas Petersen"),
    ("5E3F70A3", "Mara Voss"),
    ("5E3F70A4", "Tim Albers"),
    ("7C11D0F4", "Guest card 1"),
    ("7C11D0F5", "Guest card 2"),
    ("7C11D0F6", "Guest card 3 (lost)"),
    ("09D8AA37", "Contractor, until last month"),
)
LOST, ENDED = "7C11D0F6", "09D8AA37"


@dataclass(slots=True)
class Charge:
    """One past session and how its power went, minute by minute."""

    session: ChargingSession
    watts: list[int]
    station: DemoStation


@transaction.atomic
def load() -> dict[str, int]:
    """Make what is missing. What is there stays as it is, so that a second start shows what happened since.

    Returns:
        how many stations and sessions are new.
    """
    teams = {
        DEMO_TEAM: accounts.add_team(handle=DEMO_TEAM, name="Nordlys Energie")[0],
        DEMO_NEIGHBOUR: accounts.add_team(handle=DEMO_NEIGHBOUR, name="Stadtwerke Fjordby")[0],
    }
    people = {login.email: _person(login, teams[login.team]) for login in LOGINS}
    stations = _stations(teams)
    tags = _tags(teams[DEMO_TEAM], people["viewer@nordlys.example"])
    if ChargingSession.objects.filter(team=teams[DEMO_TEAM]).exists():
        return {"stations": stations, "sessions": 0}
    charges = _charges(teams, tags)
    ChargingSession.objects.bulk_create([charge.session for charge in charges], 200)
    nordlys = [charge for charge in charges if charge.station.team == DEMO_TEAM]
    _save_readings(nordlys[-WITH_READINGS:])
    _save_power(teams[DEMO_TEAM], nordlys)
    return {"stations": stations, "sessions": len(charges)}


def _person(login: Login, team: Team) -> User:
    user, _is_new = accounts.add_user(
        email=login.email, password=PASSWORD, team=team, role=login.role, is_staff=login.is_staff
    )
    if not user.first_name:
        user.first_name, user.last_name = login.name.split()
        user.save(update_fields=["first_name", "last_name"])
        Membership.objects.filter(user=user, team=team).update(employee_number=f"N-{user.pk:04}")
    return user


def _stations(teams: dict[str, Team]) -> int:
    """Passwords are set each time, since the simulator relies on them; what a station reported is kept, and so is the
    team that somebody handed it over to."""
    known = dict(ChargingStation.objects.values_list("identity", "team"))
    homes = {one.identity: known.get(one.identity) or teams[one.team].pk for one in DEMO_STATIONS}
    for team in Team.objects.filter(pk__in=homes.values()):
        wanted = [
            chargers.NewStation(one.identity, one.password, name=one.name, connectors=one.connectors)
            for one in DEMO_STATIONS
            if homes[one.identity] == team.pk
        ]
        chargers.add_stations(team=team, stations=wanted)
    fresh = [one for one in DEMO_STATIONS if one.identity not in known]
    now = timezone.now()
    for one in fresh:
        seen_at = now - timedelta(hours=1 if one.is_simulated else 53)
        ChargingStation.objects.filter(identity=one.identity).update(
            vendor=one.vendor,
            model=one.model,
            serial_number=one.serial_number,
            firmware_version=one.firmware_version,
            registration=ChargingStation.Registration.ACCEPTED,
            booted_at=now - timedelta(days=9),
            boot_count=3,
            last_heard_at=seen_at,
            connected_at=now - timedelta(days=9),
            disconnected_at=seen_at,
        )
        Connector.objects.filter(station__identity=one.identity).update(
            status=Connector.Status.AVAILABLE, error_code="NoError", status_changed_at=seen_at, reported_at=seen_at
        )
    return len(fresh)


def _tags(team: Team, viewer: User) -> list[Tag]:
    known = set(Tag.objects.filter(team=team).values_list("value", flat=True))
    month_ago = timezone.now() - timedelta(days=30)
    chargers.add_tags(
        team=team,
        tags=[
            chargers.NewTag(
                value,
                label,
                status=Tag.Status.BLOCKED if value == LOST else Tag.Status.ACCEPTED,
                expires_at=month_ago if value == ENDED else None,
            )
            for value, label in TAGS
            if value not in known
        ],
    )
    Tag.objects.filter(team=team, value="5E3F70A3", user=None).update(user=viewer)
    return list(Tag.objects.filter(team=team, value__in=[value for value, _label in TAGS]).exclude(value=LOST))


def _charges(teams: dict[str, Team], tags: list[Tag]) -> list[Charge]:
    """Sessions in the order in which they began, so that their numbers look as if they had been given then."""
    chance = random.Random(4711)  # noqa: S311 - the same demo on every machine
    keys = dict(ChargingStation.objects.values_list("identity", "pk"))
    charges = [
        charge
        for station in DEMO_STATIONS
        for number in range(1, station.connectors + 1)
        for charge in _life(station, number, keys[station.identity], teams[station.team], tags, chance)
    ]
    charges.sort(key=lambda charge: charge.session.started_at)
    _make_some_odd(charges, chance)
    return charges


def _life(
    station: DemoStation, number: int, key: int, team: Team, tags: list[Tag], chance: random.Random
) -> Iterator[Charge]:
    """Two months of one connector. Its register goes on from session to session, as a meter does."""
    now = timezone.now()
    free_at = first = now - timedelta(days=DAYS)
    last = now - timedelta(minutes=20 if station.is_simulated else 53 * 60)
    register = chance.randrange(900_000, 9_000_000)
    fits = [tag for tag in tags if tag.expires_at is None] if team.handle == DEMO_TEAM else []
    for day in range(DAYS + 1):
        if chance.random() > A_DAY[station.habit]:
            continue
        begin, end = HOURS[station.habit]
        midnight = (first + timedelta(days=day)).replace(hour=0, minute=0, second=0, microsecond=0)
        started_at = midnight + timedelta(seconds=round(3600 * chance.uniform(begin, end), 3))
        watts = _curve(station, chance)
        stopped_at = started_at + STEP * len(watts) + timedelta(seconds=chance.randrange(5, 58))
        if started_at < free_at or stopped_at > last:
            continue
        energy = round(sum(watts) / 60)
        tag = chance.choice(fits) if fits else None
        session = ChargingSession(
            team=team,
            station_id=key,
            connector_number=number,
            id_tag=tag.value if tag else "FJ0001",
            tag=tag,
            started_at=started_at,
            start_received_at=started_at + timedelta(milliseconds=chance.randrange(40, 400)),
            meter_start_wh=register,
            stopped_at=stopped_at,
            stop_received_at=stopped_at + timedelta(milliseconds=chance.randrange(40, 400)),
            meter_stop_wh=register + energy,
            stop_reason=chance.choice(["Local", "Local", "EVDisconnected", "Remote"]),
            stop_id_tag=tag.value if tag else "",
            closed_by=ChargingSession.ClosedBy.STATION,
            energy_wh=energy,
            last_register_wh=register + energy,
            max_power_w=max(watts),
        )
        register, free_at = register + energy, stopped_at + timedelta(minutes=4)
        yield Charge(session, watts, station)


def _curve(station: DemoStation, chance: random.Random) -> list[int]:
    """Watts per minute: a ramp, a plateau that the vehicle or the station limits, a taper when the battery fills."""
    if station.is_direct_current:
        wanted, vehicle = chance.uniform(9_000, 58_000), chance.choice([50_000, 100_000, 140_000])
    else:
        wanted, vehicle = chance.uniform(4_000, 42_000), chance.choice([7_400, 11_000, 11_000, 22_000])
    plateau, energy = min(station.power_w, vehicle) * chance.uniform(0.94, 0.99), 0.0
    watts: list[int] = []
    taper_from = wanted * (0.62 if station.is_direct_current else 0.88)
    while energy < wanted * 0.995 and len(watts) < 14 * 60:
        ramp = min(1.0, (len(watts) + 1) / 3)
        left = (wanted - energy) / (wanted - taper_from)
        taper = 1.0 if energy < taper_from else max(0.08, left**0.8)
        power = plateau * ramp * taper * (1 + 0.006 * math.sin(len(watts) / 3) + chance.uniform(-0.004, 0.004))
        watts.append(round(power))
        energy += power / 60
    return watts


def _make_some_odd(charges: list[Charge], chance: random.Random) -> None:
    """A ledger without anything to look at would not show what the marks are for."""
    odd = chance.sample([charge.session for charge in charges if charge.station.team == DEMO_TEAM], 6)
    for session in odd[:2]:
        session.id_tag, session.tag, session.authorization, session.is_billable = "DEADBEEF", None, "Invalid", False
        session.add_flag(Flag.UNAUTHORISED)
    for session in odd[2:5]:
        session.start_received_at = session.stop_received_at = session.started_at + session.duration * 2
        session.add_flag(Flag.OFFLINE)
    odd[5].add_flag(Flag.CLOCK)


def _save_readings(charges: Iterable[Charge]) -> None:
    rows, sessions = [], []
    for charge in charges:
        session, energy = charge.session, float(charge.session.meter_start_wh or 0)
        every = max(1, len(charge.watts) // 60)
        for minute, power in enumerate(charge.watts, 1):
            energy += power / 60
            if minute % every and minute != len(charge.watts):
                continue
            filled = minute / len(charge.watts) if charge.station.is_direct_current else None
            rows.append(_reading(charge, session.started_at + STEP * minute, round(energy), power, filled))
            session.sample_count += len(rows[-1].values)
            session.last_sample_at = rows[-1].at
            session.state_of_charge = rows[-1].state_of_charge
        sessions.append(session)
    MeterReading.objects.bulk_create(rows, 500)
    ChargingSession.objects.bulk_update(sessions, ["sample_count", "last_sample_at", "state_of_charge"], 100)


def _reading(charge: Charge, at: datetime, energy: int, power: int, filled: float | None) -> MeterReading:
    session = charge.session
    common: dict[str, Any] = {"context": "Sample.Periodic", "format": "Raw", "location": "Outlet"}
    values = [
        common | {"value": str(energy), "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
        common | {"value": str(power), "measurand": "Power.Active.Import", "unit": "W"},
    ]
    current, soc = None, None
    if filled is None:
        phases = range(1, charge.station.phases + 1)
        current = {f"L{phase}": round(power / charge.station.phases / 230 * 1000) for phase in phases}
        for phase, milliamperes in current.items():
            value = f"{milliamperes / 1000:.1f}"
            values.append(common | {"value": value, "measurand": "Current.Import", "unit": "A", "phase": phase})
    else:
        soc = Decimal(round(22 + 68 * filled))
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


def _save_power(team: Team, charges: Iterable[Charge]) -> None:
    """The team's summed power of the last two days, once a minute, from the very sessions that are shown."""
    now = timezone.now().replace(second=0, microsecond=0)
    first = now - timedelta(days=2)
    watts: dict[datetime, int] = defaultdict(int)
    counts: dict[datetime, int] = defaultdict(int)
    for charge in charges:
        begin = charge.session.started_at.replace(second=0, microsecond=0)
        for minute, power in enumerate(charge.watts):
            watts[begin + STEP * minute] += power
            counts[begin + STEP * minute] += 1
    minutes = (first + STEP * number for number in range(2 * 24 * 60))
    TeamPower.objects.bulk_create(
        [TeamPower(team=team, at=at, power_w=watts[at], session_count=counts[at]) for at in minutes],
        500,
        ignore_conflicts=True,
    )
