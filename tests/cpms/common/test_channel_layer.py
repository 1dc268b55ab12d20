"""The embedded channel layer: messages from any thread reach the server's event loop immediately."""

import asyncio
import threading
import time

from asgiref.sync import async_to_sync

from cpms.common.messaging.layers import EmbeddedChannelLayer


def test_a_thread_without_a_loop_wakes_the_receiver_at_once():
    layer = EmbeddedChannelLayer(capacity=10)
    arrived: list[tuple[dict, float]] = []

    async def listen() -> None:
        await layer.group_add("stations", "here")
        listening.set()
        arrived.append((await layer.receive("here"), time.monotonic()))

    listening = threading.Event()
    home = threading.Thread(target=lambda: asyncio.run(listen()))
    home.start()
    assert listening.wait(5)
    time.sleep(0.05)  # let the event loop go idle
    sent = time.monotonic()
    async_to_sync(layer.group_send)("stations", {"type": "news"})
    home.join(5)
    message, at = arrived[0]
    assert message == {"type": "news"}
    assert at - sent < 0.5


def test_a_loop_that_has_ended_is_no_longer_waited_for():
    layer = EmbeddedChannelLayer()

    async def exchange() -> dict:
        await layer.send("here", {"type": "one"})
        return await layer.receive("here")

    assert asyncio.run(exchange()) == {"type": "one"}
    assert asyncio.run(exchange()) == {"type": "one"}
