"""A simulated station: connects over a real WebSocket, queues transaction messages until answered, handles commands.

It is a client based on the `ocpp` package and does not use the gateway's code.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
import random
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote

import websockets
from ocpp.v16 import ChargePoint, call

from chargers.demo.traffic import VOLTS, Vehicle, arriving_vehicle, seconds_until_next

logger = logging.getLogger(__name__)
UNKNOWN_CARDS = ("04D1779A", "045C20E3", "04FA9B16")  # not registered by any team of the demo
MAX_POWER_CUT = timedelta(minutes=10)  # a vehicle continues to charge after a shorter power cut
FAULTS = ("GroundFailure", "OverCurrentFailure", "ConnectorLockFailure")


def utc_now() -> datetime:
    return datetime.now(UTC)


def time_text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"


class Drivers:
    """Drivers with one card each. A card is used at one connector at a time."""

    def __init__(self, tags: Iterable[str]) -> None:
        self._idle = list(tags)

    def take(self) -> str | None:
        """Take a random card that is not in use, or return None if all are."""
        if not self._idle:
            return None
        return self._idle.pop(random.randrange(len(self._idle)))  # noqa: S311

    def take_tag(self, tag: str) -> bool:
        """Take this card. Return False if it is in use already."""
        if tag not in self._idle:
            return False
        self._idle.remove(tag)
        return True

    def release(self, tag: str) -> None:
        self._idle.append(tag)


@dataclass(frozen=True, slots=True)
class Running:
    """A session that was open when the station was switched off."""

    transaction_id: int
    id_tag: str
    vehicle: Vehicle
    last_at: datetime  # time of its last meter reading


@dataclass(frozen=True, slots=True)
class Plan:
    """The properties and the behaviour of a simulated station."""

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
    drivers: Drivers | None = None  # None: remote starts only
    meter_wh: dict[int, int] = field(default_factory=dict)  # initial meter reading by connector
    sample_seconds: float = 10.0
    habit: str = ""  # when vehicles arrive, see HABITS; empty: one after another with pauses and little energy
    pause_seconds: tuple[float, float] = (20.0, 180.0)
    energy_wh: tuple[float, float] = (800.0, 6_000.0)
    fault_chance: float = 0.03  # per vehicle
    fault_seconds: tuple[float, float] = (30.0, 90.0)
    unknown_card_chance: float = 0.0  # per vehicle: its driver uses an unknown card
    running: dict[int, Running] = field(default_factory=dict)  # by connector
    # By connector: the error code and its duration in seconds; None: until a reset.
    faulted: dict[int, tuple[str, float | None]] = field(default_factory=dict)
    first_pause_seconds: dict[int, float] = field(default_factory=dict)  # before the first vehicle, by connector
    clock: Callable[[], datetime] = utc_now


@dataclass(slots=True)
class Charge:
    """A session as the station sees it."""

    id_tag: str
    vehicle: Vehicle
    started_at: float
    transaction_id: int | None = None
    full_at: float | None = None
    report_end: Callable[[int], None] | None = None  # set if it ended before its start was answered
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
    remote_starts: asyncio.Queue[str] = field(default_factory=asyncio.Queue)  # tags of remote starts
    repaired: asyncio.Event = field(default_factory=asyncio.Event)


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
        for number, (error_code, _seconds) in plan.faulted.items():
            self.outlets[number].status, self.outlets[number].error_code = "Faulted", error_code
        for number in plan.running:
            self.outlets[number].status = "Charging"
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
        self.chance = random.Random()  # noqa: S311
        self.link: ChargePoint | None = None
        self.is_booted = False
        self.restart = asyncio.Event()
        self._queue: deque[tuple[Any, Callable[[Any], None]]] = deque()
        self._has_work = asyncio.Event()

    def now_text(self) -> str:
        return time_text(self.plan.clock())

    # --- the link ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Stay connected and simulate vehicles until cancelled."""
        jobs = [asyncio.create_task(self._stay_connected()), asyncio.create_task(self._deliver())]
        jobs += [asyncio.create_task(self._simulate_outlet(outlet)) for outlet in self.outlets.values()]
        try:
            await asyncio.gather(*jobs)
        finally:
            for job in jobs:
                job.cancel()

    async def _stay_connected(self) -> None:
        from ocpp_gateway.simulator.commands import CommandedLink

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
                    self.link = CommandedLink(self, socket)
                    reading = asyncio.create_task(self.link.start())
                    boot = asyncio.create_task(self._boot())
                    restart = asyncio.create_task(self.restart.wait())
                    try:
                        await asyncio.wait({reading, restart}, return_when=asyncio.FIRST_COMPLETED)
                    finally:
                        for task in (reading, boot, restart):
                            task.cancel()
                        await asyncio.gather(reading, boot, restart, return_exceptions=True)
            except (OSError, websockets.WebSocketException, TimeoutError) as error:
                logger.info("simulated station is offline", extra={"station": self.plan.identity, "cause": str(error)})
            finally:
                self.link = None
            if self.restart.is_set():
                self.restart.clear()
                self.is_booted = False
            await asyncio.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311
            wait = min(wait * 2, 30.0)

    async def _boot(self) -> None:
        while not self.is_booted:
            plan = self.plan
            answer = await self.send_call(
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
        await self.send_call(call.StatusNotification(0, "NoError", "Available", timestamp=self.now_text()))
        for outlet in self.outlets.values():
            await self.report_status(outlet)
        self._has_work.set()
        while True:
            await asyncio.sleep(float(self.configuration["HeartbeatInterval"]))
            await self.send_call(call.Heartbeat())

    async def send_call(self, payload: Any) -> Any:
        """Send a call and return its answer, or None if it was not answered."""
        link = self.link
        if link is None:
            return None
        try:
            return await link.call(payload)
        except (TimeoutError, websockets.WebSocketException, OSError):
            return None

    async def report_status(self, outlet: Outlet) -> None:
        if self.is_booted:
            await self.send_call(
                call.StatusNotification(outlet.number, outlet.error_code, outlet.status, timestamp=self.now_text())
            )

    # --- transaction messages: queued until answered, in order (section 3.7) ----------------------------------------

    def queue_message(self, payload: Any, then: Callable[[Any], None]) -> None:
        self._queue.append((payload, then))
        self._has_work.set()

    async def _deliver(self) -> None:
        while True:
            await self._has_work.wait()
            if not self._queue or self.link is None or not self.is_booted:
                self._has_work.clear()
                continue
            payload, then = self._queue[0]
            answer = await self.send_call(payload)
            if answer is None:
                await asyncio.sleep(2.0)
                continue
            self._queue.popleft()
            then(answer)

    # --- vehicles --------------------------------------------------------------------------------------------------

    async def set_status(self, outlet: Outlet, status: str, error_code: str = "NoError") -> None:
        if (outlet.status, outlet.error_code) != (status, error_code):
            outlet.status, outlet.error_code = status, error_code
            await self.report_status(outlet)

    async def _simulate_outlet(self, outlet: Outlet) -> None:
        """Let vehicles arrive, charge and leave, one after another."""
        await self._continue_from_plan(outlet)
        pause = self.plan.first_pause_seconds.get(outlet.number) or self._pause()
        while True:
            drivers = self.plan.drivers
            try:
                remote_tag: str | None = await asyncio.wait_for(outlet.remote_starts.get(), pause)
            except TimeoutError:
                remote_tag = None
            local_tag = drivers.take() if drivers and remote_tag is None else None
            try:
                await self._handle_driver(outlet, remote_tag or local_tag, is_remote=remote_tag is not None)
            finally:
                if drivers and local_tag is not None:
                    drivers.release(local_tag)
            pause = self._pause()

    def _pause(self) -> float | None:
        """Return the seconds until the next vehicle, or None for remote starts only."""
        if self.plan.drivers is None:
            return None
        if self.plan.habit:
            return seconds_until_next(self.plan.habit, self.plan.clock(), self.chance)
        return self.chance.uniform(*self.plan.pause_seconds)

    async def _continue_from_plan(self, outlet: Outlet) -> None:
        """Continue what was in progress when the station was switched off: a fault or a session."""
        if outlet.number in self.plan.faulted:
            await self._wait_until_repaired(outlet, self.plan.faulted[outlet.number][1])
            await self.set_status(outlet, "Available")
        running = self.plan.running.get(outlet.number)
        if running is None:
            return
        drivers = self.plan.drivers
        is_held = drivers is not None and drivers.take_tag(running.id_tag)
        try:
            await self._resume(outlet, running)
        finally:
            if drivers is not None and is_held:
                drivers.release(running.id_tag)

    async def _resume(self, outlet: Outlet, running: Running) -> None:
        charge = Charge(running.id_tag, running.vehicle, self._time(), running.transaction_id)
        if self.plan.clock() - running.last_at > MAX_POWER_CUT:
            charge.reason = "PowerLoss"
            self._end(outlet, charge, running.last_at)
            await self.set_status(outlet, "Available")
            return
        await self._charge_until_unplugged(outlet, charge)

    async def _handle_driver(self, outlet: Outlet, id_tag: str | None, *, is_remote: bool) -> None:
        """Simulate a driver with a card. Now and then the connector fails before the driver can plug in."""
        if id_tag is None or not outlet.is_operative:
            return
        if self.chance.random() < self.plan.fault_chance:
            await self.set_status(outlet, "Faulted", self.chance.choice(FAULTS))
            await self._wait_until_repaired(outlet, self.chance.uniform(*self.plan.fault_seconds))
            await self.set_status(outlet, "Available" if outlet.is_operative else "Unavailable")
            return
        if not is_remote and self.chance.random() < self.plan.unknown_card_chance:
            id_tag = self.chance.choice(UNKNOWN_CARDS)
        await self.set_status(outlet, "Preparing")
        await asyncio.sleep(self.chance.uniform(1.0, 3.0))
        if is_remote or await self._is_accepted(id_tag):
            await self._charge(outlet, id_tag)
        else:
            await asyncio.sleep(self.chance.uniform(5.0, 20.0))
            await self.set_status(outlet, "Available" if outlet.is_operative else "Unavailable")

    async def _wait_until_repaired(self, outlet: Outlet, seconds: float | None) -> None:
        outlet.repaired.clear()
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(outlet.repaired.wait(), seconds)

    async def _is_accepted(self, id_tag: str) -> bool:
        """Return whether the central system accepts the card. While it is unreachable, every card is accepted."""
        answer = await self.send_call(call.Authorize(id_tag)) if self.is_booted else None
        return answer is None or answer.id_tag_info["status"] == "Accepted"

    async def _charge(self, outlet: Outlet, id_tag: str) -> None:
        charge = Charge(id_tag, self._vehicle(), self._time())

        def handle_answer(answer: Any) -> None:
            charge.transaction_id = answer.transaction_id
            if charge.report_end is not None:
                charge.report_end(answer.transaction_id)
            if answer.id_tag_info["status"] != "Accepted":
                charge.reason = "DeAuthorized"
                charge.stop.set()

        self.queue_message(
            call.StartTransaction(outlet.number, id_tag, int(outlet.meter_wh), self.now_text()), handle_answer
        )
        await self._charge_until_unplugged(outlet, charge)

    def _vehicle(self) -> Vehicle:
        plan = self.plan
        if plan.habit:
            return arriving_vehicle(phases=plan.phases, is_direct_current=plan.is_direct_current, chance=self.chance)
        return Vehicle(
            wanted_wh=self.chance.uniform(*plan.energy_wh),
            max_power_w=plan.power_w * self.chance.choice([0.5, 1.0, 1.0]),
            phases=plan.phases,
        )

    async def _charge_until_unplugged(self, outlet: Outlet, charge: Charge) -> None:
        """Charge until the session ends, then unplug the vehicle."""
        outlet.charge = charge
        await self.set_status(outlet, "Charging")
        await self._deliver_energy(outlet, charge)
        self._end(outlet, charge, self.plan.clock())
        outlet.charge = None
        await self.set_status(outlet, "Finishing")
        await asyncio.sleep(self.chance.uniform(2.0, 8.0))
        await self.set_status(outlet, "Available" if outlet.is_operative else "Unavailable")

    async def _deliver_energy(self, outlet: Outlet, charge: Charge) -> None:
        before = self._time()
        while not charge.stop.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(charge.stop.wait(), self.plan.sample_seconds)
            now, vehicle = self._time(), charge.vehicle
            power = 0.0 if vehicle.is_full else vehicle.power_w(now - charge.started_at, self.plan.power_w)
            taken = power * (now - before) / 3600
            vehicle.taken_wh += taken
            outlet.meter_wh += taken
            before = now
            if charge.transaction_id is not None:
                await self.send_call(self._meter_values(outlet, charge, power))
            if vehicle.is_full:
                if charge.full_at is None:
                    charge.full_at = now
                    await self.set_status(outlet, "SuspendedEV")
                elif self._is_driver_back(vehicle, now - charge.full_at):
                    return

    def _is_driver_back(self, vehicle: Vehicle, seconds: float) -> bool:
        if vehicle.dwell_seconds is not None:
            return seconds >= vehicle.dwell_seconds
        return self.chance.random() < 0.2

    @staticmethod
    def _time() -> float:
        return asyncio.get_running_loop().time()

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
            meter_value=[{"timestamp": self.now_text(), "sampledValue": values}],
        )

    def _end(self, outlet: Outlet, charge: Charge, ended_at: datetime) -> None:
        """Report the end of a session once its start is answered, since the transaction id is only known then."""
        at, meter = time_text(ended_at), int(outlet.meter_wh)

        def stop(_answer: Any) -> None:
            """Ignore the answer."""

        def report(transaction_id: int) -> None:
            end = call.StopTransaction(
                meter_stop=meter,
                timestamp=at,
                transaction_id=transaction_id,
                id_tag=charge.id_tag,
                reason=charge.reason,
            )
            self.queue_message(end, stop)

        if charge.transaction_id is None:
            charge.report_end = report
        else:
            report(charge.transaction_id)
