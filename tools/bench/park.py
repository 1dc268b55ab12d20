"""Fill a private PostgreSQL with a big park. The database itself generates the rows, distributed as in reality.

One team has 3,000 stations, one has six, one has four that are offline; the others share the rest. There are sessions
of three years, more of them recent, meter readings of the last 30 days, a message log of 30 daily partitions, and other
data in proportion.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg

if TYPE_CHECKING:
    from tools.stack import Stack

BIG, SMALL, TEAMS = 3_000, 6, 51
DAYS = 30  # of messages and meter readings
PASSWORD = "a password for the bench"  # noqa: S105 - of a disposable database
USERS = {  # name -> team, role in it, support staff
    "staff": ("bench-3", "viewer", True),
    "big": ("bench-1", "admin", False),
    "small": ("bench-2", "operator", False),
    "quiet": ("bench-51", "viewer", False),  # four stations that have been offline for weeks
    "several": ("bench-3", "viewer", False),  # and three other teams
    "provider": ("bench-3", "viewer", False),  # in the same four teams, has selected one of them
    "grouped": ("bench-1", "operator", False),  # has selected a group of 900 stations
    "wide": ("bench-1", "operator", False),  # has selected a group of 2,500 stations
    "owner": ("bench-50", "viewer", False),  # has a grant to an installation with 500 stations
}
GROUPS = {"grouped": 900, "wide": 2_500}
GRANTED = 500
DEFAULTS = {
    "character varying": "''", "text": "''", "boolean": "false", "jsonb": "'[]'::jsonb",
    "timestamp with time zone": "now()", "uuid": "gen_random_uuid()",
}  # fmt: skip


@dataclass(frozen=True)
class Size:
    stations: int = 10_000
    sessions: int = 5_000_000
    messages: int = 20_000_000
    readings_per_session: int = 50
    tags: int = 100_000
    power_days: int = 400


class Filler:
    def __init__(self, stack: Stack, size: Size, say: Callable[[str], None]) -> None:
        self.stack, self.size, self.say = stack, size, say
        self.link = psycopg.connect(stack.postgres.url, autocommit=True, prepare_threshold=None)

    def fill(self) -> None:
        started = time.monotonic()
        self._reduce_wal()
        for step in (
            self._users, self._stations, self._shares, self._tags, self._sessions, self._readings, self._messages,
            self._power, self._rest,
        ):  # fmt: skip
            step_started = time.monotonic()
            step()
            self.say(f"  {step.__name__.strip('_')}: {time.monotonic() - step_started:.0f} s")
        self.link.execute("VACUUM (ANALYZE)")
        self.say(f"  filled in {time.monotonic() - started:.0f} s")

    def _reduce_wal(self) -> None:
        """Restart PostgreSQL so that it writes new tables without the write-ahead log."""
        self.link.execute("ALTER SYSTEM SET wal_level = 'minimal'")
        self.link.execute("ALTER SYSTEM SET max_wal_senders = 0")
        self.link.execute("ALTER SYSTEM SET log_min_duration_statement = '150ms'")
        self.link.close()
        self.stack.kill("postgres")
        self.reconnect()

    def reconnect(self) -> None:
        """Connect again, with foreign key triggers switched off."""
        for _ in range(600):
            try:
                self.link = psycopg.connect(self.stack.postgres.url, autocommit=True, prepare_threshold=None)
                break
            except psycopg.OperationalError:
                time.sleep(0.1)
        for setting in (
            "session_replication_role = replica", "synchronous_commit = off", "maintenance_work_mem = '1GB'",
            "work_mem = '256MB'", "max_parallel_maintenance_workers = 1",
        ):  # fmt: skip
            self.link.execute(f"SET {setting}")
        self.link.execute("SELECT setseed(0.42)")

    def insert(self, table: str, source: str, **columns: str) -> None:
        """Run INSERT ... SELECT. Required columns that are not named get a default of their type."""
        required = self.link.execute(
            "SELECT column_name, data_type FROM information_schema.columns WHERE table_schema = 'public' "
            "AND table_name = %s AND is_nullable = 'NO' AND column_default IS NULL AND is_identity = 'NO'",
            [table],
        ).fetchall()
        for name, kind in required:
            columns.setdefault(name, DEFAULTS.get(kind, "0"))
        names = ", ".join(f'"{name}"' for name in columns)
        self.link.execute(f"INSERT INTO {table} ({names}) SELECT {', '.join(columns.values())} FROM {source}")

    @contextmanager
    def without_indexes(self, table: str) -> Iterator[None]:
        found = self.link.execute(
            "SELECT indexname, indexdef FROM pg_indexes WHERE tablename = %s AND NOT EXISTS "
            "(SELECT 1 FROM pg_constraint WHERE conindid = indexname::regclass)",
            [table],
        ).fetchall()
        for name, _definition in found:
            self.link.execute(f'DROP INDEX "{name}"')
        yield
        for _name, definition in found:
            self.link.execute(definition)

    # --- steps --------------------------------------------------------------------------------------------------

    def _users(self) -> None:
        self.insert(
            "accounts_team", f"generate_series(1, {TEAMS}) n", handle="'bench-' || n", name="'Team ' || n",
            created_at="now() - interval '3 years'",
        )  # fmt: skip
        for name, (team, role, is_staff) in USERS.items():
            arguments = ["add_user", f"{name}@bench.example", "--password", PASSWORD, "--team", team, "--role", role]
            self.stack.manage(*arguments, *(["--staff"] if is_staff else []))
        for name, number in ((name, number) for name in ("several", "provider") for number in (7, 8, 9)):
            options = ["--password", PASSWORD, "--team", f"bench-{number}", "--role", "viewer"]
            self.stack.manage("add_user", f"{name}@bench.example", *options)
        self.insert("accounts_user", "generate_series(1, 3000) n", email="'person' || n || '@bench.example'")
        self.insert(
            "accounts_membership", "accounts_user WHERE email LIKE 'person%'", user_id="id",
            team_id=f"1 + id % {TEAMS}", role="'viewer'",
        )  # fmt: skip

    def _stations(self) -> None:
        count = self.size.stations
        self.insert(
            "chargers_chargingstation", f"generate_series(1, {count}) n",
            identity="'BENCH-' || lpad(n::text, 6, '0')", name="'House ' || n % 97 || ', row ' || n % 13",
            team_id=f"CASE WHEN n <= {BIG} THEN 1 WHEN n <= {BIG + SMALL} THEN 2 "
            f"WHEN n > {count - 20} AND n % 10 > 7 THEN {TEAMS} ELSE 3 + n % {TEAMS - 3} END",
            protocol="'1.6'", registration="'accepted'", vendor="'Maker ' || n % 7", model="'Wallbox ' || n % 23",
            serial_number="'SN' || (n::bigint * 7919)", charge_box_serial_number="'CB' || n",
            firmware_version="'1.' || n % 5 || '.' || n % 11", booted_at="now() - random() * interval '60 days'",
            boot_count="(random() * 40)::int", epoch="10", status="'Available'", error_code="'NoError'",
            connected_at="CASE WHEN n % 10 < 9 THEN now() - random() * interval '20 days' END",
            disconnected_at="CASE WHEN n % 10 = 8 THEN now() - random() * interval '20 days' END",
            last_heard_at="CASE WHEN n % 10 < 8 THEN now() WHEN n % 10 = 8 THEN now() - random() * interval '20 days' "
            "END",
            created_at="now() - random() * interval '3 years'", clock_offset_ms="(random() * 2000)::int",
        )  # fmt: skip
        statuses = ["Available"] * 13 + ["Charging"] * 3 + ["Preparing", "SuspendedEV", "Finishing", "Unavailable"]
        array = "ARRAY['" + "','".join(statuses) + "']"
        self.insert(
            "chargers_connector",
            "(SELECT s.id AS station, c, random() AS chance "
            "FROM chargers_chargingstation s, generate_series(1, 2) c) r",
            station_id="station", number="c",
            status=f"CASE WHEN chance < 0.004 THEN 'Faulted' WHEN station % 10 = 9 THEN '' "
            f"ELSE ({array})[1 + floor(chance * {len(statuses)})::int] END",
            error_code="CASE WHEN chance < 0.004 THEN 'GroundFailure' ELSE 'NoError' END",
            status_changed_at="now() - random() * interval '5 days'", reported_at="now()",
        )  # fmt: skip

    def _shares(self) -> None:
        """Add installations of ten stations and one of many, groups, grants, notifications and the audit log."""
        self.insert(
            "chargers_installation", "chargers_chargingstation GROUP BY team_id, id / 10", team_id="team_id",
            name="'Site ' || id / 10 || ' of ' || team_id", city="'City ' || id / 10 % 90", created_at="now()",
        )  # fmt: skip
        self.link.execute(
            "UPDATE chargers_chargingstation s SET installation_id = i.id FROM chargers_installation i "
            f"WHERE i.name = 'Site ' || (CASE WHEN s.id <= {GRANTED} THEN 0 ELSE s.id / 10 END) || ' of ' || s.team_id"
        )
        user = "(SELECT id FROM accounts_user WHERE email = '{}@bench.example')"
        self.insert(
            "accounts_grant", "chargers_installation WHERE name = 'Site 0 of 1'", role="'owner'", created_at="now()",
            installation_id="id", user_id=user.format("owner"), team_id="1",
        )  # fmt: skip
        for name, size in GROUPS.items():
            owner = user.format(name)
            self.insert("chargers_stationgroup", "(SELECT 1) one", name=f"'{name}'", user_id=owner)
            self.insert(
                "chargers_stationgroup_stations", f"chargers_chargingstation WHERE id <= {size}",
                stationgroup_id=f"(SELECT id FROM chargers_stationgroup WHERE user_id = {owner})",
                chargingstation_id="id",
            )  # fmt: skip
        self.insert(
            "maintenance_notification", "accounts_user u, generate_series(1, 200) n WHERE u.email NOT LIKE 'person%'",
            kind="'alarm'", key="'k' || n", parameters="'{}'::jsonb", user_id="u.id", station_id="n",
            created_at="now() - n * interval '1 hour'",
        )  # fmt: skip
        self.insert(
            "accounts_auditentry", "generate_series(1, 500000) n", object_pk="n::text", object_id="n",
            object_repr="'BENCH-' || n", action="1", changes="'{\"name\": [\"a\", \"b\"]}'::jsonb",
            timestamp="now() - (500000 - n) * interval '3 minutes'",
            actor_email="'person' || n % 3000 || '@bench.example'",
            content_type_id="(SELECT id FROM django_content_type WHERE model = 'chargingstation')",
            team_id=f"1 + n % {TEAMS}",
        )  # fmt: skip

    def _tags(self) -> None:
        self.insert(
            "chargers_tag",
            f"(SELECT n, 1 + floor((n - 1)::numeric * {self.size.stations} / {self.size.tags})::int AS station "
            f"FROM generate_series(1, {self.size.tags}) n) t JOIN chargers_chargingstation s ON s.id = t.station "
            "ORDER BY s.team_id, n",
            team_id="s.team_id", value="'04' || upper(substr(md5(n::text), 1, 12))",
            label="CASE WHEN n % 3 = 0 THEN 'Card of person ' || n ELSE '' END", status="'accepted'", kind="'other'",
            created_at="now() - random() * interval '3 years'",
        )  # fmt: skip
        self.link.execute(
            "CREATE UNLOGGED TABLE bench_tags AS SELECT team_id, min(id) AS first, count(*)::int AS count "
            "FROM chargers_tag GROUP BY team_id"
        )

    def _sessions(self) -> None:
        total, step = self.size.sessions, 500_000
        years = "interval '1095 days'"
        flags = "ARRAY['\"unauthorised\"','\"reconstructed\"','\"offline\"','\"energy_mismatch\"','\"closed_by_rule\"']"
        with self.without_indexes("charging_sessions_chargingsession"):
            for first in range(1, total + 1, step):
                last = min(total, first + step - 1)
                rows = f"""(
                    SELECT n, station, team_id, id_tag, tag, at, at + length AS ends, (length_s * watts / 3600)::bigint
                        AS wh, watts, chance, register
                    FROM (
                        SELECT n, d.station, s.team_id, g.value AS id_tag,
                            CASE WHEN d.other < 0.95 THEN g.id END AS tag,
                            now() - {years} + {years} * power(n::float8 / {total}, 0.667) * 0.9998 AS at,
                            d.length_s, d.length_s * interval '1 second' AS length, d.watts, d.chance, d.register
                        FROM (
                            SELECT n, 1 + floor({self.size.stations} * power(random(), 1.3))::int AS station,
                                random() AS pick, random() AS other, (600 + 20000 * random())::int AS length_s,
                                (1400 + 20600 * random())::int AS watts, random() AS chance,
                                (random() * 50000000)::bigint AS register
                            FROM generate_series({first}, {last}) n
                        ) d
                        JOIN chargers_chargingstation s ON s.id = d.station
                        JOIN bench_tags b ON b.team_id = s.team_id
                        JOIN chargers_tag g ON g.id = b.first + floor(d.pick * b.count)::int
                    ) e ORDER BY n
                ) f"""
                self.insert(
                    "charging_sessions_chargingsession", rows,
                    team_id="team_id", station_id="station", connector_number="1 + (n % 2)", id_tag="id_tag",
                    tag_id="tag", authorization="'Accepted'", is_billable="chance > 0.01",
                    started_at="at", start_received_at="at + interval '1 second'", meter_start_wh="register",
                    stopped_at="least(ends, now())", stop_received_at="least(ends, now())",
                    meter_stop_wh="register + wh", stop_reason="(ARRAY['Local','EVDisconnected','Remote'])[1 + n % 3]",
                    closed_by="'station'", energy_wh="wh", last_register_wh="register + wh",
                    last_sample_at="least(ends, now())", max_power_w="watts",
                    sample_count="50",
                    flags=f"CASE WHEN chance < 0.01 THEN ('[' || ({flags})[1 + n % 5] || ']')::jsonb "
                    "ELSE '[]'::jsonb END",
                    has_flags="chance < 0.01",
                )  # fmt: skip
                self.say(f"    {last:,} sessions")
            self._open_sessions()

    def _open_sessions(self) -> None:
        """Add a session at each charging connector of the connected stations."""
        self.insert(
            "charging_sessions_chargingsession",
            "(SELECT c.station_id, c.number, s.team_id, g.value, g.id AS tag, random() AS chance "
            "FROM chargers_connector c JOIN chargers_chargingstation s ON s.id = c.station_id "
            "JOIN bench_tags b ON b.team_id = s.team_id JOIN chargers_tag g ON g.id = b.first + c.id % b.count "
            "WHERE c.status = 'Charging' AND s.id % 10 < 8) r",
            team_id="team_id", station_id="station_id", connector_number="number", id_tag="value", tag_id="tag",
            is_billable="true", started_at="now() - chance * interval '4 hours'",
            start_received_at="now() - chance * interval '4 hours'", meter_start_wh="1000",
            energy_wh="(chance * 30000)::int", last_register_wh="1000 + (chance * 30000)::int", last_sample_at="now()",
            power_w="(chance * 22000)::int", max_power_w="22000", sample_count="100", flags="'[]'::jsonb",
            authorization="'Accepted'",
        )  # fmt: skip

    def _readings(self) -> None:
        values = (
            """('[{"value":"' || wh || '","unit":"Wh","context":"Sample.Periodic","measurand":"""
            """"Energy.Active.Import.Register"},{"value":"' || watts || '","unit":"W","context":"Sample.Periodic","""
            """"measurand":"Power.Active.Import"},{"value":"16.1","unit":"A","phase":"L1","measurand":"""
            """"Current.Import"}]')::jsonb"""
        )
        count = self.size.readings_per_session
        with self.without_indexes("charging_sessions_meterreading"):
            for day in range(DAYS, -1, -1):
                begin, end = f"now() - interval '{day} days'", f"now() - interval '{day - 1} days'"
                self.insert(
                    "charging_sessions_meterreading",
                    f"""(SELECT s.id, station_id, connector_number, k, started_at + (coalesce(stopped_at, now()) -
                        started_at) * k / {count} AS at, meter_start_wh + energy_wh * k / {count} AS wh, max_power_w AS
                        watts FROM charging_sessions_chargingsession s, generate_series(0, {count - 1}) k
                        WHERE started_at >= {begin} AND started_at < {end} ORDER BY at) r""",
                    station_id="station_id", connector_number="connector_number", session_id="id", at="at",
                    values=values, energy_wh="wh", power_w="watts", offered_w="22000",
                    current_ma="""'{"L1": 16100, "L2": 15900, "L3": 16000}'::jsonb""",
                )  # fmt: skip
            self.insert(
                "charging_sessions_meterreading",
                "(SELECT s.id, k FROM chargers_chargingstation s, generate_series(1, 96) k WHERE s.id % 10 = 0) r",
                station_id="id", connector_number="1", at="now() - k * interval '15 minutes'", values="'[]'::jsonb",
                energy_wh="100000 - k",
            )  # fmt: skip

    def _messages(self) -> None:
        """Add one partition a day, filled before it is attached, so that it is written without the write-ahead log."""
        per_day = self.size.messages // DAYS
        sampled = (
            """'{"connectorId":' || 1 + n % 2 || ',"transactionId":' || n % 5000000 || ',"meterValue":[{"""
            """"timestamp":"'"""
            """ || to_char(at, 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || '","sampledValue":[{"value":"' || n % 9999999 ||"""
            """'","measurand":"Energy.Active.Import.Register","unit":"Wh"},{"value":"7210.5","measurand":"""
            """"Power.Active.Import","unit":"W"}]}]}'"""
        )
        kind = (
            "CASE WHEN c < 0.6 THEN 'MeterValues' WHEN c < 0.85 THEN 'Heartbeat' WHEN c < 0.95 THEN "
            "'StatusNotification' WHEN c < 0.965 THEN 'Authorize' WHEN c < 0.98 THEN 'StartTransaction' "
            "WHEN c < 0.995 THEN 'StopTransaction' WHEN c < 0.9999 THEN 'DataTransfer' ELSE "
            "'FirmwareStatusNotification' END"
        )
        for number in range(DAYS):
            back, first = DAYS - 1 - number, 1 + number * per_day
            ((name, low, high),) = self.link.execute(
                "SELECT to_char(day, 'YYYYMMDD'), day, day + interval '1 day' FROM (SELECT date_trunc('day', now()) - "
                "%s * interval '1 day' AS day) d",
                [back],
            ).fetchall()
            table = f"maintenance_message_{name}"
            with self.link.transaction():
                self.link.execute("SET LOCAL client_min_messages = error")
                self.link.execute(f"DROP TABLE IF EXISTS {table}")
                self.link.execute(
                    f"CREATE TABLE {table} (LIKE maintenance_message INCLUDING DEFAULTS INCLUDING CONSTRAINTS)"
                )
                until = "now()" if back == 0 else f"'{high}'::timestamptz"
                self.insert(
                    table,
                    f"""(SELECT n, at, c, e, {kind} AS kind, station, message FROM (
                        SELECT n, '{low}'::timestamptz + ({until} - '{low}'::timestamptz) *
                        ((n - {first})::float8 / {per_day}) AS at, random() AS c, random() AS e,
                        floor(random() * {self.size.stations} * 0.8)::int AS pick, n::text AS message
                        FROM generate_series({first}, {first + per_day - 1}) n) r
                        CROSS JOIN LATERAL (SELECT greatest(1, pick / 8 * 10 + pick % 8) AS station) s
                        WHERE NOT (station = {BIG + 3} AND {back} < 20)) t""",
                    id="n", received_at="at", direction="CASE WHEN e > 0.99 THEN 'out' ELSE 'in' END", action="kind",
                    message_id="message", station_id="station", epoch="10",
                    payload=f"CASE kind WHEN 'MeterValues' THEN {sampled} WHEN 'Heartbeat' THEN '{{}}' WHEN "
                    """'StatusNotification' THEN '{"connectorId":1,"status":"Available","errorCode":"NoError"}' """
                    """ELSE '{"idTag":"04ABCDEF012345","connectorId":1,"meterStart":4711}' END""",
                    answer="CASE kind WHEN 'Heartbeat' THEN '{\"currentTime\":\"2026-01-01T00:00:00Z\"}' ELSE '{}' END",
                    error_code="CASE WHEN e < 0.001 THEN 'FormationViolation' ELSE '' END",
                )  # fmt: skip
                self.link.execute(
                    f"ALTER TABLE maintenance_message ATTACH PARTITION {table} FOR VALUES FROM ('{low}') TO ('{high}')"
                )
            self.say(f"    {(number + 1) * per_day:,} messages")
        self.link.execute(
            "SELECT setval(pg_get_serial_sequence('maintenance_message', 'id'), %s)", [self.size.messages + 1]
        )

    def _power(self) -> None:
        # in one transaction, since the worker adds a row every minute
        with self.link.transaction(), self.without_indexes("charging_sessions_teampower"):
            self.link.execute("TRUNCATE charging_sessions_teampower")
            self.insert(
                "charging_sessions_teampower",
                f"generate_series(date_trunc('minute', now()) - interval '{self.size.power_days} days', now(), "
                "interval '1 minute') at, accounts_team t",
                team_id="t.id", at="at", power_w="(random() * 200000)::int", session_count="(random() * 30)::int",
            )  # fmt: skip

    def _rest(self) -> None:
        some, park = "1 + floor(random() * {0})::int", self.size.stations
        station = some.format(park)
        ago = "now() - random() * interval '90 days'"
        kinds = "ARRAY['remote_start','remote_stop','reset','unlock','trigger_message','get_configuration']"
        self.insert(
            "operations_command", "generate_series(1, 300000) n", station_id=station, state="'confirmed'",
            kind=f"({kinds})[1 + n % 6]", parameters="'{}'::jsonb", requested_by_id="1",
            requested_at="now() - (300000 - n) * interval '90 days' / 300000", expires_at="now()", sent_at="now()",
            settled_at="now()", message_id="'m' || n", action="'Reset'",
        )  # fmt: skip
        self.insert(
            "chargers_oddity", "generate_series(1, 100000) n", station_id=station, kind="'unreadable'",
            action="'MeterValues'", note="'A value'", payload="'{}'", digest="md5(n::text)", received_at=ago,
        )  # fmt: skip
        self.insert(
            "maintenance_deviation",
            f"(SELECT n, 1 + n % {park} AS station FROM generate_series(1, 100000) n) r",
            station_id="station",
            action="'MeterValues'",
            what="'rule ' || n",
            count="n",
            first_at=ago,
            last_at="now() - n * interval '20 seconds'",
        )
        self.insert(
            "maintenance_stationlink", "generate_series(1, 500000) n", station_id=f"1 + n % {park}",
            epoch=f"n / {park}",
            node="'gone'", remote_address="'10.0.0.' || n % 250", subprotocol="'ocpp1.6'",
            opened_at="now() - (500000 - n) * interval '90 days' / 500000", closed_at="now()", close_code="1000",
        )  # fmt: skip
        self.insert(
            "maintenance_refusedconnection", "(SELECT n, random() AS c FROM generate_series(1, 100000) n) r",
            cause="CASE WHEN c < 0.5 THEN 'wrong_credentials' ELSE 'unknown_identity' END", path="'/ocpp/X' || n",
            identity="'X' || n", station_id=f"CASE WHEN c < 0.5 THEN {station} END",
            remote_address="'10.0.0.' || n % 250", hour="now()", first_at="now() - c * interval '90 days'",
            last_at="now() - c * interval '90 days'", count="3",
        )  # fmt: skip
        self.insert(
            "maintenance_securityevent", "generate_series(1, 200000) n", station_id=station,
            type="'StartupOfTheDevice'",
            is_critical="true",
            acknowledged_at="CASE WHEN n > 20000 THEN now() END",
            at="now() - n * interval '30 seconds'", received_at="now() - n * interval '30 seconds'",
        )  # fmt: skip
        self.insert(
            "maintenance_progressreport", "generate_series(1, 50000) n", station_id=station, job="'firmware'",
            status="'Downloaded'", received_at=ago, message_id="n",
        )  # fmt: skip
        self.insert(
            "maintenance_certificaterequest", "generate_series(1, 5000) n", station_id=station, csr="'pem'",
            digest="md5(n::text)", received_at=ago,
        )  # fmt: skip

    # --- before measuring ---------------------------------------------------------------------------------------

    def refresh(self) -> None:
        """Mark four fifths of the stations as connected, and open sessions as measured, just now."""
        self.link.execute(
            "UPDATE chargers_chargingstation SET last_heard_at = now(), disconnected_at = NULL, node_id = "
            "(SELECT id FROM chargers_gatewaynode ORDER BY alive_at DESC LIMIT 1) WHERE id % 10 < 8"
        )
        self.link.execute(
            "UPDATE charging_sessions_chargingsession SET last_sample_at = now() WHERE stopped_at IS NULL"
        )

    def value(self, sql: str) -> Any:
        row = self.link.execute(sql).fetchone()
        return row[0] if row else None


def counts(filler: Filler) -> dict[str, int]:
    """Return the actual numbers of rows."""
    names = {
        "stations": "chargers_chargingstation", "sessions": "charging_sessions_chargingsession",
        "meter readings": "charging_sessions_meterreading", "log rows": "maintenance_message", "tags": "chargers_tag",
        "minutes of power": "charging_sessions_teampower", "commands": "operations_command",
    }  # fmt: skip
    return {
        name: int(
            filler.value(
                "SELECT sum(greatest(c.reltuples, 0)) FROM pg_partition_tree("
                f"'{table}'::regclass) t JOIN pg_class c ON c.oid = t.relid WHERE t.isleaf"
            )
            or filler.value(f"SELECT count(*) FROM {table}")
        )
        for name, table in names.items()
    }
