"""Runs many simulated stations at once: those of the demo or of `manage.py simulate`."""

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
MIN_CHARGING = 3  # sessions soon after the demo starts, so that there is something to see


def demo_plans() -> list[Plan]:
    """Return the plans of the demo's stations. They continue with their stored meters, open sessions and faults."""
    rng = random.Random()  # noqa: S311
    simulated = [demo for demo in DEMO_STATIONS if demo.is_simulated]
    meters, running, faulted = _meters(), _running(rng), _faulted(rng)
    drivers = {team: Drivers(_tags(team)) for team in {demo.team for demo in simulated}}
    outlets = [(demo.identity, number) for demo in simulated for number in range(1, demo.connectors + 1)]
    idle = [
        (identity, number)
        for identity, number in outlets
        if number not in running.get(identity, {}) and number not in faulted.get(identity, {})
    ]
    missing = max(0, MIN_CHARGING - sum(len(of_station) for of_station in running.values()))
    first_arrivals = {outlet: rng.uniform(5.0, 60.0) for outlet in rng.sample(idle, min(missing, len(idle)))}
    return [
        Plan(
            identity=demo.identity,
            password=demo.password,
            vendor=demo.vendor,
            model=demo.model,
            serial_number=demo.serial_number,
            firmware_version=demo.firmware_version,
            connectors=demo.connectors,
            power_w=demo.power_w,
            phases=demo.phases,
            is_direct_current=demo.is_direct_current,
            drivers=drivers[demo.team],
            meter_wh=meters.get(demo.identity, {}),
            sample_seconds=10.0,
            habit=demo.habit,
            fault_chance=0.02,
            fault_seconds=FAULT_SECONDS,
            unknown_card_chance=0.02,
            running=running.get(demo.identity, {}),
            faulted=faulted.get(demo.identity, {}),
            first_pause_seconds={
                number: wait for (name, number), wait in first_arrivals.items() if name == demo.identity
            },
        )
        for demo in simulated
    ]


def _sessions() -> QuerySet[ChargingSession]:
    rows: QuerySet[ChargingSession] = ChargingSession.objects.filter(
        station__identity__in=[demo.identity for demo in DEMO_STATIONS]
    )
    return rows.order_by()


def _meters() -> dict[str, dict[int, int]]:
    """Return the last known meter reading of each connector in Wh, by identity and connector number."""
    known = _sessions().values_list("station__identity", "connector_number")
    meters: dict[str, dict[int, int]] = defaultdict(dict)
    for identity, number, stop, register in known.annotate(stop=Max("meter_stop_wh"), last=Max("last_register_wh")):
        meters[identity][number] = max(stop or 0, register or 0)
    return meters


def _running(rng: random.Random) -> dict[str, dict[int, Running]]:
    """Return the open sessions by identity and connector number."""
    by_identity = {demo.identity: demo for demo in DEMO_STATIONS}
    found: dict[str, dict[int, Running]] = defaultdict(dict)
    for session in _sessions().open().select_related("station").defer("station__password"):  # type: ignore[attr-defined]
        demo = by_identity[session.station.identity]
        if not 1 <= session.connector_number <= demo.connectors:
            continue
        kind: dict[str, Any] = {"phases": demo.phases, "is_direct_current": demo.is_direct_current, "chance": rng}
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


def _faulted(rng: random.Random) -> dict[str, dict[int, tuple[str, float | None]]]:
    """Return the connectors that were faulted when the demo stopped. One stays faulted until its station is reset."""
    rows = Connector.objects.filter(
        status=Connector.Status.FAULTED, station__identity__in=[demo.identity for demo in DEMO_STATIONS]
    )
    found: dict[str, dict[int, tuple[str, float | None]]] = defaultdict(dict)
    for identity, number, error_code in rows.values_list("station__identity", "number", "error_code"):
        seconds = None if (identity, number) == LASTING_FAULT else rng.uniform(*FAULT_SECONDS)
        found[identity][number] = error_code, seconds
    return found


def _tags(team: str) -> list[str]:
    rows = Tag.objects.valid().filter(team__handle=team, stations__isnull=True)
    return list(rows.values_list("value", flat=True))


async def run_fleet(url: str, plans: Iterable[Plan]) -> None:
    """Run stations until cancelled.

    Args:
        url: the OCPP endpoint, for example ws://localhost:8000/ocpp
    """
    async with asyncio.TaskGroup() as group:
        for plan in plans:
            group.create_task(SimulatedStation(url, plan).run())


def run_demo_fleet(url: str, stop: threading.Event) -> None:
    """Run the demo's stations until `stop` is set. Call it in a thread of its own."""
    plans = demo_plans()
    connection.close()

    async def until_stopped() -> None:
        fleet = asyncio.create_task(run_fleet(url, plans))
        while not stop.is_set() and not fleet.done():
            await asyncio.sleep(0.2)
        fleet.cancel()
        await asyncio.gather(fleet, return_exceptions=True)

    asyncio.run(until_stopped())
