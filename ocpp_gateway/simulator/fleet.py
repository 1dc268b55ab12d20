"""Many simulated stations at once: the demo's, or those of `manage.py simulate`."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable

from django.db import connection
from django.db.models import Max

from chargers.demo import DEMO_STATIONS, DEMO_TEAM
from chargers.models import Tag
from ocpp_gateway.simulator.station import Drivers, Plan, SimulatedStation
from sessions.models import ChargingSession


def demo_plans() -> list[Plan]:
    """The demo's stations: their meters go on where the stored sessions ended."""
    known = (
        ChargingSession.objects.filter(station__identity__in=[each.identity for each in DEMO_STATIONS])
        .values_list("station__identity", "connector_number")
        .order_by()
        .annotate(meter=Max("meter_stop_wh"), register=Max("last_register_wh"))
    )
    meters: dict[str, dict[int, int]] = {}
    for identity, connector, meter, register in known:
        meters.setdefault(identity, {})[connector] = max(meter or 0, register or 0)
    tags = Tag.objects.valid().filter(team__handle=DEMO_TEAM, stations__isnull=True).values_list("value", flat=True)
    drivers = Drivers(tags)
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
            drivers=drivers if each.team == DEMO_TEAM else None,
            meter_wh=meters.get(each.identity, {}),
            sample_seconds=5.0,
            pause_seconds=(5.0, 90.0),
        )
        for each in DEMO_STATIONS
        if each.is_simulated
    ]


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
