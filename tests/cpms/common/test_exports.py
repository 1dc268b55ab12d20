"""Exports of lists are complete and ordered, and memory does not grow with the rows."""

import csv
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.urls import reverse
from openpyxl import load_workbook

from cpms.common.database import row_batches
from cpms.common.web import export
from tests import factories

SESSIONS, CONNECTORS = reverse("sessions:session_list"), reverse("chargers:connector_list")
REFUSALS = reverse("maintenance:refusal_list")


@pytest.fixture
def small_parts(monkeypatch) -> None:
    monkeypatch.setattr(row_batches, "KEYS_PER_QUERY", 6)
    monkeypatch.setattr(row_batches, "VALUES_PER_BATCH", 4)
    monkeypatch.setattr(row_batches, "ROWS_PER_BATCH", 4)


def sheet(response) -> list[list[str]]:
    return list(csv.reader(io.StringIO(b"".join(response.streaming_content).decode("utf-8-sig"))))


def workbook(response) -> Any:
    return load_workbook(io.BytesIO(b"".join(response.streaming_content)))


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("count", [0, 1, 5, 6, 7, 12, 20])
def test_all_sessions_are_there_once_and_in_order(page, station, count):
    """W83."""
    start = datetime(2026, 5, 1, tzinfo=UTC)
    made = [
        factories.SessionFactory(station=station, finished=True, started_at=start + timedelta(hours=number // 5))
        for number in range(count)
    ]  # groups of five have the same start
    wanted = [str(session.pk) for session in sorted(made, key=lambda each: (each.started_at, each.pk), reverse=True)]
    assert [row[0] for row in sheet(page.get(SESSIONS, {"export": "csv"}))[1:]] == wanted


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("url", [CONNECTORS, REFUSALS])
def test_lists_of_another_order_are_whole_too(page, team, url):
    for station in factories.StationFactory.create_batch(9, team=team):
        factories.ConnectorFactory(station=station)
        factories.RefusedConnectionFactory(station=station)
    rows = sheet(page.get(url, {"export": "csv"}))[1:]
    assert len({tuple(row) for row in rows}) == 9


def test_what_a_session_says_in_a_file(page, station, tag):
    tag.label = "Anna"
    tag.save()
    session = factories.SessionFactory(
        station=station, tag=tag, id_tag=tag.value, finished=True, flags=["clock", "offline"], has_flags=True,
        stop_reason="EVDisconnected", energy_wh=7125,
    )  # fmt: skip
    row = dict(zip(*sheet(page.get(SESSIONS, {"export": "csv"})), strict=True))
    assert row["Session"] == str(session.pk)
    assert (row["Station"], row["Tag"], row["Tag label"]) == (station.identity, tag.value, "Anna")
    assert (row["Duration (d:h:m:s)"], row["Energy (kWh)"], row["Energy (Wh)"]) == ("0:1:0:0", "7.12", "7125")
    assert row["Ended by"] == "Cable unplugged"
    assert row["Needs review because"] == "Station's clock was wrong, Charged while the station was offline"


def test_a_running_session_and_one_that_ended_before_it_began(page, station):
    factories.SessionFactory(station=station, started_at=datetime.now(UTC) - timedelta(hours=1))
    backwards = factories.SessionFactory(station=station, finished=True)
    backwards.stopped_at = backwards.started_at - timedelta(hours=1)
    backwards.save()
    head, running, ended = sheet(page.get(SESSIONS, {"export": "csv"}))
    assert running[head.index("End")] == ""
    assert running[head.index("Duration (d:h:m:s)")].startswith("0:1:0:")
    assert ended[head.index("Duration (d:h:m:s)")] == "0:0:0:0"


def test_a_workbook_keeps_numbers_as_numbers_and_text_as_text(page, team):
    name = 'a <b> & "c" =1\x07\ufffe \u202fü'
    station = factories.StationFactory(team=team, identity="00123", name=name)
    factories.SessionFactory(station=station, finished=True, energy_wh=1500)
    head, row = workbook(page.get(SESSIONS, {"export": "xlsx"})).active.values
    values = dict(zip(head, row, strict=True))
    assert values["Station"] == "00123"
    assert values["Station name"] == 'a <b> & "c" =1 \u202fü'
    assert values["Energy (kWh)"] == 1.5
    assert isinstance(next(values[title] for title in values if title.startswith("End (")), datetime)


@pytest.mark.usefixtures("small_parts")
def test_a_workbook_goes_on_in_another_sheet(page, station, monkeypatch):
    monkeypatch.setattr(export, "MAX_SHEET_BYTES", 2000)
    factories.SessionFactory.create_batch(9, station=station, finished=True)
    book = workbook(page.get(SESSIONS, {"export": "xlsx"}))
    assert book.sheetnames[:2] == ["sessions", "sessions 2"]
    assert sum(len(list(each.values)) for each in book) == 10


def test_more_rows_than_excel_takes_are_said(page, station, monkeypatch):
    monkeypatch.setattr("cpms.common.web.pages.MAX_XLSX_ROWS", 2)
    factories.SessionFactory.create_batch(3, station=station, finished=True)
    answer = page.get(SESSIONS, {"export": "xlsx"}, follow=True)
    assert "An Excel export is limited to 2 rows" in answer.content.decode()


@pytest.mark.usefixtures("small_parts")
def test_a_file_is_made_part_by_part(page, station):
    factories.SessionFactory.create_batch(20, station=station, finished=True)
    parts = list(page.get(SESSIONS, {"export": "csv"}).streaming_content)
    assert len(parts) == 1 + 7  # the header, and 20 rows in batches


@pytest.mark.parametrize("name", ["chargers:station_list", "sessions:session_list", "maintenance:message_list"])
@pytest.mark.parametrize("kind", ["csv", "xlsx"])
def test_who_sees_nothing_gets_a_file_with_a_head_alone(as_person, station, name, kind):
    nobody = factories.UserFactory()
    response = as_person(nobody).get(reverse(name), {"export": kind})
    assert response.status_code == 200 and b"".join(response.streaming_content)
