"""One OCPP node of the production set-up; any number of them may run."""

from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from ocpp_gateway.server import AddressTakenError, allow_many_sockets, listen, refusal, serve


class Command(BaseCommand):
    help = "Serve the OCPP endpoint /ocpp/<identity> and /health/ only, for stations; pages are served apart."
    requires_system_checks: list[str] = []  # a node that was killed must be back soon

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1")
        parser.add_argument("--port", type=int, default=9000)

    def handle(self, *args: Any, host: str, port: int, **options: Any) -> None:
        allow_many_sockets()
        try:
            listener = listen(host, port)
        except AddressTakenError as error:
            raise refusal(error) from error
        serve("cpms.asgi:gateway", listener).run(sockets=[listener])
