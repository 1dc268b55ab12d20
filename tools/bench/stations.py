"""The load generator: many stations in one process, each with one open call at a time.

It writes WebSocket frames itself: a client library would use as much CPU time as the gateway that is measured on the
same cores. Prints one JSON object with the number of answers, latencies, and its own CPU time.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import json
import os
import random
import struct
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

import uvloop

ROUND = 200  # calls of one station: a start, its stop, 18 status reports, 180 meter values
BOOT = '{"chargePointVendor":"Bench","chargePointModel":"Load"}'


class Tally:
    """The counts of all stations of this process."""

    def __init__(self) -> None:
        self.answered = 0
        self.errors = 0
        self.connected = 0
        self.booted = 0
        self.charging = 0
        self.lost_links = 0
        self.latencies: list[float] = []
        self.is_measuring = False


class Station(asyncio.Protocol):
    """One station: the handshake, a boot, then calls at the given pace."""

    def __init__(self, identity: str, password: str, path: str, host: str, tally: Tally, mode: str) -> None:
        self.identity, self.password, self.path, self.host = identity, password, path, host
        self.tally, self.mode = tally, mode
        self.transport: asyncio.Transport | None = None
        self.buffer = b""
        self.is_upgraded = False
        self.sent_at = 0.0
        self.number = 0
        self.step = random.randrange(1, ROUND - 1)
        self.meter = random.randrange(10_000, 500_000)
        self.transaction = 0
        self.has_charged = False
        self.is_waiting = False
        self.open_action = ""
        self.closed = asyncio.get_running_loop().create_future()

    # --- the socket ----------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)
        credentials = base64.b64encode(f"{self.identity}:{self.password}".encode()).decode()
        self.transport.write(
            (
                f"GET {self.path}{self.identity} HTTP/1.1\r\nHost: {self.host}\r\nUpgrade: websocket\r\n"
                "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
                f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}\r\n"
                f"Sec-WebSocket-Protocol: ocpp1.6\r\nAuthorization: Basic {credentials}\r\n\r\n"
            ).encode()
        )

    def connection_lost(self, _error: Exception | None) -> None:
        if self.is_upgraded:
            self.tally.connected -= 1
            self.tally.lost_links += 1
        self.transport, self.is_upgraded, self.is_waiting = None, False, False
        if not self.closed.done():
            self.closed.set_result(None)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        if not self.is_upgraded:
            self.read_handshake()
        while self.is_upgraded and len(self.buffer) >= 2:
            length, start = self.buffer[1] & 127, 2
            if length == 126:
                if len(self.buffer) < 4:
                    return
                (length,), start = struct.unpack("!H", self.buffer[2:4]), 4
            if len(self.buffer) < start + length:
                return
            kind, payload = self.buffer[0] & 15, self.buffer[start : start + length]
            self.buffer = self.buffer[start + length :]
            if kind == 1:
                self.answered(payload)
            elif kind == 9:
                self.write(payload, 10)

    def read_handshake(self) -> None:
        """Start sending once the response to the handshake is complete and accepts it."""
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        if b" 101 " not in head.split(b"\r\n", 1)[0]:
            if self.transport is not None:
                self.transport.abort()
            return
        self.buffer, self.is_upgraded = rest, True
        self.tally.connected += 1
        if self.mode == "echo":
            self.start_calls()
        else:
            self.call("BootNotification", BOOT)

    def write(self, payload: bytes, kind: int = 1) -> None:
        if self.transport is None:
            return
        size = len(payload)
        head = struct.pack("!BB", 128 | kind, 128 | size) if size < 126 else struct.pack("!BBH", 128 | kind, 254, size)
        self.transport.write(head + b"\0\0\0\0" + payload)  # masking with zeros needs no CPU time

    # --- calls -----------------------------------------------------------------------------------------------------

    def call(self, action: str, payload: str) -> None:
        self.number += 1
        self.is_waiting, self.open_action, self.sent_at = True, action, time.perf_counter()
        self.write(f'[2,"{self.number}","{action}",{payload}]'.encode())

    def answered(self, payload: bytes) -> None:
        self.is_waiting = False
        tally = self.tally
        if self.mode != "echo" and not payload.startswith(b"[3,"):
            tally.errors += 1
        if tally.is_measuring:
            tally.answered += 1
            tally.latencies.append(time.perf_counter() - self.sent_at)
        if self.open_action == "BootNotification":
            tally.booted += 1
            self.start_calls()
            return
        if self.open_action == "StartTransaction" and self.mode == "ocpp":
            if not self.has_charged:
                self.has_charged = True
                tally.charging += 1
            self.transaction = json.loads(payload)[2]["transactionId"]
        if self.mode in ("ocpp", "echo") and not self.pace:
            self.next_call()

    pace = 0.0  # seconds between two calls; 0: the next call follows each answer

    def start_calls(self) -> None:
        if self.mode == "idle":
            return
        if self.pace:
            asyncio.get_running_loop().call_later(random.uniform(0, self.pace), self.tick)
        elif self.mode != "boot":
            self.next_call()

    def tick(self) -> None:
        if self.transport is None:
            return
        asyncio.get_running_loop().call_later(self.pace, self.tick)
        if not self.is_waiting:
            self.next_call()

    def next_call(self) -> None:
        if not self.tally.is_measuring and self.mode == "done":
            return
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        self.step = (self.step + 1) % ROUND
        if not self.transaction and self.mode == "ocpp":
            self.step = 0
        if self.step == 0:
            self.call(
                "StartTransaction",
                f'{{"connectorId":1,"idTag":"{self.identity}","meterStart":{self.meter},"timestamp":"{at}"}}',
            )
        elif self.step == ROUND - 1:
            self.call(
                "StopTransaction",
                f'{{"transactionId":{self.transaction},"meterStop":{self.meter},"timestamp":"{at}"}}',
            )
            self.transaction = 0
        elif self.step % 11 == 0:
            status = "Charging" if self.step % 2 else "SuspendedEV"
            self.call(
                "StatusNotification",
                f'{{"connectorId":1,"errorCode":"NoError","status":"{status}","timestamp":"{at}"}}',
            )
        else:
            self.meter += 3
            self.call("MeterValues", self.meter_values(at))

    def meter_values(self, at: str) -> str:
        """Return a payload of about 600 bytes with four sampled values."""
        return (
            f'{{"connectorId":1,"transactionId":{self.transaction},"meterValue":[{{"timestamp":"{at}","sampledValue":['
            f'{{"value":"{self.meter}","context":"Sample.Periodic","format":"Raw",'
            '"measurand":"Energy.Active.Import.Register","location":"Outlet","unit":"Wh"},'
            f'{{"value":"{10_000 + self.meter % 1000}","context":"Sample.Periodic","format":"Raw",'
            '"measurand":"Power.Active.Import","location":"Outlet","unit":"W"},'
            '{"value":"15.7","context":"Sample.Periodic","format":"Raw","measurand":"Current.Import",'
            '"phase":"L1","location":"Outlet","unit":"A"},'
            '{"value":"231.2","context":"Sample.Periodic","format":"Raw","measurand":"Voltage",'
            '"phase":"L1-N","location":"Outlet","unit":"V"}]}]}'
        )


async def keep_connected(station: Station, host: str, port: int, until: float) -> None:
    loop = asyncio.get_running_loop()
    while time.monotonic() < until:
        station.closed = loop.create_future()
        station.buffer = b""
        with contextlib.suppress(OSError):
            await loop.create_connection(lambda: station, host, port)
            await station.closed
        await asyncio.sleep(random.uniform(0.05, 0.3))


async def run(options: argparse.Namespace) -> dict[str, object]:
    tally, target = Tally(), urlsplit(options.url)
    host, port = target.hostname or "127.0.0.1", target.port or 80
    until = time.monotonic() + options.connect_seconds + options.seconds + 3600
    Station.pace = options.count / options.rate if options.rate else 0.0
    jobs = []
    for number in range(options.first, options.first + options.count):
        identity = options.identity.format(n=number)
        station = Station(identity, options.password.format(id=identity), target.path, host, tally, options.mode)
        jobs.append(asyncio.create_task(keep_connected(station, host, port, until)))
        if number % 50 == 0:
            await asyncio.sleep(0.01)
    started = time.monotonic()
    ready = {"idle": "connected", "echo": "connected", "boot": "booted", "ocpp": "charging"}[options.mode]
    while getattr(tally, ready) < options.count and time.monotonic() - started < options.connect_seconds:
        await asyncio.sleep(0.02)
    ready_after = time.monotonic() - started
    if options.signal:
        Path(options.signal).touch()
    await asyncio.sleep(options.warm_up)
    cpu, clock = time.process_time(), time.monotonic()
    tally.is_measuring = True
    if options.watch_restart:
        result = await watch_restart(tally, options)
    else:
        await asyncio.sleep(options.seconds)
        result = {}
    tally.is_measuring = False
    elapsed, cpu_seconds = time.monotonic() - clock, time.process_time() - cpu
    for job in jobs:
        job.cancel()
    return {
        "ready_seconds": round(ready_after, 2),
        "connected": tally.connected,
        "answered": tally.answered,
        "errors": tally.errors,
        "lost_links": tally.lost_links,
        "seconds": elapsed,
        "cpu_seconds": cpu_seconds,
        "latencies_us": sorted(round(value * 1e6) for value in tally.latencies)[
            :: max(1, len(tally.latencies) // 20000)
        ],
        **result,
    }


async def watch_restart(tally: Tally, options: argparse.Namespace) -> dict[str, object]:
    """Wait until the links break and all stations have booted again."""
    while tally.connected == options.count:
        await asyncio.sleep(0.005)
    broken, tally.booted = time.time(), 0
    while tally.booted < options.count and time.time() - broken < options.seconds:
        await asyncio.sleep(0.01)
    return {"broken_at": broken, "back_at": time.time(), "booted": tally.booted}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="ws://127.0.0.1:9000/ocpp/")
    parser.add_argument("--identity", default="BENCH-{n:06d}")
    parser.add_argument("--password", default="bench-{id}")
    parser.add_argument("--first", type=int, default=1)
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--connect-seconds", type=float, default=60)
    parser.add_argument("--warm-up", type=float, default=1)
    parser.add_argument(
        "--rate", type=float, default=0, help="calls per second of this process; 0: as many as possible"
    )
    parser.add_argument("--mode", choices=["ocpp", "echo", "idle", "boot"], default="ocpp")
    parser.add_argument("--signal", default="", help="a file that is created when all stations are ready")
    parser.add_argument("--watch-restart", action="store_true")
    options = parser.parse_args()
    json.dump(uvloop.run(run(options)), sys.stdout)


if __name__ == "__main__":
    main()
