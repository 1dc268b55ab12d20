"""How long the server takes for its pages, the API and the admin when the park is big, and for exports.

Every address is asked for one after another over the portal's own server, as each kind of person. What is measured is
the time from the request to the last byte of the answer, on a kept connection, and the processor time of all parts.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import psutil

from tools.bench.measuring import cpu_seconds, percentile
from tools.bench.park import PASSWORD, PEOPLE, TEAMS, Filler, Size, counts
from tools.bench.report import LIMIT_MS, write_pages
from tools.stack import Stack, running_stack

LEAST = 20  # requests of each page
PATIENCE_SECONDS = 40
Say = Callable[[str], None]


@dataclass
class Timing:
    role: str
    page: str
    times_ms: list[float] = field(default_factory=list)
    cpu_ms: float = 0.0
    worst: str = ""
    slow: list[tuple[float, str]] = field(default_factory=list)

    def at(self, share: float) -> float:
        return percentile(self.times_ms, share)


@dataclass
class Export:
    kind: str
    rows: int
    seconds: float
    first_byte_seconds: float
    base_mib: float
    most_mib: float
    cpu_us: float  # of the portal, per row

    @property
    def per_second(self) -> float:
        return self.rows / self.seconds


@dataclass
class PageFigures:
    machine: str
    began: str
    load: str = ""
    counts: dict[str, int] = field(default_factory=dict)
    gigabytes: float = 0.0
    timings: list[Timing] = field(default_factory=list)
    exports: list[Export] = field(default_factory=list)


def _day(back: int) -> str:
    return (datetime.now(UTC) - timedelta(days=back)).strftime("%Y-%m-%dT%H:%M")


TEAM_OF = {
    "staff": "> 0",
    "big": "= 1",
    "small": "= 2",
    "quiet": f"= (SELECT id FROM accounts_team WHERE handle = 'bench-{TEAMS}')",
    "several": "IN (3, 7, 8, 9)",
}


class Addresses:
    """What each kind of person asks for: name of the page -> addresses."""

    def __init__(self, filler: Filler) -> None:
        self.filler = filler

    def keys(self, sql: str) -> list[Any]:
        return [row[0] for row in self.filler.link.execute(sql).fetchall()]

    def portal(self, role: str) -> dict[str, list[str]]:
        team = TEAM_OF[role]
        stations = self.keys(
            f"SELECT id FROM chargers_chargingstation WHERE team_id {team} ORDER BY md5(id::text) LIMIT 12"
        )
        names = self.keys(
            f"SELECT identity FROM chargers_chargingstation WHERE team_id {team} ORDER BY md5(identity) LIMIT 4"
        )
        recent = self.keys(
            f"SELECT id FROM charging_sessions_chargingsession WHERE team_id {team} ORDER BY started_at DESC LIMIT 8"
        )
        old = self.keys(
            f"SELECT id FROM charging_sessions_chargingsession WHERE team_id {team} ORDER BY started_at LIMIT 4"
        )
        newest = "(SELECT m.id FROM maintenance_message m WHERE m.station_id = s.id ORDER BY m.id {} LIMIT 1)"
        messages = [
            pk
            for which in ("DESC", "ASC")
            for pk in self.keys(
                f"SELECT {newest.format(which)} FROM chargers_chargingstation s WHERE s.team_id {team} "
                "ORDER BY md5(s.id::text) LIMIT 6"
            )
            if pk is not None
        ]
        commands = self.keys(
            f"SELECT c.id FROM operations_command c JOIN chargers_chargingstation s ON s.id = c.station_id WHERE "
            f"s.team_id {team} ORDER BY c.id DESC LIMIT 6"
        )
        tag = (
            self.keys(f"SELECT value FROM chargers_tag WHERE team_id {team} ORDER BY md5(value) LIMIT 2")
            or ["04NOTHING"] * 2
        )
        one = names[0]
        return {
            "dashboard": ["/", "/dashboard/live/"],
            "dashboard, sessions per day": [
                "/dashboard/sessions.json",
                f"/dashboard/sessions.json?from={_day(29)[:10]}&to={_day(0)[:10]}",
                f"/dashboard/sessions.json?from={_day(500)[:10]}&to={_day(409)[:10]}",
            ],
            "dashboard, power": ["/dashboard/power.json", f"/dashboard/power.json?day={_day(1)[:10]}"],
            "stations": [
                f"/stations/?{query}"
                for query in (
                    "", "page=2", "page=9999", "per_page=50", "sort=-identity", "sort=last_heard_at",
                    "sort=-last_heard_at&page=7", "sort=team", "sort=model&page=9999", "q=00042", "q=House 7", "q=zzz",
                    "presence=online", "presence=offline&page=3", "presence=unknown", "state=faulted",
                    "state=available&page=9999", "vendor=maker 3", "model=wallbox&page=5", "firmware_version=1.2",
                    f"added_since={_day(90)[:10]}",
                )
            ],
            "connectors": [
                f"/stations/connectors/?{query}"
                for query in (
                    "", "page=2", "page=9999", "per_page=50", "sort=-station", "sort=status_changed_at",
                    "sort=-status_changed_at&page=40", "q=00042", "q=House 7", "q=zzz", "state=faulted",
                    "state=available&page=9999", "state=unknown&page=9", "state=occupied", "status=Charging",
                    "status=Unavailable&page=9999",
                )
            ],
            "station": [f"/stations/{pk}/" for pk in stations] + [f"/stations/{pk}/live/" for pk in stations[:4]],
            "station, power": [f"/stations/{pk}/power.json" for pk in stations],
            "sessions": [
                f"/sessions/?{query}"
                for query in (
                    "", "page=2", "page=300", "page=2500", "page=99999", "per_page=50&page=1500", "sort=started_at",
                    "sort=started_at&page=4000", "sort=-energy_wh", "sort=max_power_w", "state=open",
                    "state=open&page=9999", "state=finished&page=2000", "state=flagged", "state=flagged&page=9999",
                    f"q={one}", f"q={one[:-2]}", "q=BENCH", "q=Card of", f"q={tag[0]}", f"q={tag[0][:6]}", "q=1234567",
                    "q=zzzz", f"station={one}", f"station={names[1]}&state=flagged", f"id_tag={tag[1].lower()}",
                    "id_tag=NOBODY", f"start={_day(400)}&end={_day(390)}",
                    f"start={_day(1000)}&end={_day(10)}&page=999",
                    f"start={_day(30)}&state=flagged", f"until={recent[4]}",
                )
            ],
            "session": [f"/sessions/{pk}/" for pk in recent + old] + [f"/sessions/{pk}/live/" for pk in recent[:4]],
            "session, chart": [f"/sessions/{pk}/chart.json" for pk in recent + old],
            "session, readings": [f"/sessions/{pk}/readings/?page={n}" for pk in recent for n in (1, 2, 99)],
            "commands": [
                f"/operate/commands/?{query}"
                for query in (
                    "", "page=2", "page=9999", f"q={one}", "q=BENCH", "q=00042&page=2", "q=zzz", "kind=reset",
                    "kind=data_transfer", "kind=unlock&page=9999", "state=failed", "state=confirmed&page=9999",
                )
            ],
            "command": [f"/operate/commands/{pk}/" for pk in commands],
            "tags to choose": [
                f"/operate/stations/{stations[0]}/tags/?id_tag={text}" for text in ("04", "04A1", "Card of", "zzz", "")
            ] if role in ("big", "small", "staff") else [],
            "messages": [
                f"/maintenance/messages/?{query}"
                for query in (
                    "", "page=2", "page=9999", "direction=out", "direction=out&page=9999", "action=Heartbeat",
                    "action=heartbeat&page=200", "action=FirmwareStatusNotification", "action=DataTransfer&page=9999",
                    "action=Nonsense", "answer=yes", "answer=yes&page=9999", f"q={one}", f"q={one}&page=200",
                    f"q={one[:-1]}", "q=BENCH", "q=BENCH&answer=yes", "q=zzz", f"start={_day(20)}&end={_day(19)}",
                    f"start={_day(20)}&end={_day(19)}&page=9999", f"q={one}&action=FirmwareStatusNotification",
                    f"start={_day(29)}", f"start={_day(29)}&action=FirmwareStatusNotification",
                    f"start={_day(29)}&answer=yes&q={one}", f"until={messages[0] if messages else 1}",
                )
            ],
            "message": [f"/maintenance/messages/{pk}/" for pk in messages],
            "deviations": [f"/maintenance/deviations/?{query}" for query in ("", "page=99", "q=0042")],
            "deviations by model": ["/maintenance/deviations/models/"],
            "security events": [f"/maintenance/security/?{query}" for query in ("", "page=999", "q=0042")],
            "missing energy": [
                f"/sessions/gaps/?{query}"
                for query in ("", "kind=missing&page=9", f"q={one}", "least=10", "sort=gap_wh")
            ],
            "refused connections": [
                f"/maintenance/refused/?{query}"
                for query in ("", "page=2", "page=9999", "q=X123", "q=10.0.0.7", "q=zzz", "cause=wrong_credentials",
                    "cause=storage", "cause=unknown_identity&page=999")
            ],
            "API tokens": ["/account/tokens/"],
        }  # fmt: skip

    def api(self, role: str) -> dict[str, list[str]]:
        team = TEAM_OF[role]
        one = self.keys(f"SELECT identity FROM chargers_chargingstation WHERE team_id {team} ORDER BY md5(identity)")[0]
        session = self.keys(
            f"SELECT id FROM charging_sessions_chargingsession WHERE team_id {team} ORDER BY started_at DESC LIMIT 3"
        )
        station = f"station={one}"
        queries = {
            "stations": ["", "q=0042", "presence=online", "presence=offline&page_size=500", "vendor=Maker 3",
                f"identity={one}", "q=zzz"],
            "connectors": ["", station, "status=Faulted", "status=Charging&page_size=500"],
            "sessions": ["", "page_size=500", station, "is_open=true", "is_open=false", "flag=offline",
                f"since={_day(400)}Z&until={_day(399)}Z", "id_tag=04aaaaaaaaaaaa", "closed_by=rule",
                "is_billable=false", f"{station}&has_flags=true"],
            "samples": ["", "page_size=500", station, f"session={session[0]}", f"since={_day(1)}Z",
                f"{station}&since={_day(10)}Z&until={_day(9)}Z", f"since={_day(20)}Z&until={_day(19)}Z"],
            "commands": ["", station, "kind=reset", "state=failed", f"since={_day(60)}Z&until={_day(59)}Z"],
            "messages": ["", "page_size=500", station, "has_error=true", f"{station}&has_error=true",
                "action=Heartbeat", "action=FirmwareStatusNotification", "action=Nonsense",
                f"message_id=1234567&{station}",
                f"since={_day(20)}Z&until={_day(19)}Z", "error_code=FormationViolation", "direction=out"],
        }  # fmt: skip
        told = {f"API {name}": [f"/api/v1/{name}/?{query}" for query in each] for name, each in queries.items()}
        told["API one"] = [
            f"/api/v1/stations/{one}/", f"/api/v1/stations/{one}/commands/",
            *(f"/api/v1/sessions/{pk}/" for pk in session),
        ]  # fmt: skip
        return told

    def admin(self) -> dict[str, list[str]]:
        day = "received_at_from_0={0}&received_at_from_1=00:00:00&received_at_to_0={1}&received_at_to_1=00:00:00"
        week = day.format(_day(14)[:10], _day(13)[:10])
        lists = {
            "accounts/user": ["", "q=person7", "p=20", "is_staff__exact=1", "memberships__team__id__exact=5"],
            "accounts/team": ["", "q=team 7"],
            "accounts/membership": ["", "q=person7", "role__exact=viewer&p=20"],
            "accounts/apitoken": [""],
            "chargers/chargingstation": ["", "q=0042", "presence=offline", "p=100", "o=-8", "q=zzz",
                "team__id__exact=1"],
            "chargers/connector": ["", "q=0042", "status__exact=Faulted", "p=200", "o=4"],
            "chargers/tag": ["", "q=04A", "p=1000", "q=Card of person 777", "team__id__exact=1",
                "status__exact=blocked"],
            "chargers/gatewaynode": [""],
            "chargers/oddity": ["", "q=0042", "kind__exact=poison", "p=100", "o=-1"],
            "charging_sessions/chargingsession": ["", "q=0042", "q=1234567", "p=100", "state=open", "p=5000",
                "state=completed&p=150", "has_flags__exact=1", "closed_by__exact=rule", "is_billable__exact=0",
                "team__id__exact=2", "tag__id__exact=777", "o=-6", "o=8",
                f"started_at_from_0={_day(500)[:10]}&started_at_from_1=00:00:00"],
            "charging_sessions/meterreading": ["", "q=0042", "p=100", "p=5000", "o=1", "o=-5", "q=BENCH-000001",
                f"at_from_0={_day(20)[:10]}&at_from_1=00:00:00&at_to_0={_day(19)[:10]}&at_to_1=00:00:00"],
            "charging_sessions/teampower": ["", "q=team 7", "p=100", "team__id__exact=2", "o=1"],
            "operations/command": ["", "q=0042", "state__exact=failed", "kind__exact=reset", "p=100"],
            "maintenance/message": ["", "q=BENCH-000042", "q=0042", "q=1234567", "p=100", "p=5000",
                "direction__exact=out", "direction__exact=out&p=100", week, f"{week}&p=50", "q=zzz", "o=1", "o=4"],
            "maintenance/inboxentry": ["", "state=failed"],
            "maintenance/inboxshard": [""],
            "maintenance/stationlink": ["", "q=0042", "p=100", "closed_at__isempty=1", "o=-1"],
            "maintenance/refusedconnection": ["", "q=X1234", "cause__exact=storage", "p=100"],
            "maintenance/securityevent": ["", "q=0042", week, "p=100"],
            "maintenance/progressreport": ["", "q=0042"],
            "maintenance/certificaterequest": ["", "q=0042"],
        }  # fmt: skip
        told = {f"admin {name}": [f"/admin/{name}/?{query}" for query in each] for name, each in lists.items()}
        told["admin index"] = ["/admin/"]
        rows = {
            "chargers/chargingstation": "SELECT id FROM chargers_chargingstation LIMIT 4",
            "charging_sessions/chargingsession": "SELECT max(id) FROM charging_sessions_chargingsession",
            "charging_sessions/meterreading": "SELECT max(id) FROM charging_sessions_meterreading",
            "maintenance/message": "SELECT max(id) FROM maintenance_message",
            "chargers/tag": "SELECT min(id) FROM chargers_tag",
            "accounts/team": "SELECT 1",
            "chargers/connector": "SELECT 1",
        }
        told["admin one"] = [f"/admin/{name}/{pk}/change/" for name, sql in rows.items() for pk in self.keys(sql)]
        pick = "/admin/autocomplete/?app_label={}&model_name={}&field_name={}&term={}"
        told["admin choices"] = [
            pick.format("chargers", "tag", "stations", "0042"),
            pick.format("chargers", "tag", "user", "person7"),
            pick.format("chargers", "chargingstation", "team", "team"),
            pick.format("chargers", "connector", "station", ""),
        ]
        told["admin delete, history"] = ["/admin/chargers/tag/5/history/", "/admin/chargers/tag/5/delete/"]
        return told


class Reader:
    """One person's browser or program."""

    def __init__(self, stack: Stack, role: str) -> None:
        self.http = httpx.Client(base_url=f"http://localhost:{stack.port}", timeout=120)
        self.stack, self.role = stack, role
        self.parts = {name: pid for name in ("portal", "postgres") if (pid := stack.pid(name)) is not None}

    def log_in(self) -> None:
        self.http.get("/account/login/")
        form = {
            "username": f"{self.role}@bench.example",
            "password": PASSWORD,
            "csrfmiddlewaretoken": self.http.cookies["csrftoken"],
        }
        answer = self.http.post("/account/login/", data=form, headers={"Referer": str(self.http.base_url)})
        if answer.status_code != 302:
            raise RuntimeError(f"{self.role} cannot log in: {answer.status_code}")

    def take_token(self) -> None:
        told = json.loads(self.stack.manage("add_token", f"{self.role}@bench.example", "--json"))
        self.http.headers["Authorization"] = f"Bearer {told['key']}"

    def measure(self, page: str, addresses: list[str], least: int = LEAST) -> Timing:
        timing, worst = Timing(self.role, page), 0.0
        self._ask(addresses[0])  # its template is compiled, its connection open
        before = sum(cpu_seconds(self.parts).values())
        rounds = -(-least // len(addresses))
        begun = time.monotonic()
        for number, address in enumerate(addresses * rounds):
            if number >= len(addresses) and time.monotonic() - begun > PATIENCE_SECONDS:
                break  # so slow that more of it tells no more
            took = self._ask(address)
            timing.times_ms.append(took)
            if took > LIMIT_MS * 0.75:
                timing.slow.append((took, address))
            if took > worst:
                worst, timing.worst = took, address
        timing.cpu_ms = (sum(cpu_seconds(self.parts).values()) - before) * 1000 / len(timing.times_ms)
        return timing

    def _ask(self, address: str) -> float:
        begun = time.perf_counter()
        answer = self.http.get(address)
        took = (time.perf_counter() - begun) * 1000
        if answer.status_code >= 500:
            return math.inf
        if answer.status_code not in (200, 302):  # the admin sends to its first page who asks too far
            raise RuntimeError(f"{self.role}: {address} gave {answer.status_code}: {answer.text[:300]}")
        return took

    def export(self, kind: str, address: str) -> Export:
        portal = psutil.Process(self.parts["portal"])
        base = most = _mib(portal)
        begun, first, size, lines = time.perf_counter(), 0.0, 0, 0
        before = cpu_seconds(self.parts)["portal"]
        with self.http.stream("GET", address, timeout=1200) as answer:
            answer.raise_for_status()
            looked = 0.0
            for part in answer.iter_raw():
                first = first or time.perf_counter() - begun
                size += len(part)
                lines += part.count(b"\n") if kind == "csv" else 0
                if (now := time.perf_counter()) - looked > 0.1:
                    looked, most = now, max(most, _mib(portal))
        took = time.perf_counter() - begun
        spent = cpu_seconds(self.parts)["portal"] - before
        return Export(kind, lines - 1, took, first, base, most, spent * 1e6)


def _mib(process: psutil.Process) -> float:
    return process.memory_info().rss / 2**20


def add_arguments(group: Any) -> None:
    group.add_argument("--pages", action="store_true", help="pages and exports of a big park, not the message load")
    group.add_argument("--messages", type=int, default=Size.messages, help="rows of the message log")
    group.add_argument("--sessions", type=int, default=Size.sessions)
    group.add_argument("--data", type=Path, help="keep the filled database here, or use the one that is here")
    group.add_argument("--only", default="", help="pages whose role and name hold this text; no report is written")
    group.add_argument("--no-exports", action="store_true")


def run(options: argparse.Namespace, machine: str, folder: Callable[[], AbstractContextManager[Path]], say: Say) -> int:
    size = Size(messages=options.messages, sessions=options.sessions)
    began = datetime.now(UTC).strftime("%d %b %Y %H:%M UTC")
    with nullcontext(options.data) if options.data else folder() as var:
        figures = measure_pages(var, say, size, machine, began, only=options.only, with_exports=not options.no_exports)
    if not options.only:
        write_pages(figures, options.report)
    return 0


def measure_pages(
    var: Path, say: Say, size: Size, machine: str, began: str, *, only: str = "", with_exports: bool = True
) -> PageFigures:
    """Bring up a stack in `var`, fill it when it is empty, and ask for everything."""
    figures = PageFigures(machine, began)
    extra = {"API_RATE": "1000000/min", "LOGIN_ATTEMPTS_PER_MINUTE": "1000", "STAFF_REQUIRES_TWO_FACTOR": "0"}
    with running_stack(var, extra=extra) as stack:
        filler = Filler(stack, size, say)
        if not filler.value("SELECT count(*) FROM chargers_chargingstation WHERE identity LIKE 'BENCH-%'"):
            say("Filling the park ...")
            filler.fill()
            stack.wait_until_it_answers()
        filler.reconnect()
        figures.counts = counts(filler)
        figures.gigabytes = filler.value("SELECT pg_database_size(current_database())") / 2**30
        say(f"  {figures.counts}, {figures.gigabytes:.1f} GiB")
        addresses = Addresses(filler)
        for timing in _all(stack, filler, addresses, only):
            figures.timings.append(timing)
            over = "  <-- " + timing.worst if timing.at(0.95) > LIMIT_MS else ""
            for took, address in sorted(timing.slow, reverse=True)[:6]:
                say(f"      {took:7.0f} {address}")
            say(
                f"  {timing.role:8} {timing.page:36} {timing.at(0.5):7.0f} {timing.at(0.95):7.0f} "
                f"{max(timing.times_ms):7.0f}  cpu {timing.cpu_ms:6.1f}{over}"
            )
        figures.load = f"{os.getloadavg()[1]:.1f}"
        if with_exports:
            for export in _exports(stack, filler):
                figures.exports.append(export)
                say(f"  {export} {export.per_second:,.0f} rows/s")
    return figures


def _all(stack: Stack, filler: Filler, addresses: Addresses, only: str) -> Iterator[Timing]:
    for role in PEOPLE:
        filler.freshen()
        reader = Reader(stack, role)
        reader.log_in()
        pages = addresses.portal(role) | (addresses.admin() if role == "staff" else {})
        for page, asked in pages.items():
            if asked and only in f"{role} {page}":
                yield reader.measure(page, asked)
        program = Reader(stack, role)
        program.take_token()
        for page, asked in addresses.api(role).items():
            if only in f"{role} {page}":
                yield program.measure(page, asked)


def _exports(stack: Stack, filler: Filler) -> Iterator[Export]:
    start = filler.value(
        "SELECT to_char(started_at AT TIME ZONE 'Europe/Berlin', 'YYYY-MM-DD\"T\"HH24:MI') FROM "
        "charging_sessions_chargingsession ORDER BY started_at DESC OFFSET 999500 LIMIT 1"  # whole minutes are added
    )
    rows = 0
    for kind in ("csv", "xlsx"):
        stack.kill("portal")  # a fresh one, so that its memory is what the export takes
        time.sleep(1)
        stack.wait_until_it_answers()
        reader = Reader(stack, "staff")
        reader.log_in()
        reader._ask("/sessions/")
        reader._ask("/sessions/?export=csv&id_tag=NOBODY")
        reader._ask("/sessions/?export=xlsx&id_tag=NOBODY")
        export = reader.export(kind, f"/sessions/?start={start}&export={kind}")
        rows = export.rows = rows or export.rows  # lines are not seen in a workbook
        export.cpu_us /= rows
        yield export
