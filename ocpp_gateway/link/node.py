"""One gateway process: which links it holds, its sign of life, and how other processes reach it.

Everything said over the channel layer is a hint. A node that hears nothing looks into the database every second.
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
ALIVE_EVERY, LOOK_EVERY, TIDY_EVERY = 5.0, 1.0, 2.0
LAST_WORDS_SECONDS = 2.0  # a node that is to stop does not wait long for a database that is away


class Node:
    """The state of one gateway process. It holds links and nothing else that could be lost."""

    def __init__(self) -> None:
        self.name = f"{socket.gethostname()[:40]}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
        self.row_id: int | None = None
        self.threads = DatabaseThreads(settings.OCPP_DATABASE_THREADS, "ocpp-db")
        self._own_thread = DatabaseThreads(1, "ocpp-node")  # not behind the sockets' work
        self._inbox_threads = DatabaseThreads(2, "ocpp-inbox")
        self._waker = DrainWaker()
        self.inbox = Inbox(self._inbox_threads, self._waker.wake)
        self.links: dict[int, StationConsumer] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin; the database may still be away, then handshakes are refused with 503 until it is there."""
        self.inbox.start()
        with contextlib.suppress(StorageFailure):
            await self._sign_in()
        for work, every in ((self._live, ALIVE_EVERY), (self._look, LOOK_EVERY), (self._tidy, TIDY_EVERY)):
            self._tasks.append(asyncio.create_task(self._repeat(work, every), name=f"node-{work.__name__}"))
        self._tasks.append(asyncio.create_task(self._listen(), name="node-listen"))
        logger.info("gateway node started", extra={"node": self.name})

    async def stop(self) -> None:
        """End in order: links get 1001 (going away), and the stations are offline rather than unknown."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.gather(*(link.end(1001) for link in list(self.links.values())), return_exceptions=True)
        if self.row_id is not None:
            with contextlib.suppress(StorageFailure):
                await self._own_thread.run(LAST_WORDS_SECONDS, self._sign_out, self.row_id)
        await self.inbox.stop()
        self._waker.stop()
        for threads in (self.threads, self._inbox_threads, self._own_thread):
            threads.close()

    async def _sign_in(self) -> None:
        def begin() -> int:
            try:
                prepare_partitions()
            except Exception as error:
                if is_storage_failure(error):
                    raise
                logger.exception("the log's next days are not prepared; their messages go into its default part")
            warn_about_unnamed_proxies()
            return links.register_node(self.name).pk

        self.row_id = await self._own_thread.run(settings.OCPP_STORAGE_SECONDS, begin)

    @staticmethod
    def _sign_out(row_id: int) -> None:
        with transaction.atomic():
            settling.settle_commands_of_node(node_id=row_id)
            links.release_node(row_id)

    async def _repeat(self, work: Callable[[], Awaitable[None]], every: float) -> None:
        while True:
            try:
                await work()
            except StorageFailure as error:
                logger.warning("the database does not answer", extra={"node": self.name, "cause": str(error)[:200]})
            except Exception:
                logger.exception("a periodic job of the node failed")
            await asyncio.sleep(every)

    async def _live(self) -> None:
        if self.row_id is None:
            await self._sign_in()
        else:
            await self._own_thread.run(settings.OCPP_STORAGE_SECONDS, links.record_node_alive, self.row_id)

    async def _look(self) -> None:
        """Commands asked for by somebody who could not wake us."""

        def waiting() -> list[int]:
            rows = Command.objects.filter(state=Command.State.REQUESTED, station__node_id=self.row_id)
            return list(rows.values_list("station_id", flat=True).distinct())

        if self.links and self.row_id is not None:
            for station_id in await self._own_thread.run(settings.OCPP_STORAGE_SECONDS, waiting):
                self.wake(station_id)

    async def _tidy(self) -> None:
        """Close silent links, settle calls that were not answered in time."""
        now = time.monotonic()
        late = [
            link
            for link in self.links.values()
            if link.open_call is not None and now - link.call_sent > settings.OCPP_CALL_SECONDS
        ]
        if late:
            await self._own_thread.run(settings.OCPP_STORAGE_SECONDS, settling.settle_overdue_commands)
            for link in late:
                link.open_call = None
                link.wake()
        if settings.OCPP_IDLE_SECONDS:
            for link in list(self.links.values()):
                if now - link.heard > settings.OCPP_IDLE_SECONDS:
                    await link.end(1000)

    def wake_drain(self, station_id: int) -> None:
        self._waker.wake({shard_of(station_id)})

    def wake(self, station_id: int) -> None:
        link = self.links.get(station_id)
        if link is not None:
            link.wake()

    def take_over(self, link: StationConsumer) -> None:
        """A station connected: the link it had in this process, if any, is closed."""
        old = self.links.get(link.station_id)
        self.links[link.station_id] = link
        if old is not None:
            link.keep(old.end(3000))

    def let_go(self, link: StationConsumer) -> None:
        if self.links.get(link.station_id) is link:
            del self.links[link.station_id]

    async def tell_superseded(self, node: str, station_id: int, epoch: int) -> None:
        """Tell another node that a newer link of a station is here."""
        layer = get_channel_layer()
        if layer is None or not node or node == self.name:
            return
        try:
            await asyncio.wait_for(
                layer.group_send(f"node-{node}", {"type": "superseded", "station": station_id, "epoch": epoch}), 3
            )
        except Exception as error:  # its next write finds out
            logger.warning("a node was not told", extra={"node": node, "cause": type(error).__name__})

    async def _listen(self) -> None:
        layer = get_channel_layer()
        if layer is None:
            return
        while True:
            try:
                channel = await layer.new_channel()
                await layer.group_add(f"node-{self.name}", channel)
                joined = time.monotonic()
                while time.monotonic() - joined < 30:  # then join again: the group may be gone with Redis' memory
                    with contextlib.suppress(TimeoutError):
                        self._hear(await asyncio.wait_for(layer.receive(channel), 10))
                await layer.group_discard(f"node-{self.name}", channel)
            except Exception as error:
                logger.warning("the channel layer does not answer", extra={"cause": type(error).__name__})
                await asyncio.sleep(1)

    def _hear(self, event: dict[str, Any]) -> None:
        link = self.links.get(event.get("station", 0))
        if link is None:
            return
        if event["type"] == "wake":
            link.wake()
        elif event["type"] == "superseded" and link.epoch < event["epoch"]:
            link.keep(link.end(3000))


_running: list[Node] = []  # at most one


def current() -> Node:
    """This process's node.

    Raises:
        RuntimeError: the gateway was not started here.
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
