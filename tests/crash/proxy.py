"""Relays between the parts of a stack and their servers that can be made ill: silent, or deaf at the worst moment."""

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
READY = b"Z\0\0\0\x05I"  # for a query, outside any transaction
WRITES = re.compile(rb"\s*(INSERT|UPDATE|DELETE|WITH\s+\w+\s+AS\s*\(.*?\bINSERT\b)", re.IGNORECASE | re.DOTALL)


class Proxy:
    """A TCP relay on an event loop in a thread of its own. It is cut off from its server by `go_dark`."""

    def __init__(self, port: int, target: int, chance: random.Random) -> None:
        self.port, self.target, self.chance = port, target, chance
        self.links: set[Link] = set()
        self.lit = asyncio.Event()
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=f"proxy-{port}", daemon=True)
        self._server: asyncio.Server | None = None

    def start(self) -> None:
        self._thread.start()
        self._do(self._open())

    def stop(self) -> None:
        if not self._thread.is_alive():
            return
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)

    def go_dark(self) -> None:
        """Nothing is passed on any more, nobody is told: as when a cable is pulled."""
        self._loop.call_soon_threadsafe(self.lit.clear)

    def light(self) -> None:
        """Half of the links are gone, the other half now delivers what was sent in the dark, wanted or not."""
        self._do(self._light())

    def _do(self, job: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(job, self._loop).result(20)

    async def _open(self) -> None:
        self.lit.set()
        self._server = await asyncio.start_server(self._accept, HOST, self.port, backlog=512)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
        for link in list(self.links):
            link.cut()
        await asyncio.sleep(0.05)

    async def _light(self) -> None:
        for link in list(self.links):
            if self.chance.random() < 0.5:
                link.cut()
        self.lit.set()

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
            await self.proxy.lit.wait()
            server, self.to_server = await asyncio.open_connection(HOST, self.proxy.target)
            up = asyncio.create_task(self._quietly(self.upstream(self.client, self.to_server)))
            down = asyncio.create_task(self._quietly(self.downstream(server, self.to_client)))
            await asyncio.wait({up, down}, return_when=asyncio.FIRST_COMPLETED)
            await self.proxy.lit.wait()  # in the dark nobody learns that the other side has gone
            for task in (up, down):
                task.cancel()
            await asyncio.gather(up, down, return_exceptions=True)
        except OSError:
            pass  # the server is away: the client sees its connection closed
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
            await self.pass_on(writer, data)

    async def pass_on(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        await self.proxy.lit.wait()
        writer.write(data)
        await writer.drain()


class PostgresProxy(Proxy):
    """Understands as much of PostgreSQL's protocol as it takes to swallow the server's answer to a commit."""

    def __init__(self, port: int, target: int, chance: random.Random) -> None:
        super().__init__(port, target, chance)
        self.lost_answers = 0
        self._loss = 0.0

    def lose_answers(self, share: float) -> None:
        """From now on this share of the commits of writing transactions is done by the server but never told."""
        self._loss = share

    def loses_this(self) -> bool:
        return self._loss > 0 and self.chance.random() < self._loss

    def make_link(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> Link:
        return PostgresLink(self, reader, writer)


class PostgresLink(Link):
    proxy: PostgresProxy

    def __init__(self, proxy: PostgresProxy, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        super().__init__(proxy, reader, writer)
        self._writing: dict[bytes, bool] = {}  # prepared statements by name
        self._has_written = False  # since the last end of a transaction

    async def upstream(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await self._introduce(reader, writer)
        rest = bytearray()
        while data := await reader.read(65536):
            rest += data
            messages = split_messages(rest)
            for message in messages:
                self._note(message)
            if messages:
                await self.pass_on(writer, b"".join(messages))

    async def _introduce(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """The first messages have no type. Encryption is declined, so that we can read the rest."""
        while True:
            head = await reader.readexactly(8)
            length, code = struct.unpack("!II", head)
            body = await reader.readexactly(length - 8)
            if code not in (SSL_REQUEST, GSS_REQUEST):
                await self.pass_on(writer, head + body)
                return
            await self.pass_on(self.to_client, b"N")

    def _note(self, message: bytes) -> None:
        """Whether a statement writes: sent as it is (Q), or prepared (P) and then bound (B)."""
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
        """Answers to a writing transaction are held back until it is known whether they end in its commit."""
        rest, held = bytearray(), []
        while data := await reader.read(65536):
            rest += data
            for message in split_messages(rest):
                held.append(message)
                kind = message[:1]
                if kind == b"E" or (kind == b"C" and message[5:].startswith(b"ROLLBACK")):
                    self._has_written = False
                elif message == READY:
                    if self._has_written and self.proxy.loses_this():
                        self.proxy.lost_answers += 1
                        self.cut()
                        return
                    self._has_written = False
            if held and (not self._has_written or held[-1][:1] == b"Z"):
                await self.pass_on(writer, b"".join(held))
                held = []


def split_messages(rest: bytearray) -> list[bytes]:
    """Take the complete messages (type, length, body) off the beginning."""
    messages, start = [], 0
    while len(rest) - start >= 5:
        end = start + 1 + int.from_bytes(rest[start + 1 : start + 5], "big")
        if end > len(rest):
            break
        messages.append(bytes(rest[start:end]))
        start = end
    del rest[:start]
    return messages
