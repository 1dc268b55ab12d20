"""The channel layer of the embedded mode: one process, one loop that receives, any thread may send."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from channels.layers import InMemoryChannelLayer

logger = logging.getLogger(__name__)
HOP_SECONDS = 5.0  # longer only when the loop is going down, and a layer may lose what it carries


class EmbeddedChannelLayer(InMemoryChannelLayer):
    """Hands what other threads send to the loop that receives: its queues would not wake up from outside.

    Without it a message of a Celery thread lay there for seconds, until something else woke the loop.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._home: asyncio.AbstractEventLoop | None = None

    async def receive(self, channel: str) -> dict[str, Any]:
        self._home = asyncio.get_running_loop()
        message: dict[str, Any] = await super().receive(channel)
        return message

    async def send(self, channel: str, message: dict[str, Any]) -> None:
        send = super().send
        await self._at_home(lambda: send(channel, message))

    async def group_send(self, group: str, message: dict[str, Any]) -> None:
        send = super().group_send
        await self._at_home(lambda: send(group, message))

    async def _at_home(self, send: Callable[[], Awaitable[None]]) -> None:
        home = self._home
        if home is None or home is asyncio.get_running_loop() or not home.is_running():
            return await send()
        hop = asyncio.run_coroutine_threadsafe(_awaited(send), home)
        try:
            await asyncio.wait_for(asyncio.wrap_future(hop), HOP_SECONDS)
        except TimeoutError:
            logger.warning("The server's loop did not take a message within %s s: it is dropped.", HOP_SECONDS)


async def _awaited(send: Callable[[], Awaitable[None]]) -> None:
    await send()
