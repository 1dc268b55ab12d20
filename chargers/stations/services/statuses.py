"""Record the statuses that stations report of themselves and their connectors.

Reports may arrive in any order; the newest one is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

import orjson
from django.db.models import QuerySet

from chargers.anomalies.models import Oddity
from chargers.anomalies.services import record_anomaly
from chargers.events.services import NewEvent, end_faults, fault_event, record_events
from chargers.stations.models import ChargingStation, Connector
from cpms.common.database.batches import insert_new_rows, update_rows
from cpms.common.database.prepared import Prepared, among

FIRST_YEAR = 2015
MAX_CONNECTORS = 100  # of one station

CONNECTOR_COLUMNS = {
    "status": "varchar",
    "error_code": "varchar",
    "info": "varchar",
    "vendor_error_code": "varchar",
    "status_changed_at": "timestamptz",
    "reported_at": "timestamptz",
    "as_reported": "jsonb",
}
MAX_TEXT_LENGTH = 255  # of the columns


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The status of one connector, or of the whole station if `connector` is 0.

    Attributes:
        status: one of `ConnectorStatus`; empty if the station sent an unknown one.
        at: by the station's clock; the time of arrival if that is missing or unreadable.
        as_reported: what the station sent as status and error code where OCPP does not define it.
    """

    station_id: int
    connector: int
    status: str
    at: datetime
    received_at: datetime
    error_code: str = ""
    info: str = ""
    vendor_error_code: str = ""
    as_reported: Mapping[str, str] = field(default_factory=dict)

    @property
    def as_reported_json(self) -> str:
        return orjson.dumps(dict(self.as_reported)).decode() if self.as_reported else "{}"


@Prepared
def _known_stations(ids: Any) -> QuerySet[ChargingStation, tuple[int, datetime | None]]:
    rows = ChargingStation.objects.filter(among("id", ids)).order_by()
    return rows.values_list("pk", "status_changed_at")


@Prepared
def _connectors_of(ids: Any) -> QuerySet[Connector]:
    return Connector.objects.filter(among("station_id", ids)).order_by()


def record_statuses(reports: Sequence[StatusReport]) -> list[StatusReport]:
    """Store the newest report of each connector: a station that was offline repeats old ones.

    Returns:
        the reports that were stored; older ones are ignored.
    """
    newest: dict[tuple[int, int], StatusReport] = {}
    for report in map(_with_possible_time, reports):
        key = report.station_id, report.connector
        if key not in newest or newest[key].at <= report.at:
            newest[key] = report
    of_stations = [report for report in newest.values() if report.connector == 0]
    of_connectors = [report for report in newest.values() if report.connector > 0]
    return _record_stations(of_stations) + _record_connectors(of_connectors)


def _with_possible_time(report: StatusReport) -> StatusReport:
    """Replace an implausible time by the time of arrival.

    A status from a clock that runs ahead would hide every later status once the clock is corrected, and a time before
    OCPP 1.6 comes from a clock that was never set.
    """
    if report.at <= report.received_at and report.at.year >= FIRST_YEAR:
        return report
    return replace(report, at=report.received_at)


def ensure_connectors(keys: Sequence[tuple[int, int]]) -> None:
    """Create the connectors (station id, number) that stations have mentioned and that do not exist yet.

    Numbers above `MAX_CONNECTORS` get no row, since a faulty station could create any number of rows. They are recorded
    as an anomaly, once.
    """
    for station_id, number in {station_id: number for station_id, number in keys if number > MAX_CONNECTORS}.items():
        note = f"The station mentioned connector {number}; numbers above {MAX_CONNECTORS} are not listed."
        record_anomaly(station_id=station_id, kind=Oddity.Kind.UNKNOWN_CONNECTOR, note=note)
    keys = [(station_id, number) for station_id, number in keys if number <= MAX_CONNECTORS]
    insert_new_rows(
        "chargers_connector",
        {"station_id": "bigint", "number": "int", "status": "varchar", "error_code": "varchar", "info": "varchar",
         "vendor_error_code": "varchar", "as_reported": "jsonb"},
        [(*key, "", "", "", "", "{}") for key in sorted(set(keys))],
        ["id"],
    )  # fmt: skip


def _record_stations(reports: list[StatusReport]) -> list[StatusReport]:
    if not reports:
        return []
    known = dict(_known_stations(ids={report.station_id for report in reports}))
    fresh = [r for r in reports if r.station_id in known and not _is_older(r.at, known[r.station_id])]
    update_rows(
        "chargers_chargingstation",
        {"status": "varchar", "error_code": "varchar", "status_changed_at": "timestamptz", "as_reported": "jsonb"},
        sorted((r.station_id, r.status, r.error_code, r.at, r.as_reported_json) for r in fresh),
    )
    return fresh


def _record_connectors(reports: list[StatusReport]) -> list[StatusReport]:
    if not reports:
        return []
    known = _known_connectors(reports)
    missing = [key for r in reports if (key := (r.station_id, r.connector)) not in known]
    if missing:
        ensure_connectors(missing)
        known = _known_connectors(reports)
    fresh, rows = [], []
    started, ended = [], {}
    for report in reports:
        found = known.get((report.station_id, report.connector))
        if found is None or _is_older(report.at, found.reported_at):
            continue
        is_same = (found.status, found.error_code) == (report.status, report.error_code)
        since = found.status_changed_at if is_same and found.status_changed_at else report.at
        texts = report.info[:MAX_TEXT_LENGTH], report.vendor_error_code[:MAX_TEXT_LENGTH]
        rows.append((found.pk, report.status, report.error_code, *texts, since, report.at, report.as_reported_json))
        fresh.append(report)
        if report.status == found.status:
            continue
        if report.status == Connector.Status.FAULTED:
            started.append(_fault_of(found.pk, report))
        elif found.status == Connector.Status.FAULTED:
            ended[report.station_id, report.connector] = report.at
    update_rows("chargers_connector", CONNECTOR_COLUMNS, sorted(rows))
    record_events(started)
    end_faults(ended)
    return fresh


def _fault_of(connector_id: int, report: StatusReport) -> NewEvent:
    return fault_event(
        connector_id,
        station_id=report.station_id,
        number=report.connector,
        error_code=report.error_code,
        at=report.at,
    )


def _known_connectors(reports: list[StatusReport]) -> dict[tuple[int, int], Connector]:
    rows = _connectors_of(ids={report.station_id for report in reports})
    return {(row.station_id, row.number): row for row in rows}


def _is_older(at: datetime, known: datetime | None) -> bool:
    return known is not None and at < known
