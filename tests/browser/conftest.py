"""A real server on SQLite with its own folder, a station of our own over a real socket, and Chromium."""

import base64
import json
import os
import shutil
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

PASSWORD = "a long enough password"
STATION_PASSWORD = "0123456789abcdef"
ROLES = ("admin", "operator", "viewer")
OWN_HOST = "charging.nordlys.example"  # the team's; in our DNS and in Chromium's
LEFT_MEANWHILE = ("htmx:sendAbort", "htmx:afterRequest")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


class Site:
    """The whole product as one process, as `make demo` starts it."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.address = f"http://localhost:{self.port}"
        self.own_address = f"http://{OWN_HOST}:{self.port}"
        self.names = NameServer()
        self.names.addresses = {"localhost": ["127.0.0.1"], OWN_HOST: ["127.0.0.1"]}
        kept = {name: value for name, value in os.environ.items() if name not in ("DATABASE_URL", "REDIS_URL")}
        self.env = kept | {
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

    def manage(self, *words: str) -> None:
        self.manage_all([list(words)])

    def manage_all(self, commands: list[list[str]]) -> None:
        """Several commands in one process: each start of Django takes more than a second."""
        code = "import json, sys, django; django.setup(); from django.core.management import call_command; "
        code += "[call_command(*words) for words in json.loads(sys.argv[1])]"
        command = [sys.executable, "-c", code, json.dumps(commands)]
        done = subprocess.run(command, cwd=settings.BASE_DIR, env=self.env, capture_output=True, text=True, check=False)
        assert not done.returncode, done.stdout + done.stderr

    def start(self, *more: str) -> None:
        command = [sys.executable, "manage.py", "serve", "--port", str(self.port), *more]
        self.process = subprocess.Popen(
            command, cwd=settings.BASE_DIR, env=self.env, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        until = time.monotonic() + 60
        while time.monotonic() < until:
            try:
                urllib.request.urlopen(f"{self.address}/account/login/", timeout=2).close()
                return
            except OSError:  # also that it is slow
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
    """Speaks OCPP 1.6J, no more of it than a test needs."""

    def __init__(self, site: Site, identity: str) -> None:
        secret = base64.b64encode(f"{identity}:{STATION_PASSWORD}".encode()).decode()
        self.link: ClientConnection = connect(
            f"ws://localhost:{site.port}/ocpp/{identity}",
            subprotocols=["ocpp1.6"],  # type: ignore[list-item]
            additional_headers={"Authorization": f"Basic {secret}"},
        )
        self.calls = 0
        self.asked: list[list[Any]] = []

    def say(self, action: str, **payload: Any) -> dict[str, Any]:
        self.calls += 1
        self.link.send(json.dumps([2, str(self.calls), action, payload]))
        while True:
            frame = json.loads(self.link.recv(10))
            if frame[0] == 2:
                self.asked.append(frame)
            elif frame[1] == str(self.calls):
                assert frame[0] == 3, frame
                return dict(frame[2])

    def boot(self) -> None:
        self.say("BootNotification", chargePointVendor="Maker", chargePointModel="Wallbox", firmwareVersion="3.16")
        self.status("Available")

    def status(self, status: str, **more: Any) -> None:
        self.say("StatusNotification", connectorId=1, status=status, errorCode=more.pop("errorCode", "NoError"), **more)

    def answer(self, **payload: Any) -> list[Any]:
        """Wait for what we are asked, and answer it."""
        frame = self.asked.pop(0) if self.asked else json.loads(self.link.recv(10))
        self.link.send(json.dumps([3, frame[1], payload]))
        return list(frame)


@pytest.fixture(scope="package")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    made = Site(tmp_path_factory.mktemp("site"))
    person = ["--password", PASSWORD, "--team"]
    made.manage_all(
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
    made.start()
    yield made
    made.stop()
    made.names.close()


@pytest.fixture(scope="package")
def browser(site: Site) -> Iterator[Any]:
    from playwright.sync_api import sync_playwright

    if CHROMIUM is None:
        pytest.fail("Chromium is needed (Debian: apt-get install chromium).")
    with sync_playwright() as playwright:
        own = [
            f"--host-resolver-rules=MAP {OWN_HOST} 127.0.0.1",
            f"--unsafely-treat-insecure-origin-as-secure={site.own_address}",  # as https is
        ]
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu", *own])


@pytest.fixture(scope="package")
def states() -> dict[tuple[str, str], Any]:
    """Cookies of who has logged in where: once, since the log-in has tests of its own."""
    return {}


@pytest.fixture
def look(site: Site, browser: Any, states: dict[tuple[str, str], Any]) -> Iterator[Any]:
    """Opens a page as somebody; whatever the page complains about fails the test."""
    contexts, complaints = [], []

    def open_page(
        path: str,
        person: str = "operator",
        width: int = 1440,
        scheme: str = "light",
        base: str = "",
        again: bool = False,
        **more: Any,
    ) -> Any:
        base = base or site.address
        context = browser.new_context(
            viewport={"width": width, "height": 900},
            color_scheme=scheme,
            base_url=base,
            storage_state=None if again else states.get((person, base)),
            **more,
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda told: complaints.append(told.text) if _is_complaint(told) else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("request", lambda asked: complaints.append(asked.url) if _is_elsewhere(asked.url, base) else None)
        if person and (again or (person, base) not in states):
            page.goto("/account/login/")
            page.fill("#id_login", f"{person}@example.org")
            page.fill("#id_password", PASSWORD)
            page.wait_for_selector(".captcha [data-state=verified]")
            page.click("button[type=submit]")
            page.wait_for_url(f"{base}/")
            states.setdefault((person, base), context.storage_state())
        if path:
            page.goto(path)
        if "/account/confirm/" in page.url:  # the log-in was more than ten minutes ago
            page.fill("#id_password", PASSWORD)
            page.click("button:text-is('Confirm')")
            page.wait_for_url(f"{base}{path}")
        return page

    open_page.complaints = complaints  # type: ignore[attr-defined]
    yield open_page
    for context in contexts:
        context.close()
    assert not complaints


def _is_complaint(told: Any) -> bool:
    """Also htmx's own: but not that somebody went to another page while a part of this one was fetched."""
    return told.type in ("error", "warning") and not told.text.startswith(LEFT_MEANWHILE)


def _is_elsewhere(address: str, base: str) -> bool:
    """Whatever a page fetches comes from its own host, or is in the page."""
    return base[5:] not in address and not address.startswith("data:")


@pytest.fixture(scope="package")
def is_page(pages: dict[str, str]) -> Callable[[Any, str], bool]:
    """Whether a route leads to a page: not to a part of one, a file, or an address for who is not signed in."""
    known: dict[str, bool] = {}

    def ask(page: Any, name: str) -> bool:
        if name not in known:
            answer = page.request.get(pages[name], max_redirects=0)
            known[name] = answer.status == 200 and str(answer.text()).lstrip().lower().startswith("<!doctype html")
        return known[name]

    return ask


@pytest.fixture(scope="package")
def pages(site: Site) -> dict[str, str]:
    """Addresses by the names of their routes, of a team with one row of everything."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.browser.fill"],
        cwd=settings.BASE_DIR,
        env=site.env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr
    found: dict[str, str] = json.loads(done.stdout)
    return found


def connected(site: Site, identity: str) -> Station:
    station = Station(site, identity)
    station.boot()
    return station


@pytest.fixture
def station(site: Site, request: pytest.FixtureRequest) -> Iterator[Any]:
    """Connects a station; all of them are gone after the test."""
    links = []

    def make(identity: str) -> Station:
        links.append(connected(site, identity))
        return links[-1]

    yield make
    for one in links:
        one.link.close()
