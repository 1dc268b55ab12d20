"""Stations that keep transacting by the retry rules of OCPP 1.6 (section 3.7) over bad links, and keep their own books.

A process of its own, so that neither the faults nor their making weigh on its clock:

    python -m tests.crash.stations PLAN.json RESULT.json

It charges until `finish` comes in on its input, then delivers what is left. When its input ends without that word, who
started it is dead: then it ends the supervisor of the stack, and with it everything.
"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import random
import signal
import sys
import time
import uuid
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import uvloop
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidHandshake, InvalidStatus

from tests.crash.deviating import deviating
from tests.crash.ledger import Entry

ATTEMPTS = 20  # TransactionMessageAttempts
LATE_SECONDS = 119  # the system marks what is two minutes old when it comes in as charged offline
REMEMBERED = 10  # answered messages that may be repeated
REGISTER = "Energy.Active.Import.Register"


@dataclass
class Plan:
    """What the fleet is told."""

    urls: list[str]
    stations: list[tuple[str, str]]  # identity, password
    tags: list[str]  # one per connector, so that none charges twice at once
    seed: int
    supervisor_pid: int | None = None
    connectors: int = 2
    pace: float = 1.0  # more is slower
    drain_seconds: float = 60.0
    share_cut: float = 0.05  # links cut after a message was sent
    share_half: float = 0.01  # frames sent by half
    share_repeated: float = 0.03  # answered messages sent once more
    share_zombie: float = 0.02  # links left open when the next is opened
    share_hop: float = 0.02  # links closed in order, to connect elsewhere
    share_deviating_stations: float = 0.0  # stations that come by an irregular address and write in their own way
    share_deviating: float = 0.0  # messages of those stations that do not fit the schema


@dataclass
class Books:
    """What the fleet found, for all stations together."""

    counts: Counter[str] = field(default_factory=Counter)
    faults_of_system: list[str] = field(default_factory=list)
    answers: list[tuple[float, float]] = field(default_factory=list)  # sent, answered; by the monotonic clock
    waits: list[tuple[float, float]] = field(default_factory=list)  # first tried, answered; of kept messages
    statuses: dict[str, str] = field(default_factory=dict)  # by 'station/connector', where the last one was answered
    entries: list[Entry] = field(default_factory=list)


@dataclass
class Report:
    """A message that may have to be sent again. A kept one is never given up before its attempts are used."""

    action: str
    payload: dict[str, Any]
    entry: Entry | None = None
    samples: int = 0
    is_kept: bool = True
    message_id: str = ""
    answer: Any = None
    deviation: int | None = None  # the seed of its deviations from the schema


class LinkLost(Exception):
    """No answer came; whether the message was stored is not known."""


class CallFailed(Exception):
    """The system answered with a CALLERROR."""


def now_text() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def half_frame(text: str, chance: random.Random) -> bytes:
    """The beginning of a masked text frame."""
    data = text.encode()
    length = bytes([0x80 | len(data)]) if len(data) < 126 else bytes([0xFE]) + len(data).to_bytes(2, "big")
    frame = b"\x81" + length + b"\0\0\0\0" + data
    return frame[: chance.randrange(1, len(frame))]


class Station:
    def __init__(self, identity: str, password: str, tags: list[str], plan: Plan, books: Books) -> None:
        self.identity, self.tags, self.plan, self.books = identity, tags, plan, books
        self.chance = random.Random(f"{plan.seed}/{identity}")
        token = base64.b64encode(f"{identity}:{password}".encode()).decode()
        self.headers = {"Authorization": f"Basic {token}"}
        self.timeout = self.chance.uniform(5, 10)
        self.is_deviating = self.chance.random() < plan.share_deviating_stations
        self.queue: deque[Report] = deque()
        self.something = asyncio.Event()
        self.answered: deque[Report] = deque(maxlen=REMEMBERED)
        self.link: ClientConnection | None = None
        self.zombies: set[asyncio.Task[None]] = set()
        self.is_finishing = False
        self.registers = [self.chance.randrange(0, 50_000_000) for _ in tags]

    # --- charging ------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        self.put(Report("BootNotification", {"chargePointVendor": "Crash", "chargePointModel": "Dummy"}))
        talking = asyncio.create_task(self.talk())
        try:
            await asyncio.gather(*(self.charge(number) for number in range(1, len(self.tags) + 1)))
            while self.queue:
                await asyncio.sleep(0.05)
                if talking.done():
                    talking.result()
        finally:
            talking.cancel()
            await asyncio.gather(talking, return_exceptions=True)
            for task in list(self.zombies):
                task.cancel()
            await asyncio.gather(*self.zombies, return_exceptions=True)
            if self.link is not None:
                await self.link.close()

    async def charge(self, connector: int) -> None:
        await asyncio.sleep(self.plan.pace * self.chance.uniform(0, 3))
        while not self.is_finishing:
            is_left_open = not await self.one_session(connector)
            if is_left_open:
                break
            self.status(connector, "Available")
            await asyncio.sleep(self.plan.pace * self.chance.uniform(0.5, 2))
        self.status(connector, self.chance.choice(["Charging", "Finishing", "SuspendedEV"]), is_kept=True)

    async def one_session(self, connector: int) -> bool:
        """False when it was left open, since the test ends."""
        self.status(connector, "Preparing")
        entry = self.begin(connector)
        self.status(connector, "Charging")
        for _ in range(self.chance.randrange(3, 10)):
            await asyncio.sleep(self.plan.pace * self.chance.uniform(0.6, 1.4))
            self.sample(entry)
            if self.is_finishing and self.chance.random() < 0.5:
                return False
        if self.is_finishing and self.chance.random() < 0.5:
            return False
        self.end(entry)
        return True

    def begin(self, connector: int) -> Entry:
        is_known = self.chance.random() > 0.05
        tag = self.tags[connector - 1] if is_known else f"STRANGER{self.chance.randrange(10**6)}"
        register = self.registers[connector - 1]
        entry = Entry(self.identity, connector, tag, now_text(), register, is_known, register_wh=register)
        self.books.entries.append(entry)
        self.put(Report("Authorize", {"idTag": tag}, is_kept=False))
        payload = {"connectorId": connector, "idTag": tag, "meterStart": register, "timestamp": entry.start}
        self.put(Report("StartTransaction", payload, entry))
        return entry

    def values(self, entry: Entry, context: str) -> dict[str, Any]:
        """What a meter says at this instant; its register always differs from the one before."""
        entry.register_wh += self.chance.randrange(5, 60)
        self.registers[entry.connector - 1] = entry.register_wh
        sampled = [{"value": str(entry.register_wh), "measurand": REGISTER, "unit": "Wh", "context": context}]
        if self.chance.random() < 0.7:
            watts = str(self.chance.randrange(1000, 22000))
            sampled.append({"value": watts, "measurand": "Power.Active.Import", "unit": "W", "context": context})
        if self.chance.random() < 0.3:
            percent = str(self.chance.randrange(101))
            sampled.append({"value": percent, "measurand": "SoC", "unit": "Percent", "context": context})
        return {"timestamp": now_text(), "sampledValue": sampled}

    def sample(self, entry: Entry) -> None:
        instant = self.values(entry, "Sample.Periodic")
        count = len(instant["sampledValue"])
        payload = {"connectorId": entry.connector, "meterValue": [instant]}
        if self.chance.random() > 0.05:  # now and then it does not say of which transaction
            payload["transactionId"] = None
        self.put(Report("MeterValues", payload, entry, count))
        entry.samples_sent += count

    def end(self, entry: Entry) -> None:
        payload: dict[str, Any] = {"transactionId": None, "reason": "Local"}
        count = 0
        if self.chance.random() < 0.4:
            instant = self.values(entry, "Transaction.End")
            count = len(instant["sampledValue"])
            payload["transactionData"] = [instant]
            entry.samples_sent += count
        entry.meter_stop_wh = entry.register_wh + self.chance.randrange(0, 20)
        self.registers[entry.connector - 1] = entry.meter_stop_wh
        entry.stop = now_text()
        payload |= {"meterStop": entry.meter_stop_wh, "timestamp": entry.stop}
        self.put(Report("StopTransaction", payload, entry, count))

    def status(self, connector: int, status: str, is_kept: bool = False) -> None:
        payload = {"connectorId": connector, "status": status, "errorCode": "NoError", "timestamp": now_text()}
        self.put(Report("StatusNotification", payload, is_kept=is_kept))

    def put(self, report: Report) -> None:
        if self.is_deviating and self.chance.random() < self.plan.share_deviating:
            report.deviation = self.chance.randrange(10**9)
            self.books.counts["deviating messages"] += 1
        self.queue.append(report)
        self.something.set()

    # --- talking: one call at a time --------------------------------------------------------------------------------

    async def talk(self) -> None:
        while True:
            await self.something.wait()
            if self.queue:
                await self.deliver(self.queue[0])
                self.queue.popleft()
            else:
                self.something.clear()

    async def deliver(self, report: Report) -> None:
        """Until it is answered. Lost links do not count as attempts, time-outs and errors do (section 3.7.1)."""
        began, attempts = time.monotonic(), 0
        while attempts < ATTEMPTS:
            try:
                report.answer = await self.call(report)
            except LinkLost:
                if not report.is_kept:
                    return
                await asyncio.sleep(self.chance.uniform(0.05, 0.4))
            except TimeoutError:
                attempts += 1
                self.books.counts["time-outs"] += 1
                if not report.is_kept:
                    return
                if self.chance.random() < 0.5:
                    self.drop_link()
            except CallFailed as failed:
                attempts += 1
                self.books.faults_of_system.append(f"{self.identity}: {report.action} was answered {failed}")
                await asyncio.sleep(min(attempts, 3))
            else:
                self.book(report, began)
                if self.chance.random() < self.plan.share_repeated:
                    await self.repeat()
                return
        self.books.faults_of_system.append(f"{self.identity}: {report.action} was given up after {ATTEMPTS} attempts")

    def book(self, report: Report, began: float) -> None:
        self.books.counts[report.action] += 1
        if report.action == "StatusNotification":
            place = f"{self.identity}/{report.payload['connectorId']}"
            self.books.statuses[place] = report.payload["status"]
        if report.entry is None:
            return
        self.books.waits.append((began, time.monotonic()))
        self.answered.append(report)
        report.entry.samples_answered += report.samples
        said = report.payload.get("timestamp")
        if said and (datetime.now(UTC) - datetime.fromisoformat(said)).total_seconds() > LATE_SECONDS:
            report.entry.is_late = True
        if report.action == "StartTransaction":
            report.entry.is_start_answered = True
            report.entry.transaction_id = report.answer["transactionId"]
            status, wanted = (
                report.answer["idTagInfo"]["status"],
                "Accepted" if report.entry.is_known_tag else "Invalid",
            )
            if status != wanted:
                self.books.faults_of_system.append(f"{report.entry.name}: the tag is {status}, not {wanted}")
        elif report.action == "StopTransaction":
            report.entry.is_stop_answered = True

    async def repeat(self) -> None:
        """An answered message once more: a Start must get the transaction id it got before."""
        report = self.chance.choice(self.answered) if self.answered else None
        if report is None:
            return
        with contextlib.suppress(LinkLost, TimeoutError):
            try:
                again = await self.call(report)
            except CallFailed as failed:
                self.books.faults_of_system.append(f"{self.identity}: a repeated {report.action} got {failed}")
                return
            self.books.counts["repeated"] += 1
            if again != report.answer:
                self.books.faults_of_system.append(
                    f"{self.identity}: {report.action} got {report.answer}, then {again}"
                )

    def text_of(self, report: Report) -> str:
        if not report.message_id or self.chance.random() < 0.5:  # the same id again or a new one, as stations do
            report.message_id = uuid.uuid4().hex
        payload = dict(report.payload)
        if "transactionId" in payload and report.entry is not None:
            payload["transactionId"] = report.entry.transaction_id
        if report.deviation is not None:
            payload = deviating(payload, report.deviation)
        return json.dumps([2, report.message_id, report.action, payload])

    async def call(self, report: Report) -> Any:
        """Send and wait for the answer, on a link that may be cut at any moment.

        Raises:
            LinkLost, TimeoutError, CallFailed
        """
        link, text = await self.linked(), self.text_of(report)
        try:
            link = await self.misbehave(link, text)
            sent = time.monotonic()
            await link.send(text)
            if self.chance.random() < self.plan.share_cut:
                self.books.counts["cut links"] += 1
                await asyncio.sleep(self.chance.choice([0, 0, 0.005, 0.02]))
                self.drop_link()
                raise LinkLost
            async with asyncio.timeout(self.timeout):
                reply = await self.reply_to(link, report.message_id)
        except ConnectionClosed as closed:
            self.link = None
            code = closed.rcvd.code if closed.rcvd else 1006
            self.books.counts[f"closed {code}"] += 1
            raise LinkLost from None
        self.books.answers.append((sent, time.monotonic()))
        if reply[0] == 4:
            raise CallFailed(str(reply[2:4]))
        return reply[2]

    @staticmethod
    async def reply_to(link: ClientConnection, message_id: str) -> list[Any]:
        while True:
            frame = json.loads(await link.recv())
            if frame[0] in (3, 4) and frame[1] == message_id:
                return list(frame)

    # --- links ------------------------------------------------------------------------------------------------------

    async def linked(self) -> ClientConnection:
        pause = 0.2
        while self.link is None:
            try:
                self.link = await self.open()
            except InvalidStatus as refused:
                self.books.counts[f"refused {refused.response.status_code}"] += 1
                if refused.response.status_code != 503:
                    self.books.faults_of_system.append(f"{self.identity}: refused {refused.response.status_code}")
            except (OSError, TimeoutError, InvalidHandshake, ConnectionClosed, EOFError):
                self.books.counts["not connected"] += 1
            if self.link is None:
                await asyncio.sleep(self.chance.uniform(0.5, 1) * pause)
                pause = min(pause * 1.6, 2)
        return self.link

    async def open(self) -> ClientConnection:
        self.books.counts["links"] += 1
        slashes = "//" if self.is_deviating else "/"
        return await connect(
            f"{self.chance.choice(self.plan.urls)}{slashes}{self.identity}",
            subprotocols=["ocpp1.6"],  # type: ignore[list-item]
            additional_headers=self.headers,
            open_timeout=6,
            ping_interval=None,
            close_timeout=1,
            proxy=None,
        )

    def drop_link(self) -> None:
        if self.link is not None:
            self.link.transport.abort()
            self.link = None

    async def misbehave(self, link: ClientConnection, text: str) -> ClientConnection:
        """Before a message is sent, things happen to the link; gives the one to use.

        Raises:
            LinkLost: it is gone.
        """
        luck = self.chance.random()
        plan = self.plan
        if luck < plan.share_half:
            self.books.counts["half frames"] += 1
            with contextlib.suppress(RuntimeError):  # the other side was quicker to close
                link.transport.write(half_frame(text, self.chance))
            await asyncio.sleep(self.chance.choice([0, 0.05]))
            self.drop_link()
            raise LinkLost
        if luck < plan.share_half + plan.share_zombie:
            self.books.counts["zombie links"] += 1
            self.link = None
            fresh = await self.linked()
            task = asyncio.create_task(self.haunt(link, text))
            self.zombies.add(task)
            task.add_done_callback(self.zombies.discard)
            return fresh
        if luck < plan.share_half + plan.share_zombie + plan.share_hop:
            self.books.counts["hops"] += 1
            self.link = None
            await link.close()
            return await self.linked()
        return link

    async def haunt(self, link: ClientConnection, text: str) -> None:
        """A newer link is open: nothing that the old one still says may be answered."""
        try:
            async with asyncio.timeout(0.05):  # answers that were under way
                while True:
                    await link.recv()
        except TimeoutError:
            pass
        except ConnectionClosed:
            self.books.counts["zombie links closed at once"] += 1
            return
        try:
            await link.send(text)
            async with asyncio.timeout(30):
                reply = await self.reply_to(link, json.loads(text)[1])
            self.books.faults_of_system.append(f"{self.identity}: a zombie link was answered {reply}")
        except ConnectionClosed:
            self.books.counts["zombie links closed when they spoke"] += 1
        except TimeoutError:
            self.books.counts["zombie links ignored"] += 1
        finally:
            link.transport.abort()


# --- the process -----------------------------------------------------------------------------------------------------


async def watch_input(plan: Plan, finish: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    if (await loop.run_in_executor(None, sys.stdin.readline)).strip() == "finish":
        finish()
    elif plan.supervisor_pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(plan.supervisor_pid, signal.SIGTERM)
        os._exit(1)


async def run_fleet(plan: Plan) -> Books:
    books = Books()
    fleet = []
    for number, (identity, password) in enumerate(plan.stations):
        tags = plan.tags[number * plan.connectors : (number + 1) * plan.connectors]
        fleet.append(Station(identity, password, tags, plan, books))
    runs = [asyncio.create_task(station.run()) for station in fleet]
    finished = asyncio.Event()
    watching = asyncio.create_task(watch_input(plan, finished.set))
    await finished.wait()
    for station in fleet:
        station.is_finishing = True
    _done, late = await asyncio.wait(runs, timeout=plan.drain_seconds)
    for station, run in zip(fleet, runs, strict=True):
        if run in late:
            waiting = [report.action for report in station.queue]
            books.faults_of_system.append(f"{station.identity}: not answered at the end: {waiting[:5]}")
            run.cancel()
        elif run.exception() is not None:
            books.faults_of_system.append(f"{station.identity}: the simulated station failed: {run.exception()!r}")
    if late:
        await asyncio.wait(late, timeout=10)
    watching.cancel()
    return books


async def keep_books(plan_path: str, result_path: str) -> None:
    books = await run_fleet(Plan(**json.loads(Path(plan_path).read_text())))
    Path(result_path).write_text(json.dumps({**vars(books), "entries": [asdict(entry) for entry in books.entries]}))
    os._exit(0)  # a thread may still read the input


if __name__ == "__main__":
    uvloop.run(keep_books(*sys.argv[1:]))
