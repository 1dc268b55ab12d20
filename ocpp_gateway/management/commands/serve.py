"""Runs everything in one process: pages, API, OCPP endpoint and tasks; with --demo also simulated stations."""

import io
import os
import socket
import threading
import time
from typing import Any

from django.conf import settings
from django.core.management import call_command, get_commands
from django.core.management.base import BaseCommand, CommandError, CommandParser

from cpms.celery import app as celery_app
from cpms.common.observability.logs import JSON, log_json
from cpms.embedded import EmbeddedCelery
from ocpp_gateway.server import AddressTakenError, Server, allow_many_sockets, listen, serve, startup_error

STOP_SECONDS = 3.2


class Command(BaseCommand):
    help = "Run the whole system as one process; needs no other server."
    requires_system_checks: list[str] = []  # `make check` runs them; the first page should not wait for them

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 accepts connections from other machines")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--demo", action="store_true", help="load demo data and let simulated stations charge")

    def handle(self, *args: Any, host: str, port: int, demo: bool, **options: Any) -> None:
        allow_many_sockets()
        try:
            listener = listen(host, port)
        except AddressTakenError as error:
            raise startup_error(error) from error
        try:
            logins = self._prepare(demo)
        except KeyboardInterrupt:
            raise CommandError("Interrupted during start.", returncode=130) from None
        self._serve(listener, host, demo, logins)

    def _prepare(self, demo: bool) -> str:
        """Create the tables and, if requested, the demo data. Return the output of `load_demo` (its logins)."""
        self._print("Preparing the database ...")
        call_command("migrate", interactive=False, verbosity=0)
        if not demo or "load_demo" not in get_commands():
            return ""
        self._print("Loading demo data ...")
        output = io.StringIO()
        call_command("load_demo", stdout=output)
        return output.getvalue().strip()

    def _serve(self, listener: socket.socket, host: str, demo: bool, logins: str) -> None:
        port = listener.getsockname()[1]  # the actual port if 0 was requested
        server = serve("cpms.asgi:application", listener)
        celery = EmbeddedCelery(celery_app)
        celery.start()
        threads = [
            threading.Thread(target=self._announce, args=(server, host, port, logins), daemon=True),
            threading.Thread(target=self._end_celery, args=(server, celery), daemon=True),
        ]
        if demo:
            threads.append(threading.Thread(target=self._run_fleet, args=(server, port), daemon=True))
        for thread in threads:
            thread.start()
        try:
            server.run(sockets=[listener])
        finally:
            self._end(server, threads)

    def _print(self, text: str) -> None:
        if settings.LOG_FORMAT == JSON:
            log_json(text)
            return
        self.stdout.write(text)
        self.stdout.flush()

    def _announce(self, server: Server, host: str, port: int, logins: str) -> None:
        server.is_ready.wait()
        if server.is_stopping.is_set():
            return
        name = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::", "::1") else host  # noqa: S104
        lines = [
            "",
            f"  Portal     http://{name}:{port}/",
            f"  Admin      http://{name}:{port}/admin/",
            f"  API        http://{name}:{port}/api/v1/docs/",
            f"  Stations   ws://{name}:{port}/ocpp/<identity>   (OCPP 1.6J)",
            *(["", *(f"  {line}" for line in logins.splitlines())] if logins else []),
            "",
            "  Press Ctrl-C to stop.",
            "",
        ]
        self._print("\n".join(lines))

    def _run_fleet(self, server: Server, port: int) -> None:
        """Run the simulated stations. They connect like real ones, so they start when the server is ready."""
        server.is_ready.wait()
        from ocpp_gateway.simulator.fleet import run_demo_fleet

        if not server.is_stopping.is_set():
            run_demo_fleet(f"ws://127.0.0.1:{port}/ocpp", server.is_stopping)

    def _end_celery(self, server: Server, celery: EmbeddedCelery) -> None:
        """Stop Celery while the server closes its links, not afterwards."""
        server.is_stopping.wait()
        self._print("\nStopping ...")
        celery.stop(STOP_SECONDS)

    def _end(self, server: Server, threads: list[threading.Thread]) -> None:
        """Stop everything within five seconds. Unfinished work is stored as rows and continues after a restart."""
        server.is_stopping.set()
        server.is_ready.set()
        end = time.monotonic() + STOP_SECONDS
        for thread in threads:
            thread.join(max(0.1, end - time.monotonic()))
        self.stdout.flush()
        exit_timer = threading.Timer(1.0, os._exit, (0,))  # Python would wait forever for a thread that is stuck
        exit_timer.daemon = True
        exit_timer.start()
