"""A real server on SQLite in its own folder, a station over a real WebSocket, and Chromium."""

import base64
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from websockets.sync.client import ClientConnection, connect

from tests.name_server import NameServer
from tools.packages import chromium, headless_shell

PASSWORD = "a long enough password"
STATION_PASSWORD = "0123456789abcdef"
ROLES = ("admin", "operator", "viewer")
OWN_HOST = "charging.nordlys.example"  # the team's own domain, known to our DNS server and to Chromium
NAVIGATION_EVENTS = ("htmx:sendAbort", "htmx:afterRequest")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Site:
    """The whole product as one process, started as `make demo` does."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.address = f"http://localhost:{self.port}"
        self.own_address = f"http://{OWN_HOST}:{self.port}"
        self.names = NameServer()
        self.names.addresses = {"localhost": ["127.0.0.1"], OWN_HOST: ["127.0.0.1"]}
        environment = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        self.env = environment | {
            "VAR_DIR": str(folder),
            "PUBLIC_URL": self.address,
            "DJANGO_SETTINGS_MODULE": "cpms.settings.base",
            "LOG_LEVEL": "ERROR",
            "DEBUG": "0",
            "LOGIN_ATTEMPTS_PER_MINUTE": "1000",
            "MAILS_IN_PAGE": "1",
            "DNS_RESOLVER": self.names.address,
        }
        self.process: subprocess.Popen[bytes] | None = None

    def manage(self, *arguments: str) -> None:
        self.manage_all([list(arguments)])

    def manage_all(self, commands: list[list[str]]) -> None:
        """Run several management commands in one process, because each start of Django takes more than a second."""
        code = "import json, sys, django; django.setup(); from django.core.management import call_command; "
        code += "[call_command(*arguments) for arguments in json.loads(sys.argv[1])]"
        command = [sys.executable, "-c", code, json.dumps(commands)]
        result = subprocess.run(
            command, cwd=settings.BASE_DIR, env=self.env, capture_output=True, text=True, check=False
        )
        assert not result.returncode, result.stdout + result.stderr

    def start(self, *more: str) -> None:
        command = [sys.executable, "manage.py", "serve", "--port", str(self.port), *more]
        self.process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                urllib.request.urlopen(f"{self.address}/account/login/", timeout=2).close()
                return
            except OSError:  # refused, or too slow
                assert self.process.poll() is None, "the server ended"
                time.sleep(0.2)
        raise AssertionError("the server does not answer")

    def stop(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()


class Station:
    """A minimal OCPP 1.6J station."""

    def __init__(self, site: Site, identity: str) -> None:
        secret = base64.b64encode(f"{identity}:{STATION_PASSWORD}".encode()).decode()
        self.link: ClientConnection = connect(
            f"ws://localhost:{site.port}/ocpp/{identity}",
            subprotocols=["ocpp1.6"],  # type: ignore[list-item]
            additional_headers={"Authorization": f"Basic {secret}"},
        )
        self.calls = 0
        self.received_calls: list[list[Any]] = []

    def call(self, action: str, **payload: Any) -> dict[str, Any]:
        self.calls += 1
        self.link.send(json.dumps([2, str(self.calls), action, payload]))
        while True:
            frame = json.loads(self.link.recv(10))
            if frame[0] == 2:
                self.received_calls.append(frame)
            elif frame[1] == str(self.calls):
                assert frame[0] == 3, frame
                return dict(frame[2])

    def boot(self) -> None:
        self.call("BootNotification", chargePointVendor="Maker", chargePointModel="Wallbox", firmwareVersion="3.16")
        self.status("Available")

    def status(self, status: str, **more: Any) -> None:
        self.call(
            "StatusNotification", connectorId=1, status=status, errorCode=more.pop("errorCode", "NoError"), **more
        )

    def answer(self, **payload: Any) -> list[Any]:
        """Wait for the next CALL from the server, answer it, and return it."""
        frame = self.received_calls.pop(0) if self.received_calls else json.loads(self.link.recv(10))
        self.link.send(json.dumps([3, frame[1], payload]))
        return list(frame)


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    server = Site(tmp_path_factory.mktemp("site"))
    person = ["--password", PASSWORD, "--team"]
    server.manage_all(
        [
            ["migrate", "-v0"],
            ["add_team", "nordlys", "--name", "Nordlys Energie"],
            ["add_team", "empty", "--name", "Neu gegründet"],
            *(["add_user", f"{role}@example.org", *person, "nordlys", "--role", role] for role in ROLES),
            *(["add_user", "both@example.org", *person, team, "--role", "admin"] for team in ("nordlys", "empty")),
            ["add_user", "new@example.org", *person, "empty", "--role", "admin"],
            ["add_station", "LIVE-{n}", "--count", "8", "--team", "nordlys", "--password", STATION_PASSWORD],
            ["add_tag", "04A2C7B1", "--team", "nordlys"],
        ]
    )
    server.start()
    yield server
    server.stop()
    server.names.close()


@pytest.fixture(scope="package")
def playwright() -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    with sync_playwright() as running:
        yield running


def launch(playwright: Any, program: str | None, *options: str) -> Any:
    if program is None:
        pytest.fail("Chromium is needed (Debian: apt-get install chromium chromium-headless-shell).")
    return playwright.chromium.launch(executable_path=program, args=["--no-sandbox", "--disable-gpu", *options])


@pytest.fixture(scope="package")
def browser(playwright: Any) -> Any:
    return launch(playwright, headless_shell())


@pytest.fixture(scope="package")
def own_host_browser(playwright: Any, site: Site) -> Any:
    """The whole Chromium, which can be told to treat the team's own domain as if it had https."""
    return launch(
        playwright,
        chromium(),
        f"--host-resolver-rules=MAP {OWN_HOST} 127.0.0.1",
        f"--unsafely-treat-insecure-origin-as-secure={site.own_address}",
    )


@pytest.fixture(scope="package")
def states() -> dict[tuple[str, str], Any]:
    """Cookies by person and address, so that each person signs in only once; signing in has tests of its own."""
    return {}


@pytest.fixture
def open_page(
    site: Site, browser: Any, states: dict[tuple[str, str], Any], request: pytest.FixtureRequest
) -> Iterator[Any]:
    """Return a function that opens a page as a person. Console errors and foreign requests fail the test."""
    contexts, complaints = [], []

    def open_as(
        path: str,
        person: str = "operator",
        width: int = 1440,
        scheme: str = "light",
        base: str = "",
        fresh_login: bool = False,
        **more: Any,
    ) -> Any:
        base = base or site.address
        program = request.getfixturevalue("own_host_browser") if base == site.own_address else browser
        context = program.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            base_url=base,
            storage_state=None if fresh_login else states.get((person, base)),
            **more,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: complaints.append(message.text) if _is_reported(message) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda request: complaints.append(request.url) if _is_foreign(request.url, base) else None)
        if person and (fresh_login or (person, base) not in states):
            page.goto("/account/login/")
            page.fill("#id_login", f"{person}@example.org")
            page.fill("#id_password", PASSWORD)
            page.wait_for_selector(".captcha [data-state=verified]")
            page.click("button[type=submit]")
            page.wait_for_url(f"{base}/")
            states.setdefault((person, base), context.storage_state())
        if path:
            page.goto(path)
        if "/account/confirm/" in page.url:  # the person signed in more than ten minutes ago
            page.fill("#id_password", PASSWORD)
            page.click("button:text-is('Confirm')")
            page.wait_for_url(f"{base}{path}")
        return page

    open_as.complaints = complaints  # type: ignore[attr-defined]
    yield open_as
    for context in contexts:
        context.close()
    assert not complaints


def _is_reported(message: Any) -> bool:
    """Whether a console message fails the test; htmx events of requests that navigation aborts do not."""
    return message.type in ("error", "warning") and not message.text.startswith(NAVIGATION_EVENTS)


def _is_foreign(address: str, base: str) -> bool:
    """Whether a request goes to another host than the page's own."""
    return base[5:] not in address and not address.startswith("data:")


@pytest.fixture(scope="package")
def is_page(pages: dict[str, str]) -> Callable[[Any, str], bool]:
    """Return a function that tells whether a route is a whole page for signed-in users, not a partial or a file."""
    known: dict[str, bool] = {}

    def ask(page: Any, name: str) -> bool:
        if name not in known:
            answer = page.request.get(pages[name], max_redirects=0)
            known[name] = answer.status == 200 and str(answer.text()).lstrip().lower().startswith("<!doctype html")
        return known[name]

    return ask


@pytest.fixture(scope="package")
def pages(site: Site) -> dict[str, str]:
    """Addresses by route name, of a team that has a row of every model."""
    result = subprocess.run(
        [sys.executable, "-m", "tests.browser.fill"],
        cwd=settings.BASE_DIR,
        env=site.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not result.returncode, result.stderr
    found: dict[str, str] = json.loads(result.stdout)
    return found


def connected(site: Site, identity: str) -> Station:
    station = Station(site, identity)
    station.boot()
    return station


@pytest.fixture
def station(site: Site, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Return a function that connects a station; their links are closed after the test."""
    links = []

    def make(identity: str) -> Station:
        links.append(connected(site, identity))
        return links[-1]

    yield make
    for one in links:
        one.link.close()
