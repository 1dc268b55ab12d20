"""Runs one OCPP gateway node of the production set-up. Any number of nodes may run."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ocpp_gateway.server import AddressTakenError, allow_many_sockets, listen, serve, startup_error


class Command(BaseCommand):
    help = "Serve the OCPP endpoint /ocpp/<identity> and /health/ only; pages are served by another process."
    requires_system_checks: list[str] = []  # a node that was killed must restart quickly

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=9000)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        allow_many_sockets()
        try:
            listener = listen(host, port)
        except AddressTakenError as error:
            raise startup_error(error) from error
        serve("cpms.asgi:gateway", listener).run(sockets=[listener])
