"""TCP proxies between the parts of a stack and their servers that can inject faults: silence and lost answers."""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import struct
import threading
from collections.abc import Coroutine
from typing import Any

import uvloop

HOST = "127.0.0.1"
SSL_REQUEST, GSS_REQUEST, CANCEL_REQUEST = 80877103, 80877104, 80877102
READY = b"Z\0\0\0\x05I"  # ReadyForQuery, outside any transaction
WRITES = re.compile(rb"\s*(INSERT|UPDATE|DELETE|WITH\s+\w+\s+AS\s*\(.*?\bINSERT\b)", re.IGNORECASE | re.DOTALL)


class Proxy:
    """A TCP proxy on an event loop in its own thread. `pause` stops all traffic until `resume`."""

    def __init__(self, port: int, target: int, rng: random.Random) -> None:
        self.port, self.target, self.rng = port, target, rng
        self.links: set[Link] = set()
        self.is_relaying = asyncio.Event()
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{port}", daemon=True)
        self._server: asyncio.Server | None = None

    def start(self) -> None:
        self._thread.start()
        self._run(self._open())

    def stop(self) -> None:
        if not self._thread.is_alive():
            return
        self._run(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def pause(self) -> None:
        """Stop relaying without closing connections, as when a cable is pulled."""
        self._loop.call_soon_threadsafe(self.is_relaying.clear)

    def resume(self) -> None:
        """Relay again: half of the links are cut, the other half now deliver what was sent during the pause."""
        self._run(self._resume())

    def _run(self, job: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(job, self._loop).result(20)

    async def _open(self) -> None:
        self.is_relaying.set()
        self._server = await asyncio.start_server(self._accept, HOST, self.port, backlog=512)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for link in list(self.links):
            link.cut()
        await asyncio.sleep(0.05)

    async def _resume(self) -> None:
        for link in list(self.links):
            if self.rng.random() < 0.5:
                link.cut()
        self.is_relaying.set()

    def make_link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Link:
        return Link(self, reader, writer)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        link = self.make_link(reader, writer)
        self.links.add(link)
        try:
            await link.run()
        finally:
            self.links.discard(link)


class Link:
    """One connection through the proxy."""

    def __init__(self, proxy: Proxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.proxy, self.client, self.to_client = proxy, reader, writer
        self.to_server: asyncio.StreamWriter | None = None

    async def run(self) -> None:
        try:
            await self.proxy.is_relaying.wait()
            server, self.to_server = await asyncio.open_connection(HOST, self.proxy.target)
            up = asyncio.create_task(self._quietly(self.upstream(self.client, self.to_server)))
            down = asyncio.create_task(self._quietly(self.downstream(server, self.to_client)))
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            await self.proxy.is_relaying.wait()  # during a pause neither side learns that the other has closed
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
        except OSError:
            pass  # the server is down: the client sees a closed connection
        finally:
            self.cut()

    @staticmethod
    async def _quietly(job: Coroutine[Any, Any, None]) -> None:
        with contextlib.suppress(OSError, asyncio.IncompleteReadError):
            await job

    def cut(self) -> None:
        for writer in (self.to_client, self.to_server):
            if writer is not None:
                writer.transport.abort()

    async def upstream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._relay(reader, writer)

    async def downstream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._relay(reader, writer)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            await self.send(writer, data)

    async def send(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        await self.proxy.is_relaying.wait()
        writer.write(data)
        await writer.drain()


class PostgresProxy(Proxy):
    """A proxy that reads enough of PostgreSQL's protocol to drop the server's answers to commits."""

    def __init__(self, port: int, target: int, rng: random.Random) -> None:
        super().__init__(port, target, rng)
        self.lost_answers = 0
        self._loss = 0.0

    def lose_answers(self, share: float) -> None:
        """Drop the answers to this share of the commits of writing transactions; the server still commits them."""
        self._loss = share

    def should_lose_answer(self) -> bool:
        return self._loss > 0 and self.rng.random() < self._loss

    def make_link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Link:
        return PostgresLink(self, reader, writer)


class PostgresLink(Link):
    proxy: PostgresProxy

    def __init__(self, proxy: PostgresProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(proxy, reader, writer)
        self._writing: dict[bytes, bool] = {}  # prepared statements by name
        self._has_written = False  # since the last end of a transaction

    async def upstream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._relay_startup(reader, writer)
        rest = bytearray()
        while data := await reader.read(65536):
            rest += data
            messages = split_messages(rest)
            for message in messages:
                self._track_writes(message)
            if messages:
                await self.send(writer, b"".join(messages))

    async def _relay_startup(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Relay the start-up messages, which have no type. Encryption is declined, so that the rest can be read."""
        while True:
            head = await reader.readexactly(8)
            length, code = struct.unpack("!II", head)
            body = await reader.readexactly(length - 8)
            if code not in (SSL_REQUEST, GSS_REQUEST):
                await self.send(writer, head + body)
                return
            await self.send(self.to_client, b"N")

    def _track_writes(self, message: bytes) -> None:
        """Record whether a statement writes: sent directly (Q), or prepared (P) and then bound (B)."""
        kind = message[:1]
        if kind == b"Q":
            self._has_written |= bool(WRITES.match(message, 5))
        elif kind == b"P":
            name, sql, _rest = message[5:].split(b"\0", 2)
            self._writing[name] = bool(WRITES.match(sql))
        elif kind == b"B":
            _portal, name, _rest = message[5:].split(b"\0", 2)
            self._has_written |= self._writing.get(name, False)

    async def downstream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hold back the answers to a writing transaction until it is known whether it was committed."""
        rest, held = bytearray(), []
        while data := await reader.read(65536):
            rest += data
            for message in split_messages(rest):
                held.append(message)
                kind = message[:1]
                if kind == b"E" or (kind == b"C" and message[5:].startswith(b"ROLLBACK")):
                    self._has_written = False
                elif message == READY:
                    if self._has_written and self.proxy.should_lose_answer():
                        self.proxy.lost_answers += 1
                        self.cut()
                        return
                    self._has_written = False
            if held and (not self._has_written or held[-1][:1] == b"Z"):
                await self.send(writer, b"".join(held))
                held = []


def split_messages(rest: bytearray) -> list[bytes]:
    """Remove the complete messages (type, length, body) from the start of the buffer and return them."""
    messages, start = [], 0
    while len(rest) - start >= 5:
        end = start + 1 + int.from_bytes(rest[start + 1 : start + 5], "big")
        if end > len(rest):
            break
        messages.append(bytes(rest[start:end]))
        start = end
    del rest[:start]
    return messages
