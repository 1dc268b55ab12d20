"""Everything in one process: pages, API, OCPP endpoint, tasks and schedule; with --demo also stations that charge."""

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
from cpms.common.observability.logs import JSON, say_json
from cpms.embedded import EmbeddedCelery
from ocpp_gateway.server import AddressTakenError, Server, allow_many_sockets, listen, refusal, serve

END_SECONDS = 3.2


class Command(BaseCommand):
    help = "Run the whole system as one process; needs no other server."
    requires_system_checks: list[str] = []  # `make check` has made them; the first page should not wait for them

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--host", default="127.0.0.1", help="0.0.0.0 lets other machines in")
        parser.add_argument("--port", type=int, default=8000)
        parser.add_argument("--demo", action="store_true", help="load demo data and let simulated stations charge")

    def handle(self, *args: Any, host: str, port: int, demo: bool, **options: Any) -> None:
        allow_many_sockets()
        try:
            listener = listen(host, port)
        except AddressTakenError as error:
            raise refusal(error) from error
        try:
            logins = self._prepare(demo)
        except KeyboardInterrupt:
            raise CommandError("Ended before it had begun.", returncode=130) from None
        self._serve(listener, host, demo, logins)

    def _prepare(self, demo: bool) -> str:
        """The tables and, when wanted, the demo data; gives what `load_demo` says (its logins)."""
        self._say("Preparing the database ...")
        call_command("migrate", interactive=False, verbosity=0)
        if not demo or "load_demo" not in get_commands():
            return ""
        self._say("Loading demo data ...")
        said = io.StringIO()
        call_command("load_demo", stdout=said)
        return said.getvalue().strip()

    def _serve(self, listener: socket.socket, host: str, demo: bool, logins: str) -> None:
        port = listener.getsockname()[1]  # what 0 became
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

    def _say(self, text: str) -> None:
        if settings.LOG_FORMAT == JSON:
            say_json(text)
            return
        self.stdout.write(text)
        self.stdout.flush()

    def _announce(self, server: Server, host: str, port: int, logins: str) -> None:
        server.answers.wait()
        if server.ends.is_set():
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
            "  Ctrl-C ends it.",
            "",
        ]
        self._say("\n".join(lines))

    def _run_fleet(self, server: Server, port: int) -> None:
        """Simulated stations use the same door as real ones, so they come after the server answers."""
        server.answers.wait()
        from ocpp_gateway.simulator.fleet import run_demo_fleet

        if not server.ends.is_set():
            run_demo_fleet(f"ws://127.0.0.1:{port}/ocpp", server.ends)

    def _end_celery(self, server: Server, celery: EmbeddedCelery) -> None:
        """While the server says good-bye to its links, not after it."""
        server.ends.wait()
        self._say("\nEnding ...")
        celery.stop(END_SECONDS)

    def _end(self, server: Server, threads: list[threading.Thread]) -> None:
        """All of it within five seconds. What a task has not finished is a row and is found at the next start."""
        server.ends.set()
        server.answers.set()
        end = time.monotonic() + END_SECONDS
        for thread in threads:
            thread.join(max(0.1, end - time.monotonic()))
        self.stdout.flush()
        last_word = threading.Timer(1.0, os._exit, (0,))  # Python would wait for a thread that is stuck without end
        last_word.daemon = True
        last_word.start()
