"""Energy outside sessions: the list with its sums, in a period (T39)."""

from datetime import timedelta

import pytest
from django.urls import reverse
from django.utils import timezone

from tests import factories
from tests.cpms.common.test_lists import rows_of, sheet

GAPS = reverse("sessions:gap_list")


@pytest.fixture
def meter():
    """Return a function that creates a station with a session a day from pairs of registers, until yesterday."""

    def make(team, *registers, days_ago=1, **more):
        station = factories.StationFactory(team=team, **more)
        begin = timezone.now() - timedelta(days=days_ago + len(registers) - 1)
        return [
            factories.SessionFactory(
                station=station,
                finished=True,
                started_at=begin + timedelta(days=n),
                meter_start_wh=start,
                meter_stop_wh=end,
            )
            for n, (start, end) in enumerate(registers)
        ]

    return make


def test_missing_and_backward_energy_are_added_up(page, team, meter):
    one, other = meter(team, (0, 1000), (3500, 4000)), meter(team, (0, 9000), (0, 500))
    response = page.get(GAPS)
    assert set(rows_of(response)) == {one[1], other[1]}
    assert (response.context["missing_wh"], response.context["back_wh"]) == (2500, 9000)
    text = response.content.decode()
    assert "+2.50" in text and "\u22129.00" in text


def test_gaps_are_filtered_by_station_type_and_size(page, team, meter):
    one, other = meter(team, (0, 1000), (3500, 4000)), meter(team, (0, 9000), (0, 500), name="Garage")
    assert rows_of(page.get(GAPS, {"q": one[0].station.identity})) == [one[1]]
    assert rows_of(page.get(GAPS, {"q": "garage"})) == [other[1]]
    assert rows_of(page.get(GAPS, {"kind": "missing"})) == [one[1]]
    assert rows_of(page.get(GAPS, {"kind": "back"})) == [other[1]]
    assert rows_of(page.get(GAPS, {"least": "2.6"})) == [other[1]]
    assert rows_of(page.get(GAPS, {"sort": "gap_wh"})) == [other[1], one[1]]
    assert page.get(GAPS, {"kind": "back"}).context["missing_wh"] == 0


def test_the_default_period_is_30_days(page, team, meter):
    old = meter(team, (0, 1000), (3500, 4000), days_ago=40)
    assert rows_of(page.get(GAPS)) == []
    since = (timezone.now() - timedelta(days=60)).strftime("%Y-%m-%dT%H:%M")
    assert rows_of(page.get(GAPS, {"start": since})) == [old[1]]


@pytest.mark.parametrize("query", [{"start": "0001-01-01T00:00"}, {"end": "0001-01-01T00:00"}, {"least": "1e30"}])
def test_an_impossible_period_or_size_is_no_error(page, session, query):
    assert page.get(GAPS, query).status_code == 200


def test_query_count_does_not_grow_with_rows(page, team, meter, django_assert_max_num_queries):
    for _n in range(15):
        meter(team, (0, 1000), (1500, 2000))
    with django_assert_max_num_queries(10):
        assert len(rows_of(page.get(GAPS))) == 15


def test_shows_nothing_of_another_team(as_person, stranger, team, meter, api):
    meter(team, (0, 1000), (3500, 4000))
    response = as_person(stranger).get(GAPS)
    assert rows_of(response) == [] and response.context["missing_wh"] == 0
    assert api(stranger).get("/api/v1/gaps/").json()["results"] == []


def test_gaps_are_exported(page, team, meter):
    before, after = meter(team, (0, 1000), (3500, 4000))
    head, line = sheet(page.get(GAPS, {"export": "csv"}))
    row = dict(zip(head, line, strict=True))
    assert (row["Previous session"], row["Next session"]) == (str(before.pk), str(after.pk))
    assert (row["Gap (Wh)"], row["Gap (kWh)"]) == ("2500", "2.5")
    assert page.get(GAPS, {"export": "xlsx"}).status_code == 200


def test_htmx_gets_the_sums_with_the_list(page, team, meter):
    meter(team, (0, 1000), (3500, 4000))
    text = page.get(GAPS, headers={"HX-Request": "true", "HX-Target": "list"}).content.decode()
    assert 'id="gap-sums" hx-swap-oob="true"' in text and "<html" not in text


def test_the_api_returns_gaps(api, viewer, team, meter, django_assert_max_num_queries):
    rows = [meter(team, (0, 1000), (3500, 4000)) for _n in range(3)]
    client = api(viewer)
    with django_assert_max_num_queries(7):
        found = client.get("/api/v1/gaps/", {"page_size": 2}).json()
    assert [row["gap_wh"] for row in found["results"]] == [2500, 2500] and found["next"]
    assert len(client.get(found["next"]).json()["results"]) == 1
    (only,) = client.get("/api/v1/gaps/", {"station": rows[0][0].station.identity}).json()["results"]
    assert (only["session_before"], only["session"]) == (rows[0][0].pk, rows[0][1].pk)
    old = (timezone.now() - timedelta(days=20)).isoformat()
    assert client.get("/api/v1/gaps/", {"until": old}).json()["results"] == []
