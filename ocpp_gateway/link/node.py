"""One gateway process: the links it holds, its heartbeat, and how other processes reach it.

Messages over the channel layer are only hints. A node also polls the database every second.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import socket
import time
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from channels.layers import get_channel_layer
from django.conf import settings
from django.db import transaction

from chargers.stations.services import links
from cpms.common.database.threads import DatabaseThreads, StorageFailure, is_storage_failure
from maintenance.connections.services.proxies import warn_about_unnamed_proxies
from maintenance.messages.services.log import shard_of
from maintenance.messages.services.partitions import prepare_partitions
from ocpp_gateway.link.inbox import Inbox
from ocpp_gateway.link.wakeup import DrainWaker
from operations.commands.services import settling
from operations.models import Command

if TYPE_CHECKING:
    from ocpp_gateway.link.consumer import StationConsumer

logger = logging.getLogger(__name__)
HEARTBEAT_SECONDS, POLL_SECONDS, CLEANUP_SECONDS = 5.0, 1.0, 2.0
SIGN_OUT_SECONDS = 2.0  # a stopping node does not wait long for an unavailable database


class Node:
    """The state of one gateway process. Apart from its links it holds nothing that could be lost."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()[:40]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.row_id: int | None = None
        self.threads = DatabaseThreads(settings.OCPP_DATABASE_THREADS, "ocpp-db")
        self._own_thread = DatabaseThreads(1, "ocpp-node")  # not queued behind the sockets' work
        self._inbox_threads = DatabaseThreads(2, "ocpp-inbox")
        self._waker = DrainWaker()
        self.inbox = Inbox(self._inbox_threads, self._waker.wake)
        self.links: dict[int, StationConsumer] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Start the node. While the database is unavailable, handshakes are refused with 503."""
        self.inbox.start()
        with contextlib.suppress(StorageFailure):
            await self._sign_in()
        for job, seconds in (
            (self._record_heartbeat, HEARTBEAT_SECONDS),
            (self._poll_commands, POLL_SECONDS),
            (self._end_overdue, CLEANUP_SECONDS),
        ):
            self._tasks.append(asyncio.create_task(self._repeat(job, seconds), name=f"node-{job.__name__}"))
        self._tasks.append(asyncio.create_task(self._listen(), name="node-listen"))
        logger.info("gateway node started", extra={"node": self.name})

    async def stop(self) -> None:
        """Shut down: close links with 1001 (going away), and mark the stations offline rather than unknown."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(link.end(1001) for link in list(self.links.values())), return_exceptions=True)
        if self.row_id is not None:
            with contextlib.suppress(StorageFailure):
                await self._own_thread.run(SIGN_OUT_SECONDS, self._sign_out, self.row_id)
        await self.inbox.stop()
        self._waker.stop()
        for threads in (self.threads, self._inbox_threads, self._own_thread):
            threads.close()

    async def _sign_in(self) -> None:
        def register() -> int:
            try:
                prepare_partitions()
            except Exception as error:
                if is_storage_failure(error):
                    raise
                logger.exception("no partitions for the next days of the log; messages go into the default partition")
            warn_about_unnamed_proxies()
            return links.register_node(self.name).pk

        self.row_id = await self._own_thread.run(settings.OCPP_STORAGE_SECONDS, register)

    @staticmethod
    def _sign_out(row_id: int) -> None:
        with transaction.atomic():
            settling.settle_commands_of_node(node_id=row_id)
            links.release_node(row_id)

    async def _repeat(self, job: Callable[[], Awaitable[None]], seconds: float) -> None:
        while True:
            try:
                await job()
            except StorageFailure as error:
                logger.warning("the database does not answer", extra={"node": self.name, "cause": str(error)[:200]})
            except Exception:
                logger.exception("a periodic job of the node failed")
            await asyncio.sleep(seconds)

    async def _record_heartbeat(self) -> None:
        if self.row_id is None:
            await self._sign_in()
        else:
            await self._own_thread.run(settings.OCPP_STORAGE_SECONDS, links.record_node_alive, self.row_id)

    async def _poll_commands(self) -> None:
        """Send commands whose wake-up hint did not arrive."""

        def waiting() -> list[int]:
            rows = Command.objects.filter(state=Command.State.REQUESTED, station__node_id=self.row_id)
            return list(rows.values_list("station_id", flat=True).distinct())

        if self.links and self.row_id is not None:
            for station_id in await self._own_thread.run(settings.OCPP_STORAGE_SECONDS, waiting):
                self.wake(station_id)

    async def _end_overdue(self) -> None:
        """Close silent links and settle calls that were not answered in time."""
        now = time.monotonic()
        overdue = [
            link
            for link in self.links.values()
            if link.open_call is not None and now - link.call_sent_at > settings.OCPP_CALL_SECONDS
        ]
        if overdue:
            await self._own_thread.run(settings.OCPP_STORAGE_SECONDS, settling.settle_overdue_commands)
            for link in overdue:
                link.open_call = None
                link.wake()
        if settings.OCPP_IDLE_SECONDS:
            for link in list(self.links.values()):
                if now - link.last_received > settings.OCPP_IDLE_SECONDS:
                    await link.end(1000)

    def wake_drain(self, station_id: int) -> None:
        self._waker.wake({shard_of(station_id)})

    def wake(self, station_id: int) -> None:
        link = self.links.get(station_id)
        if link is not None:
            link.wake()

    def add_link(self, link: StationConsumer) -> None:
        """Add the link of a station and close its previous link in this process, if any."""
        old = self.links.get(link.station_id)
        self.links[link.station_id] = link
        if old is not None:
            link.run_in_background(old.end(3000))

    def remove_link(self, link: StationConsumer) -> None:
        if self.links.get(link.station_id) is link:
            del self.links[link.station_id]

    async def notify_superseded(self, node: str, station_id: int, epoch: int) -> None:
        """Notify another node that this node holds a newer link of a station."""
        layer = get_channel_layer()
        if layer is None or not node or node == self.name:
            return
        try:
            await asyncio.wait_for(
                layer.group_send(f"node-{node}", {"type": "superseded", "station": station_id, "epoch": epoch}), 3
            )
        except Exception as error:  # the other node notices at its next write
            logger.warning("a node was not notified", extra={"node": node, "cause": type(error).__name__})

    async def _listen(self) -> None:
        layer = get_channel_layer()
        if layer is None:
            return
        while True:
            try:
                channel = await layer.new_channel()
                await layer.group_add(f"node-{self.name}", channel)
                joined = time.monotonic()
                while time.monotonic() - joined < 30:  # then join again: Redis may have lost the group in a restart
                    with contextlib.suppress(TimeoutError):
                        self._handle_event(await asyncio.wait_for(layer.receive(channel), 10))
                await layer.group_discard(f"node-{self.name}", channel)
            except Exception as error:
                logger.warning("the channel layer does not answer", extra={"cause": type(error).__name__})
                await asyncio.sleep(1)

    def _handle_event(self, event: dict[str, Any]) -> None:
        link = self.links.get(event.get("station", 0))
        if link is None:
            return
        if event["type"] == "wake":
            link.wake()
        elif event["type"] == "superseded" and link.epoch < event["epoch"]:
            link.run_in_background(link.end(3000))


_running: list[Node] = []  # at most one


def current() -> Node:
    """Return the node of this process.

    Raises:
        RuntimeError: the gateway was not started in this process.
    """
    if not _running:
        raise RuntimeError("The OCPP gateway was not started in this process.")
    return _running[0]


async def start() -> None:
    node = Node()
    await node.start()
    _running.append(node)


async def stop() -> None:
    while _running:
        await _running[0].stop()
        _running.pop()
