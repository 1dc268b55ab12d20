"""A charging station of PyPI's `ocpp`, which checks every message of both sides by its schemas.

Usage: python py_station.py URL IDENTITY PASSWORD
Says `ready` when it may be started from afar; exits 0 only when all went well.
"""

import asyncio
import sys
from datetime import UTC, datetime

import websockets
from ocpp.routing import on
from ocpp.v16 import ChargePoint, call, call_result

from tests.ocpp_gateway.link import basic


def now():
    return datetime.now(UTC).isoformat()


class Station(ChargePoint):
    def __init__(self, *args):
        super().__init__(*args, response_timeout=10)
        loop = asyncio.get_running_loop()
        self.started, self.stopped = loop.create_future(), loop.create_future()

    @on("RemoteStartTransaction")
    def remote_start(self, id_tag, **rest):
        self.started.set_result(id_tag)
        return call_result.RemoteStartTransaction(status="Accepted")

    @on("RemoteStopTransaction")
    def remote_stop(self, transaction_id):
        self.stopped.set_result(transaction_id)
        return call_result.RemoteStopTransaction(status="Accepted")

    async def charge(self, id_tag, meter, is_remote):
        start = await self.call(call.StartTransaction(1, id_tag, meter, now()), suppress=False)
        assert start.id_tag_info["status"] == "Accepted", start
        value = {"value": str(meter + 100), "unit": "Wh", "context": "Sample.Periodic"}
        instant = {"timestamp": now(), "sampledValue": [value]}
        await self.call(call.MeterValues(1, [instant], start.transaction_id), suppress=False)
        if is_remote:
            print(f"charging {start.transaction_id}", flush=True)
            assert await self.stopped == start.transaction_id
        stop = call.StopTransaction(
            meter + 400, now(), start.transaction_id, "Remote" if is_remote else "Local", id_tag
        )
        answer = await self.call(stop, suppress=False)
        assert answer.id_tag_info["status"] == "Accepted", answer

    async def work(self):
        boot = await self.call(call.BootNotification("ocpp", "mobilityhouse"), suppress=False)
        assert boot.status == "Accepted", boot
        await self.call(call.Heartbeat(), suppress=False)
        await self.call(call.StatusNotification(1, "NoError", "Available", now()), suppress=False)
        assert (await self.call(call.Authorize("GOODTAG"), suppress=False)).id_tag_info["status"] == "Accepted"
        await self.call(call.DataTransfer("vendor"), suppress=False)
        await self.call(call.SecurityEventNotification("StartupOfTheDevice", now(), "by a test"), suppress=False)
        await self.call(call.SignCertificate("csr"), suppress=False)
        await self.call(call.LogStatusNotification("Idle", 1), suppress=False)
        await self.charge("GOODTAG", 1000, False)
        print("ready", flush=True)
        await self.charge(await self.started, 2000, True)


async def main(url, identity, password):
    headers = {"Authorization": basic(identity, password)}
    async with websockets.connect(f"{url}/{identity}", subprotocols=["ocpp1.6"], additional_headers=headers) as socket:
        station = Station(identity, socket)
        reading = asyncio.create_task(station.start())
        await asyncio.wait_for(station.work(), 60)
        reading.cancel()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
