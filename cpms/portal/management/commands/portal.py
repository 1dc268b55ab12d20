"""Run a server process for portal and API in production. Several may run side by side."""

from __future__ import annotations

from typing import Any

from daphne import server as daphne  # first: it chooses Twisted's event loop
from daphne.endpoints import build_endpoint_description_strings
from daphne.http_protocol import HTTPFactory, WebRequest
from django.conf import settings
from django.core.management.base import BaseCommand, CommandParser
from django.utils.module_loading import import_string
from twisted.internet import reactor

APPLICATION = "cpms.asgi.portal"
clock: Any = reactor


class Request(WebRequest):
    """A request whose headers must arrive within a time limit. After that, the server's idle timeout applies."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: Any = clock.callLater(settings.HALF_OPEN_SECONDS, self._drop)

    def gotLength(self, length: int | None) -> None:  # called by Twisted when the headers are complete
        if self._deadline.active():
            self._deadline.cancel()
        super().gotLength(length)

    def connectionLost(self, reason: Any) -> None:
        if self._deadline.active():
            self._deadline.cancel()
        super().connectionLost(reason)

    def _drop(self) -> None:
        self.channel.forceAbortClient()


class Factory(HTTPFactory):
    """Drops connections whose request stays incomplete."""

    def __init__(self, server: Any) -> None:
        super().__init__(server)
        self.timeOut = settings.HALF_OPEN_SECONDS

    def buildProtocol(self, addr: Any) -> Any:
        protocol = super().buildProtocol(addr)
        protocol.requestFactory = Request
        return protocol


class Command(BaseCommand):
    help = "Serve pages, API and live news; stations connect to `manage.py gateway`."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=8000)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        daphne.HTTPFactory = Factory  # Daphne has no setting for the factory
        endpoints = build_endpoint_description_strings(host=host, port=port)
        daphne.Server(import_string(APPLICATION), endpoints=endpoints, verbosity=0).run()
