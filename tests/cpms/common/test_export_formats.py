"""Exported files open correctly in the user's spreadsheet program: separators, decimals, formulas, times."""

import csv
import io
import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.urls import reverse
from django.utils import timezone, translation
from openpyxl import load_workbook

from accounts.access.rights import Role
from cpms.common.web.export import CsvFormat, safe_text
from cpms.common.web.formatting import use_formats
from cpms.common.web.pages import ListPage
from tests import factories
from tests.exported import LISTS, OF_STAFF
from tests.world import add_full_team

SESSIONS = reverse("sessions:session_list")
NEW_YORK = "America/New_York"
CLOCK_TIME = re.compile(r"\d{1,2}:\d{2}")
ZONED = re.compile(r"[+-]\d\d:\d\d\b|\bE[SD]T\b|\bZ\b|[\d\"]Z")


def text_of(response) -> str:
    return b"".join(response.streaming_content).decode("utf-8-sig")


def browser(as_person, person, language):
    person.language = language
    person.save()
    client = as_person(person)
    client.cookies["language"] = language
    return client


@pytest.mark.parametrize(
    ("language", "numbers", "expected"),
    [
        ("en", "", CsvFormat(",", ".")),
        ("de", "", CsvFormat(";", ",")),
        ("en", "de", CsvFormat(";", ",")),
        ("en", "fr", CsvFormat(";", ",")),
        ("de", "en", CsvFormat(",", ".")),
        ("de", "ch", CsvFormat(",", ".")),
    ],
)
def test_the_separator_follows_the_decimal_sign(language, numbers, expected):
    with translation.override(language), use_formats("", numbers):
        assert CsvFormat.of_reader() == expected


def test_a_german_file_opens_in_a_german_spreadsheet(as_person, operator, station):
    """Semicolons as separators and decimal commas; otherwise Excel puts a row into one cell."""
    factories.SessionFactory(station=station, finished=True, energy_wh=7125)
    text = text_of(browser(as_person, operator, "de").get(SESSIONS, {"export": "csv"}))
    head, row = csv.reader(io.StringIO(text), delimiter=";")
    assert len(head) == len(row) > 15
    assert "7,12" in row and "7125" in row


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("language", ["en", "de"])
@pytest.mark.parametrize(
    "name",
    [
        "=1+1",
        "a;=1+1",
        "a,=1+1",
        "a,+1+1",
        "a;-1+1",
        "a|@SUM(1)",
        "a\t=1+1",
        "a\n=1+1",
        "a\r=1+1",
        'a;"=1+1"',
        "a; =1+1",
        '",=1+1',
        "\uff1d1+1",
        " =1+1",
    ],
)
def test_no_program_finds_a_formula_whatever_separator_it_assumes(as_person, operator, team, language, separator, name):
    factories.StationFactory(team=team, identity="A-1", name=name)
    url = reverse("chargers:station_list")
    text = text_of(browser(as_person, operator, language).get(url, {"export": "csv"}))
    for line in text.splitlines():
        for cell in csv.reader([line], delimiter=separator):
            found = [one.strip(" \"'") for one in cell if one.strip(' "')[:1] in "=+-@\uff1d" and one.strip(' "')]
            assert not found


@pytest.mark.parametrize(
    "text", ["Hafen, Ebene -2", "1,5", "-1,5", "a - b", "A-1", "1;-2", "[1,-2]", "+49 40", "x, y; z", ""]
)
def test_harmless_text_stays_as_it_is(text):
    expected = {"+49 40": "'+49 40"}  # spreadsheets do not read this as a number
    assert safe_text(text) == expected.get(text, text)


@pytest.fixture
def full_team(db):
    person = factories.UserFactory(time_zone=NEW_YORK)
    rows = add_full_team("nordlicht", person)
    then = timezone.now() - timedelta(days=3)
    station = rows["chargers.ChargingStation"]
    station.connected_at = station.disconnected_at = station.last_heard_at = then
    station.save()
    return person


@pytest.mark.parametrize("name", sorted({*ListPage.exported} - OF_STAFF))
def test_every_time_in_every_file_has_its_zone(as_person, full_team, name):
    client = as_person(full_team)
    url = reverse(LISTS[name])
    head, *rows = csv.reader(io.StringIO(text_of(client.get(url, {"export": "csv"}))))
    for row in rows:
        for title, cell in zip(head, row, strict=True):
            if CLOCK_TIME.search(cell) and "d:h:m:s" not in title:
                assert ZONED.search(cell), (title, cell)


@pytest.mark.parametrize("name", sorted({*ListPage.exported} - OF_STAFF))
def test_every_time_in_a_workbook_is_a_real_date_under_a_head_with_the_zone(as_person, full_team, name):
    client = as_person(full_team)
    content = b"".join(client.get(reverse(LISTS[name]), {"export": "xlsx"}).streaming_content)
    head, *rows = load_workbook(io.BytesIO(content)).active.values
    is_zoned = [title.endswith(f"({NEW_YORK})") for title in head]
    for row in rows:
        for title, zoned, cell in zip(head, is_zoned, row, strict=True):
            assert isinstance(cell, datetime) <= zoned, title
            assert not zoned or cell is None or isinstance(cell, datetime), title


def test_a_workbook_has_the_times_of_the_persons_zone(as_person, operator, station):
    operator.time_zone = NEW_YORK
    operator.save()
    started_at = datetime(2026, 7, 1, 22, 30, 15, tzinfo=UTC)
    factories.SessionFactory(station=station, finished=True, started_at=started_at)
    content = b"".join(as_person(operator).get(SESSIONS, {"export": "xlsx"}).streaming_content)
    sheet = load_workbook(io.BytesIO(content)).active
    head, row = sheet.values
    place = head.index(f"Start ({NEW_YORK})")
    assert row[place] == started_at.astimezone(ZoneInfo(NEW_YORK)).replace(tzinfo=None)
    letter = sheet.cell(1, place + 1).column_letter
    assert sheet.column_dimensions[letter].width >= 19  # narrower columns show ####


def test_a_clock_that_was_never_set_is_text_in_a_workbook(as_person, operator, station):
    """Excel has no dates before 1900."""
    factories.SessionFactory(station=station, finished=True, started_at=datetime(1752, 1, 1, tzinfo=UTC))
    content = b"".join(as_person(operator).get(SESSIONS, {"export": "xlsx"}).streaming_content)
    head, row = load_workbook(io.BytesIO(content)).active.values
    assert str(row[[title.startswith("Start (") for title in head].index(True)]).startswith("175")


def test_a_file_says_what_became_of_the_card_in_words(as_person, operator, station):
    factories.SessionFactory(station=station, finished=True, authorization="Blocked", is_billable=False)
    text = text_of(as_person(operator).get(SESSIONS, {"export": "csv"}))
    assert "Refused: tag blocked" in text and "Blocked," not in text


def test_who_administers_gets_the_trail_in_german_with_zones(as_person, user_with, team, station):
    person = user_with(Role.ADMIN)
    client = browser(as_person, person, "de")
    client.get(SESSIONS, {"export": "csv", "start": "2026-01-01T00:00"})
    text = text_of(client.get(reverse("team:audit"), {"export": "csv"}))
    assert "00:00:00 CET" in text
