"""The channel layer of the embedded mode: one process with one receiving event loop; any thread may send."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from channels.layers import InMemoryChannelLayer

logger = logging.getLogger(__name__)
SEND_SECONDS = 5.0  # it only takes longer while the loop shuts down; a channel layer may lose messages


class EmbeddedChannelLayer(InMemoryChannelLayer):
    """Sends messages on the receiving event loop, whose queues do not wake up from other threads.

    Otherwise a message of a Celery thread would wait for seconds until something else wakes the loop.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._receiving_loop: asyncio.AbstractEventLoop | None = None

    async def receive(self, channel: str) -> dict[str, Any]:
        self._receiving_loop = asyncio.get_running_loop()
        message: dict[str, Any] = await super().receive(channel)
        return message

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        send = super().send
        await self._on_receiving_loop(lambda: send(channel, message))

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        send = super().group_send
        await self._on_receiving_loop(lambda: send(group, message))

    async def _on_receiving_loop(self, send: Callable[[], Awaitable[None]]) -> None:
        loop = self._receiving_loop
        if loop is None or loop is asyncio.get_running_loop() or not loop.is_running():
            return await send()
        sending = asyncio.run_coroutine_threadsafe(_awaited(send), loop)
        try:
            await asyncio.wait_for(asyncio.wrap_future(sending), SEND_SECONDS)
        except TimeoutError:
            logger.warning("The server's loop did not take a message within %s s: it is dropped.", SEND_SECONDS)


async def _awaited(send: Callable[[], Awaitable[None]]) -> None:
    await send()
