"""Addresses that nobody types: days at the ends of the calendar, and a thousand parameters. No page breaks."""

from urllib.parse import urlencode

import pytest
from django.urls import reverse

from tests.test_routes import FOUND, address, keys_of, line_of

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


@pytest.mark.parametrize("name", LISTS)
def test_the_ends_of_the_calendar_break_nothing(name, world):
    """Also with a file of it; in UTC, Kiritimati and Niue the same day is another one."""
    path, browser = address(name, keys_of(world.rows)), world.browser_of("staff")
    broken = []
    for moment in MOMENTS:
        if name.startswith("api:"):
            queries = [{"since": moment}, {"until": moment}]
        elif name.startswith("admin:"):
            queries = [
                {
                    f"{column}_{end}_{part}": value
                    for column in RANGES
                    for end in ("from", "to")
                    for part, value in parts
                }
                for parts in [[("0", moment[:10]), ("1", moment[11:16] or "00:00")]]
            ]
        else:
            queries = [dict.fromkeys(NAMES, moment), dict.fromkeys(NAMES, moment) | {"export": "csv"}]
        for query in queries:
            answer = browser.get(path, query)
            if answer.status_code >= 500:
                broken.append(f"{answer.status_code} {path}?{urlencode(query)[:200]}")
    assert not broken, "\n".join(broken)


@pytest.mark.parametrize("day", ["9999-12-31", "0001-01-01", "3000-01-01", "1899-12-31"])
@pytest.mark.parametrize("chart", ["power", "sessions"])
def test_a_chart_of_a_day_that_cannot_be_meant_is_400(day, chart, world):
    name = {"power": "day", "sessions": "to"}[chart]
    answer = world.browser_of("viewer").get(reverse(f"portal:dashboard_{chart}"), {name: day})
    assert answer.status_code == 400 and answer.json()["error"]


@pytest.mark.parametrize("name", LISTS)
def test_a_thousand_parameters_are_400(name, world):
    path, browser = address(name, keys_of(world.rows)), world.browser_of("staff")
    query = "&".join(f"p{number}=1" for number in range(1001))
    answer = browser.get(f"{path}?{query}")
    assert answer.status_code == 400, path
    if name.startswith("api:"):
        assert answer["Content-Type"] == "application/problem+json" and answer.json()["status"] == 400
