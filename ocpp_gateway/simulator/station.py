"""A simulated station: connects over a real WebSocket, keeps its transaction messages until they are answered, obeys.

It is a client of the `ocpp` package and knows nothing of our inside; what it plays is what a visitor sees charging.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import random
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import websockets
from ocpp.v16 import ChargePoint, call

from ocpp_gateway.simulator.charging import VOLTS, Vehicle

logger = logging.getLogger(__name__)


def now_text() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Drivers:
    """People with a card each: whoever charges somewhere does not charge elsewhere at the same time."""

    def __init__(self, tags: Iterable[str]) -> None:
        self._idle = list(tags)

    def take(self) -> str | None:
        """A card that is not in use; None when all are."""
        if not self._idle:
            return None
        return self._idle.pop(random.randrange(len(self._idle)))  # noqa: S311

    def give_back(self, tag: str) -> None:
        self._idle.append(tag)


@dataclass(frozen=True, slots=True)
class Plan:
    """What a simulated station is and how it behaves."""

    identity: str
    password: str
    vendor: str = "Simulated"
    model: str = "Wallbox"
    serial_number: str = ""
    firmware_version: str = "1.0.0"
    connectors: int = 2
    power_w: float = 11_000.0
    phases: int = 3
    is_direct_current: bool = False
    drivers: Drivers | None = None  # None: nobody comes by himself, only remote starts
    meter_wh: dict[int, int] = field(default_factory=dict)  # by connector: where its meter stands
    sample_seconds: float = 10.0
    pause_seconds: tuple[float, float] = (20.0, 180.0)  # between two vehicles of its own accord
    energy_wh: tuple[float, float] = (800.0, 6_000.0)
    fault_chance: float = 0.03  # per vehicle


@dataclass(slots=True)
class Charge:
    """A session as the station sees it."""

    id_tag: str
    vehicle: Vehicle
    began: float
    transaction_id: int | None = None
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    reason: str = "EVDisconnected"


@dataclass(slots=True)
class Outlet:
    """A connector."""

    number: int
    meter_wh: float
    status: str = "Available"
    error_code: str = "NoError"
    is_operative: bool = True
    charge: Charge | None = None
    wish: asyncio.Queue[str] = field(default_factory=asyncio.Queue)  # tags of remote starts


class SimulatedStation:
    """One station. `run()` until cancelled."""

    def __init__(self, url: str, plan: Plan) -> None:
        self.plan = plan
        self.password = plan.password  # until it is told another one
        self.address = f"{url.rstrip('/')}/{quote(plan.identity, safe='')}"
        self.outlets = {
            number: Outlet(number, float(plan.meter_wh.get(number, random.randint(10_000, 900_000))))  # noqa: S311
            for number in range(1, plan.connectors + 1)
        }
        self.configuration = {
            "HeartbeatInterval": "300",
            "MeterValueSampleInterval": str(int(plan.sample_seconds)),
            "NumberOfConnectors": str(plan.connectors),
            "AuthorizeRemoteTxRequests": "false",
            "TransactionMessageAttempts": "10",
            "TransactionMessageRetryInterval": "30",
            "WebSocketPingInterval": "20",
            "SupportedFeatureProfiles": "Core,RemoteTrigger",
        }
        self.link: ChargePoint | None = None
        self.is_booted = False
        self.restart = asyncio.Event()
        self._kept: deque[tuple[Any, Callable[[Any], None]]] = deque()
        self._something = asyncio.Event()

    # --- the link ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Connect and stay connected; vehicles come and go meanwhile."""
        jobs = [asyncio.create_task(self._stay_connected()), asyncio.create_task(self._deliver())]
        jobs += [asyncio.create_task(self._use(outlet)) for outlet in self.outlets.values()]
        try:
            await asyncio.gather(*jobs)
        finally:
            for job in jobs:
                job.cancel()

    async def _stay_connected(self) -> None:
        from ocpp_gateway.simulator.obedience import ObedientLink

        wait = 1.0
        while True:
            credentials = base64.b64encode(f"{self.plan.identity}:{self.password}".encode()).decode()
            try:
                async with websockets.connect(
                    self.address,
                    subprotocols=[websockets.Subprotocol("ocpp1.6")],
                    additional_headers={"Authorization": f"Basic {credentials}"},
                    open_timeout=10,
                    max_size=None,
                ) as socket:
                    wait = 1.0
                    self.link = ObedientLink(self, socket)
                    reading = asyncio.create_task(self.link.start())
                    greeting = asyncio.create_task(self._greet())
                    restart = asyncio.create_task(self.restart.wait())
                    try:
                        await asyncio.wait({reading, restart}, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        for task in (reading, greeting, restart):
                            task.cancel()
                        await asyncio.gather(reading, greeting, restart, return_exceptions=True)
            except (OSError, websockets.WebSocketException, TimeoutError) as error:
                logger.info("simulated station is offline", extra={"station": self.plan.identity, "cause": str(error)})
            finally:
                self.link = None
            if self.restart.is_set():
                self.restart.clear()
                self.is_booted = False
            await asyncio.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311
            wait = min(wait * 2, 30.0)

    async def _greet(self) -> None:
        while not self.is_booted:
            plan = self.plan
            answer = await self.say(
                call.BootNotification(
                    charge_point_model=plan.model[:20],
                    charge_point_vendor=plan.vendor[:20],
                    charge_point_serial_number=plan.serial_number[:25] or None,
                    firmware_version=plan.firmware_version[:50],
                    meter_type="MID, class B",
                )
            )
            self.is_booted = answer is not None and answer.status == "Accepted"
            if not self.is_booted:
                await asyncio.sleep(max(5, answer.interval if answer is not None else 5))
        await self.say(call.StatusNotification(0, "NoError", "Available", timestamp=now_text()))
        for outlet in self.outlets.values():
            await self.report_status(outlet)
        self._something.set()
        while True:
            await asyncio.sleep(float(self.configuration["HeartbeatInterval"]))
            await self.say(call.Heartbeat())

    async def say(self, payload: Any) -> Any:
        """Send a call; None when it was not answered."""
        link = self.link
        if link is None:
            return None
        try:
            return await link.call(payload)
        except (TimeoutError, websockets.WebSocketException, OSError):
            return None

    async def report_status(self, outlet: Outlet) -> None:
        if self.is_booted:
            await self.say(
                call.StatusNotification(outlet.number, outlet.error_code, outlet.status, timestamp=now_text())
            )

    # --- transaction messages: kept until answered, in order (section 3.7) ------------------------------------------

    def keep(self, payload: Any, then: Callable[[Any], None]) -> None:
        self._kept.append((payload, then))
        self._something.set()

    async def _deliver(self) -> None:
        while True:
            await self._something.wait()
            if not self._kept or self.link is None or not self.is_booted:
                self._something.clear()
                continue
            payload, then = self._kept[0]
            answer = await self.say(payload)
            if answer is None:
                await asyncio.sleep(2.0)
                continue
            self._kept.popleft()
            then(answer)

    # --- vehicles --------------------------------------------------------------------------------------------------

    async def set_status(self, outlet: Outlet, status: str, error_code: str = "NoError") -> None:
        if (outlet.status, outlet.error_code) != (status, error_code):
            outlet.status, outlet.error_code = status, error_code
            await self.report_status(outlet)

    async def _use(self, outlet: Outlet) -> None:
        """Vehicles come, charge and go."""
        while True:
            drivers = self.plan.drivers
            pause = random.uniform(*self.plan.pause_seconds) if drivers else None  # noqa: S311
            try:
                wished: str | None = await asyncio.wait_for(outlet.wish.get(), pause)
            except TimeoutError:
                wished = None
            own = drivers.take() if drivers and wished is None else None
            try:
                await self._meet(outlet, wished or own)
            finally:
                if drivers and own is not None:
                    drivers.give_back(own)

    async def _meet(self, outlet: Outlet, id_tag: str | None) -> None:
        """A driver comes with a card; now and then the connector is out of order before he could plug in."""
        if id_tag is None or not outlet.is_operative:
            return
        if random.random() < self.plan.fault_chance:  # noqa: S311
            await self.set_status(outlet, "Faulted", random.choice(["GroundFailure", "OverCurrentFailure"]))  # noqa: S311
            await asyncio.sleep(random.uniform(30, 90))  # noqa: S311
            await self.set_status(outlet, "Available")
            return
        await self._charge(outlet, id_tag)

    async def _charge(self, outlet: Outlet, id_tag: str) -> None:
        await self.set_status(outlet, "Preparing")
        await asyncio.sleep(random.uniform(1.0, 3.0))  # noqa: S311
        vehicle = Vehicle(
            wanted_wh=random.uniform(*self.plan.energy_wh),  # noqa: S311
            most_w=self.plan.power_w * random.choice([0.5, 1.0, 1.0]),  # noqa: S311
            phases=self.plan.phases,
        )
        charge = outlet.charge = Charge(id_tag, vehicle, time.monotonic())

        def learn(answer: Any) -> None:
            charge.transaction_id = answer.transaction_id
            if answer.id_tag_info["status"] != "Accepted":
                charge.reason = "DeAuthorized"
                charge.stop.set()

        self.keep(call.StartTransaction(outlet.number, id_tag, int(outlet.meter_wh), now_text()), learn)
        await self.set_status(outlet, "Charging")
        await self._deliver_energy(outlet, charge)
        self._end(outlet, charge)
        outlet.charge = None
        await self.set_status(outlet, "Finishing")
        await asyncio.sleep(random.uniform(2.0, 8.0))  # noqa: S311
        await self.set_status(outlet, "Available" if outlet.is_operative else "Unavailable")

    async def _deliver_energy(self, outlet: Outlet, charge: Charge) -> None:
        step = self.plan.sample_seconds
        while not charge.stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(charge.stop.wait(), step)
            seconds = time.monotonic() - charge.began
            power = 0.0 if charge.vehicle.is_full else charge.vehicle.power_w(seconds, self.plan.power_w)
            taken = power * step / 3600
            charge.vehicle.taken_wh += taken
            outlet.meter_wh += taken
            if charge.transaction_id is not None:
                await self.say(self._meter_values(outlet, charge, power))
            if charge.vehicle.is_full:
                if outlet.status == "Charging":
                    await self.set_status(outlet, "SuspendedEV")
                elif random.random() < 0.2:  # noqa: S311 - the driver comes back
                    return

    def _meter_values(self, outlet: Outlet, charge: Charge, power: float) -> call.MeterValues:
        values: list[dict[str, str]] = [
            {"value": f"{outlet.meter_wh:.0f}", "measurand": "Energy.Active.Import.Register", "unit": "Wh"},
            {"value": f"{power / 1000:.3f}", "measurand": "Power.Active.Import", "unit": "kW"},
            {"value": f"{self.plan.power_w:.0f}", "measurand": "Power.Offered", "unit": "W"},
        ]
        if self.plan.is_direct_current:
            charge_percent = f"{charge.vehicle.state_of_charge:.1f}"
            values.append({"value": charge_percent, "measurand": "SoC", "unit": "Percent", "location": "EV"})
        else:
            for number, amps in enumerate(charge.vehicle.currents_a(power), 1):
                phase = f"L{number}"
                values.append({"value": f"{amps:.2f}", "measurand": "Current.Import", "unit": "A", "phase": phase})
            values.append({"value": f"{VOLTS:.1f}", "measurand": "Voltage", "unit": "V", "phase": "L1-N"})
        return call.MeterValues(
            connector_id=outlet.number,
            transaction_id=charge.transaction_id,
            meter_value=[{"timestamp": now_text(), "sampledValue": values}],
        )

    def _end(self, outlet: Outlet, charge: Charge) -> None:
        """The end is reported once the start is answered: its id is only known then."""
        at, meter = now_text(), int(outlet.meter_wh)

        def stop(_answer: Any) -> None:
            """Nothing follows from the answer."""

        def report() -> None:
            self.keep(
                call.StopTransaction(
                    meter_stop=meter,
                    timestamp=at,
                    transaction_id=charge.transaction_id if charge.transaction_id is not None else -1,
                    id_tag=charge.id_tag,
                    reason=charge.reason,
                ),
                stop,
            )

        if charge.transaction_id is None and self._kept:
            payload, learn = self._kept[-1]

            def learn_and_report(answer: Any) -> None:
                learn(answer)
                report()

            self._kept[-1] = payload, learn_and_report
        else:
            report()
