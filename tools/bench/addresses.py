"""The URLs that each role requests when pages are measured, by name of the page."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from tools.bench.park import TEAMS, Filler

Pages = dict[str, list[str]]


def _day(days_ago: int) -> str:
    return (datetime.now(UTC) - timedelta(days=days_ago)).strftime("%Y-%m-%dT%H:%M")


TEAM_OF = {
    "staff": "> 0",
    "big": "= 1",
    "grouped": "= 1",
    "wide": "= 1",
    "owner": "= 1",
    "small": "= 2",
    "quiet": f"= (SELECT id FROM accounts_team WHERE handle = 'bench-{TEAMS}')",
    "several": "IN (3, 7, 8, 9)",
    "provider": "IN (3, 7, 8, 9)",
}
LIMITED_ROLES = {"grouped", "wide", "owner", "provider"}  # see only a part of a team, so they request no single rows


class Addresses:
    def __init__(self, filler: Filler) -> None:
        self.filler = filler

    def keys(self, sql: str) -> list[Any]:
        return [row[0] for row in self.filler.link.execute(sql).fetchall()]

    def portal(self, role: str) -> Pages:
        team = TEAM_OF[role]
        one, other = self.keys(
            f"SELECT identity FROM chargers_chargingstation WHERE team_id {team} ORDER BY md5(identity) LIMIT 2"
        )
        recent = self.keys(
            f"SELECT id FROM charging_sessions_chargingsession WHERE team_id {team} ORDER BY started_at DESC LIMIT 8"
        )
        messages = self._messages_of(team)
        pages = self._park(one) | self._of_sessions(team, one, other, recent) | self._log(one, messages) | self._user()
        return pages if role in LIMITED_ROLES else pages | self._rows(role, recent, messages)

    def _messages_of(self, team: str) -> list[int]:
        first = "(SELECT m.id FROM maintenance_message m WHERE m.station_id = s.id ORDER BY m.id {} LIMIT 1)"
        return [
            pk
            for order in ("DESC", "ASC")
            for pk in self.keys(
                f"SELECT {first.format(order)} FROM chargers_chargingstation s WHERE s.team_id {team} "
                "ORDER BY md5(s.id::text) LIMIT 6"
            )
            if pk is not None
        ]

    def _park(self, one: str) -> Pages:
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
            "commands": [
                f"/operate/commands/?{query}"
                for query in (
                    "", "page=2", "page=9999", f"q={one}", "q=BENCH", "q=00042&page=2", "q=zzz", "kind=reset",
                    "kind=data_transfer", "kind=unlock&page=9999", "state=failed", "state=confirmed&page=9999",
                )
            ],
            "installations": [f"/installations/?{query}" for query in ("", "q=Site 1", "q=zzz", "sort=-name")],
            "operations": ["/operate/remote-start/", "/operate/reset/", f"/operate/reset/?q={one[:-2]}"],
        }  # fmt: skip

    def _of_sessions(self, team: str, one: str, other: str, recent: list[int]) -> Pages:
        tag = (
            self.keys(f"SELECT value FROM chargers_tag WHERE team_id {team} ORDER BY md5(value) LIMIT 2")
            or ["04NOTHING"] * 2
        )
        return {
            "sessions": [
                f"/sessions/?{query}"
                for query in (
                    "", "page=2", "page=300", "page=2500", "page=99999", "per_page=50&page=1500", "sort=started_at",
                    "sort=started_at&page=4000", "sort=-energy_wh", "sort=max_power_w", "state=open",
                    "state=open&page=9999", "state=finished&page=2000", "state=flagged", "state=flagged&page=9999",
                    f"q={one}", f"q={one[:-2]}", "q=BENCH", "q=Card of", f"q={tag[0]}", f"q={tag[0][:6]}", "q=1234567",
                    "q=zzzz", f"station={one}", f"station={other}&state=flagged", f"id_tag={tag[1].lower()}",
                    "id_tag=NOBODY", f"start={_day(400)}&end={_day(390)}",
                    f"start={_day(1000)}&end={_day(10)}&page=999",
                    f"start={_day(30)}&state=flagged", f"until={recent[4]}",
                )
            ],
            "missing energy": [
                f"/sessions/gaps/?{query}"
                for query in ("", "kind=missing&page=9", f"q={one}", "least=10", "sort=gap_wh")
            ],
            "tags": [
                f"/stations/tags/?{query}"
                for query in ("", "page=2", "page=9999", f"q={tag[0][:6]}", "q=Card of", "q=zzz", "sort=-value")
            ],
        }  # fmt: skip

    def _log(self, one: str, messages: list[int]) -> Pages:
        return {
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
            "deviations": [f"/maintenance/deviations/?{query}" for query in ("", "page=99", "q=0042")],
            "deviations by model": ["/maintenance/deviations/models/"],
            "security events": [f"/maintenance/security/?{query}" for query in ("", "page=999", "q=0042")],
            "refused connections": [
                f"/maintenance/refused/?{query}"
                for query in ("", "page=2", "page=9999", "q=X123", "q=10.0.0.7", "q=zzz", "cause=wrong_credentials",
                    "cause=storage", "cause=unknown_identity&page=999")
            ],
        }  # fmt: skip

    def _user(self) -> Pages:
        texts = ("00042", "BENCH", "House 7", "person7", "04A", "Card of", "Site 1", "session", "zzz", "1234567")
        return {
            "search": [f"/search/?q={text}" for text in texts],
            "notifications": [f"/notifications/?{query}" for query in ("", "page=99")] + ["/notifications/bell/"],
            "groups": ["/groups/"],
            "access": [f"/access/?{query}" for query in ("", "q=person")],
            "account": ["/account/", "/account/security/"],
            "API tokens": ["/account/tokens/"],
        }

    def _rows(self, role: str, recent: list[int], messages: list[int]) -> Pages:
        """Return the pages of single rows, and those that only members of one team see."""
        team = TEAM_OF[role]
        stations = self.keys(
            f"SELECT id FROM chargers_chargingstation WHERE team_id {team} ORDER BY md5(id::text) LIMIT 12"
        )
        old = self.keys(
            f"SELECT id FROM charging_sessions_chargingsession WHERE team_id {team} ORDER BY started_at LIMIT 4"
        )
        commands = self.keys(
            f"SELECT c.id FROM operations_command c JOIN chargers_chargingstation s ON s.id = c.station_id WHERE "
            f"s.team_id {team} ORDER BY c.id DESC LIMIT 6"
        )
        pages = {
            "station": [f"/stations/{pk}/" for pk in stations] + [f"/stations/{pk}/live/" for pk in stations[:4]],
            "station, power": [f"/stations/{pk}/power.json" for pk in stations],
            "session": [f"/sessions/{pk}/" for pk in recent + old] + [f"/sessions/{pk}/live/" for pk in recent[:4]],
            "session, chart": [f"/sessions/{pk}/chart.json" for pk in recent + old],
            "session, readings": [f"/sessions/{pk}/readings/?page={n}" for pk in recent for n in (1, 2, 99)],
            "command": [f"/operate/commands/{pk}/" for pk in commands],
            "message": [f"/maintenance/messages/{pk}/" for pk in messages],
        }
        if role in ("big", "small", "staff"):
            pages["tags to choose"] = [
                f"/operate/stations/{stations[0]}/tags/?id_tag={text}" for text in ("04", "04A1", "Card of", "zzz", "")
            ]
        if role == "big":
            pages["users"] = [f"/settings/users/?{query}" for query in ("", "page=9999", "q=person7", "q=zzz")]
            pages["audit log"] = [f"/team/audit/?{query}" for query in ("", "page=9999", "q=person7", "action=update")]
            pages["team"] = ["/team/", "/team/teammates/", "/team/programs/", "/team/branding/"]
        return pages

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
        pages = {f"API {name}": [f"/api/v1/{name}/?{query}" for query in each] for name, each in queries.items()}
        pages["API one"] = [
            f"/api/v1/stations/{one}/", f"/api/v1/stations/{one}/commands/",
            *(f"/api/v1/sessions/{pk}/" for pk in session),
        ]  # fmt: skip
        return pages

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
        pages = {f"admin {name}": [f"/admin/{name}/?{query}" for query in each] for name, each in lists.items()}
        pages["admin index"] = ["/admin/"]
        rows = {
            "chargers/chargingstation": "SELECT id FROM chargers_chargingstation LIMIT 4",
            "charging_sessions/chargingsession": "SELECT max(id) FROM charging_sessions_chargingsession",
            "charging_sessions/meterreading": "SELECT max(id) FROM charging_sessions_meterreading",
            "maintenance/message": "SELECT max(id) FROM maintenance_message",
            "chargers/tag": "SELECT min(id) FROM chargers_tag",
            "accounts/team": "SELECT 1",
            "chargers/connector": "SELECT 1",
        }
        pages["admin one"] = [f"/admin/{name}/{pk}/change/" for name, sql in rows.items() for pk in self.keys(sql)]
        pick = "/admin/autocomplete/?app_label={}&model_name={}&field_name={}&term={}"
        pages["admin choices"] = [
            pick.format("chargers", "tag", "stations", "0042"),
            pick.format("chargers", "tag", "user", "person7"),
            pick.format("chargers", "chargingstation", "team", "team"),
            pick.format("chargers", "connector", "station", ""),
        ]
        pages["admin delete, history"] = ["/admin/chargers/tag/5/history/", "/admin/chargers/tag/5/delete/"]
        return pages
