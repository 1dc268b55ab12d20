"""Drops connections that never complete a request, so that a client cannot hold hundreds of them open."""

from __future__ import annotations

import asyncio

from django.conf import settings
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol


class HttpProtocol(HttpToolsProtocol):
    """Uvicorn's protocol with a deadline for the head of a request and for each part of its body.

    Sending single bytes does not extend the deadline, unlike in servers that only watch for silence.
    """

    _deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self._expect()

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop_expecting()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        super().on_message_begin()
        if self._deadline is None:  # a further request of the same connection
            self._expect()

    def on_headers_complete(self) -> None:
        self._expect()
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._expect()
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._stop_expecting()
        super().on_message_complete()

    def _expect(self) -> None:
        self._stop_expecting()
        self._deadline = self.loop.call_later(settings.HALF_OPEN_SECONDS, self._drop)

    def _stop_expecting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _drop(self) -> None:
        if self.flow.read_paused:  # we are the ones who stopped reading
            self._expect()
        else:
            self._deadline = None
            self.transport.abort()
