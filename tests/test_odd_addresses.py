"""Addresses that nobody types: days at the ends of the calendar, and a thousand parameters. No page breaks."""

from urllib.parse import urlencode

import pytest
from django.urls import reverse
from django.utils.datastructures import MultiValueDict

from tests.routes import FOUND, address, keys_of, line_of

pytestmark = pytest.mark.django_db

MOMENTS = (
    "0001-01-01",
    "9999-12-31",
    "0001-01-01T00:00",
    "9999-12-31T23:59",
    "0001-01-01T00:00:00+14:00",
    "9999-12-31T23:59:59-12:00",
)
NAMES = ("day", "from", "to", "start", "end", "since", "until", "added_since", "date", "log_from", "log_to", "at")
RANGES = ("timestamp", "received_at", "created_at", "started_at", "at", "ends_at", "expires_at", "last_seen_at")
LISTS = [name for name in FOUND if line_of(name) and "GET" in (line_of(name) or {})]


def queries_of(name: str, moment: str, has_export: bool) -> list[dict[str, str]]:
    """Return the queries that ask a page for a moment, also for a file of it."""
    if name.startswith("api:"):
        return [{"since": moment}, {"until": moment}]
    if name.startswith("admin:"):
        parts = {"0": moment[:10], "1": moment[11:16] or "00:00"}
        columns = [f"{column}_{end}" for column in RANGES for end in ("from", "to")]
        return [{f"{column}_{part}": value for column in columns for part, value in parts.items()}]
    queries = [dict.fromkeys(NAMES, moment)]
    return [*queries, queries[0] | {"export": "csv"}] if has_export else queries


@pytest.fixture
def names_read(monkeypatch):
    """The parameters that views have read, from any request."""
    names = set()
    for method in ("__getitem__", "getlist"):
        original = getattr(MultiValueDict, method)

        def read(self, name, *args, original=original, **kwargs):
            names.add(name)
            return original(self, name, *args, **kwargs)

        monkeypatch.setattr(MultiValueDict, method, read)
    return names


@pytest.mark.walk
@pytest.mark.parametrize("name", LISTS)
def test_the_ends_of_the_calendar_break_nothing(name, world, names_read):
    """In UTC, Kiritimati and Niue the same day is another one. Pages that read no moment are asked for one only."""
    path, browser = address(name, keys_of(world.rows)), world.browser_of("staff")
    plain = browser.get(path)
    has_export = not plain.streaming and b"export=csv" in plain.content
    broken = []
    for moment in MOMENTS:
        for query in queries_of(name, moment, has_export):
            answer = browser.get(path, query)
            if answer.status_code >= 500:
                broken.append(f"{answer.status_code} {path}?{urlencode(query)[:200]}")
        is_admin = name.startswith("admin:")  # which reads all parameters at once
        if not name.endswith("_changelist") if is_admin else names_read.isdisjoint(query):
            break
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "3000-01-01", "1899-12-31"])
@pytest.mark.parametrize("chart", ["power", "sessions"])
def test_a_chart_of_a_day_that_cannot_be_meant_is_400(day, chart, world):
    name = {"power": "day", "sessions": "to"}[chart]
    answer = world.browser_of("viewer").get(reverse(f"portal:dashboard_{chart}"), {name: day})
    assert answer.status_code == 400 and answer.json()["error"]


def test_a_thousand_parameters_are_400(world):
    browser, wrong = world.browser_of("staff"), []
    query = "&".join(f"p{number}=1" for number in range(1001))
    for name in LISTS:
        path = address(name, keys_of(world.rows))
        answer = browser.get(f"{path}?{query}")
        is_problem = answer["Content-Type"] == "application/problem+json" and answer.json()["status"] == 400
        if answer.status_code != 400 or (name.startswith("api:") and not is_problem):
            wrong.append(f"{answer.status_code} {path}")
    assert wrong == []
