"""Many simulated stations at once: the demo's, or those of `manage.py simulate`."""

from __future__ import annotations

import asyncio
import random
import threading
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.db import connection
from django.db.models import Max, QuerySet

from chargers.demo.park import DEMO_STATIONS, LASTING_FAULT
from chargers.demo.traffic import arriving_vehicle, charging_vehicle
from chargers.models import Connector, Tag
from ocpp_gateway.simulator.station import Drivers, Plan, Running, SimulatedStation
from sessions.models import ChargingSession

FAULT_SECONDS = (600.0, 7_200.0)
MIN_CHARGING = 3  # when the demo starts, so that there is something to see


def demo_plans() -> list[Plan]:
    """The demo's stations. They go on where they were: with their meters, the sessions that run and what is faulted."""
    chance = random.Random()  # noqa: S311
    simulated = [each for each in DEMO_STATIONS if each.is_simulated]
    meters, running, faulted = _meters(), _running(chance), _faulted(chance)
    drivers = {team: Drivers(_tags(team)) for team in {each.team for each in simulated}}
    outlets = [(each.identity, number) for each in simulated for number in range(1, each.connectors + 1)]
    idle = [
        outlet
        for outlet in outlets
        if outlet[1] not in running.get(outlet[0], {}) and outlet[1] not in faulted.get(outlet[0], {})
    ]
    missing = max(0, MIN_CHARGING - sum(len(of_station) for of_station in running.values()))
    soon = {outlet: chance.uniform(5.0, 60.0) for outlet in chance.sample(idle, min(missing, len(idle)))}
    return [
        Plan(
            identity=each.identity,
            password=each.password,
            vendor=each.vendor,
            model=each.model,
            serial_number=each.serial_number,
            firmware_version=each.firmware_version,
            connectors=each.connectors,
            power_w=each.power_w,
            phases=each.phases,
            is_direct_current=each.is_direct_current,
            drivers=drivers[each.team],
            meter_wh=meters.get(each.identity, {}),
            sample_seconds=10.0,
            habit=each.habit,
            fault_chance=0.02,
            fault_seconds=FAULT_SECONDS,
            strange_card_chance=0.02,
            running=running.get(each.identity, {}),
            faulted=faulted.get(each.identity, {}),
            first_pause_seconds={number: wait for (name, number), wait in soon.items() if name == each.identity},
        )
        for each in simulated
    ]


def _sessions() -> QuerySet[ChargingSession]:
    rows: QuerySet[ChargingSession] = ChargingSession.objects.filter(
        station__identity__in=[each.identity for each in DEMO_STATIONS]
    )
    return rows.order_by()


def _meters() -> dict[str, dict[int, int]]:
    """Where the stored sessions of each connector ended."""
    known = _sessions().values_list("station__identity", "connector_number")
    meters: dict[str, dict[int, int]] = defaultdict(dict)
    for identity, number, stop, register in known.annotate(stop=Max("meter_stop_wh"), last=Max("last_register_wh")):
        meters[identity][number] = max(stop or 0, register or 0)
    return meters


def _running(chance: random.Random) -> dict[str, dict[int, Running]]:
    """Sessions that nobody has ended."""
    by_identity = {each.identity: each for each in DEMO_STATIONS}
    found: dict[str, dict[int, Running]] = defaultdict(dict)
    for session in _sessions().open().select_related("station").defer("station__password"):  # type: ignore[attr-defined]
        demo = by_identity[session.station.identity]
        if not 1 <= session.connector_number <= demo.connectors:
            continue
        kind: dict[str, Any] = {"phases": demo.phases, "is_direct_current": demo.is_direct_current, "chance": chance}
        percent = session.state_of_charge
        vehicle = (
            charging_vehicle(
                power_w=session.power_w or 0, percent=float(percent) if percent is not None else None, **kind
            )
            if session.energy_wh
            else arriving_vehicle(**kind)
        )
        found[demo.identity][session.connector_number] = Running(
            session.pk,
            session.id_tag,
            vehicle,
            session.last_sample_at or session.started_at,
        )
    return found


def _faulted(chance: random.Random) -> dict[str, dict[int, tuple[str, float | None]]]:
    """Connectors that were faulted when the demo was stopped. One stays so until somebody resets its station."""
    rows = Connector.objects.filter(
        status=Connector.Status.FAULTED, station__identity__in=[each.identity for each in DEMO_STATIONS]
    )
    found: dict[str, dict[int, tuple[str, float | None]]] = defaultdict(dict)
    for identity, number, error_code in rows.values_list("station__identity", "number", "error_code"):
        seconds = None if (identity, number) == LASTING_FAULT else chance.uniform(*FAULT_SECONDS)
        found[identity][number] = error_code, seconds
    return found


def _tags(team: str) -> list[str]:
    rows = Tag.objects.valid().filter(team__handle=team, stations__isnull=True)
    return list(rows.values_list("value", flat=True))


async def run_fleet(url: str, plans: Iterable[Plan]) -> None:
    """Run stations until cancelled.

    Args:
        url: of the OCPP endpoint, for instance ws://localhost:8000/ocpp
    """
    async with asyncio.TaskGroup() as group:
        for plan in plans:
            group.create_task(SimulatedStation(url, plan).run())


def run_demo_fleet(url: str, stop: threading.Event) -> None:
    """The demo's stations, in a thread of their own, until `stop` is set."""
    plans = demo_plans()
    connection.close()

    async def until_stopped() -> None:
        fleet = asyncio.create_task(run_fleet(url, plans))
        while not stop.is_set() and not fleet.done():
            await asyncio.sleep(0.2)
        fleet.cancel()
        await asyncio.gather(fleet, return_exceptions=True)

    asyncio.run(until_stopped())
