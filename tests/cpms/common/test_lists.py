"""Lists: scope, filters, pages, export, and a constant number of queries."""

import csv
import io
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from openpyxl import load_workbook

from chargers.stations.services.states import STATUS_DISPLAYS, UNKNOWN
from tests import factories

STATIONS, CONNECTORS = reverse("chargers:station_list"), reverse("chargers:connector_list")
SESSIONS, COMMANDS = reverse("sessions:session_list"), reverse("operations:command_list")
MESSAGES, REFUSALS = reverse("maintenance:message_list"), reverse("maintenance:refusal_list")
SECURITY = reverse("maintenance:security_list")
DEVIATIONS, BY_MODEL = reverse("maintenance:deviation_list"), reverse("maintenance:deviation_models")


def rows_of(response) -> list[str]:
    return [row.record for row in response.context["table"].paginated_rows]


def sheet(response) -> list[list[str]]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def fill(team, online, count) -> None:
    for _n in range(count):
        station = online(team)
        tag = factories.TagFactory(team=team)
        factories.SessionFactory(station=station, tag=tag)
        factories.CommandFactory(station=station)
        factories.MessageFactory(station=station)
        factories.RefusedConnectionFactory(station=station)
        factories.DeviationFactory(station=station)
        factories.SecurityEventFactory(station=station, is_critical=True)


@pytest.mark.parametrize("url", [STATIONS, CONNECTORS, SESSIONS, COMMANDS, MESSAGES, REFUSALS, DEVIATIONS, SECURITY])
def test_query_count_does_not_grow_with_rows(page, team, online, url, django_assert_max_num_queries):
    fill(team, online, 15)
    with django_assert_max_num_queries(13):  # the frame: groups, bell, once a minute the site
        response = page.get(url)
    assert len(rows_of(response)) == 15


@pytest.mark.parametrize(
    "url", [STATIONS, CONNECTORS, SESSIONS, COMMANDS, MESSAGES, REFUSALS, DEVIATIONS, BY_MODEL, SECURITY]
)
def test_shows_nothing_of_another_team(as_person, stranger, team, online, url):
    fill(team, online, 2)
    assert rows_of(as_person(stranger).get(url)) == []


@pytest.mark.parametrize("url", [STATIONS, CONNECTORS, reverse("operations:remote_start")])
def test_every_status_is_explained_in_the_page_itself(page, station, url):
    """W37-W46: not only in a tooltip, which needs a mouse."""
    text = page.get(url).content.decode().partition("What the statuses mean")[2]
    for look in (*STATUS_DISPLAYS.values(), UNKNOWN):
        assert f">{look.label}</span></dt><dd>{look.meaning}</dd>" in text


def test_a_connector_of_a_station_that_is_away_is_not_explained_as_if_it_were_now(page, team, offline):
    station = offline(team, status="Available")
    connector = station.connectors.get()
    text = page.get(station.get_absolute_url()).content.decode()
    assert "The station is not connected. Last status: Available, " in text
    assert "Available since" not in text.partition('id="places"')[2].partition("</section>")[0]
    rows = page.get(CONNECTORS, {"q": connector.station.identity}).content.decode()
    assert rows.count("The station is not connected. Last status: Available") == 1


@pytest.mark.parametrize("size", [10, 20, 30, 40, 50])
def test_pages_are_of_the_size_asked_for(page, team, size):
    """W84."""
    factories.StationFactory.create_batch(51, team=team)
    response = page.get(STATIONS, {"per_page": size})
    assert len(rows_of(response)) == size
    assert f"1\u2013{size} of 51" in response.content.decode()


@pytest.mark.parametrize("url", [STATIONS, CONNECTORS])
@pytest.mark.parametrize("sort", ["tick", "power", "energy", "status", "installation", "status_changed_at", "number"])
def test_any_column_named_in_the_address_is_no_error(page, team, online, url, sort):
    online(team)
    assert len(rows_of(page.get(url, {"sort": sort}))) == 1


def test_connectors_show_since_when_and_sort_by_status(page, team, online, offline):
    """W66."""
    changed = timezone.now() - timedelta(hours=3, minutes=5)
    well, broken = online(team, status="Available").connectors.get(), online(team, status="Faulted").connectors.get()
    away = offline(team).connectors.get()
    type(well).objects.update(status_changed_at=changed)
    response = page.get(CONNECTORS, {"sort": "status"})
    assert rows_of(response) == [broken, away, well]
    assert response.content.decode().count("for 3 hours") == 3


@pytest.mark.parametrize("nonsense", ["0", "-1", "x", "9999999999999999999999", ""])
def test_nonsense_in_the_address_is_no_error(page, station, nonsense):
    query = {"page": nonsense, "per_page": nonsense, "sort": nonsense, "until": nonsense}
    assert page.get(STATIONS, query).status_code == 200


def test_a_filter_that_cannot_be_read_is_said(page, session):
    response = page.get(SESSIONS, {"start": "yesterday"})
    assert "This filter value does not exist" in response.content.decode()
    assert rows_of(response) == []


def test_stations_are_found_by_identity_name_and_serial_number(page, team):
    """W48, P21."""
    found = factories.StationFactory(team=team, identity="NEXT-1", name="Garage", serial_number="WB22")
    factories.StationFactory(team=team)
    for words in ("next-1", "garag", "wb22"):
        assert rows_of(page.get(STATIONS, {"q": words})) == [found]


def test_stations_are_found_by_connection_and_state(page, team, online, offline):
    here, gone, broken = online(team), offline(team), online(team, status="Faulted")
    never = factories.StationFactory(team=team)
    assert set(rows_of(page.get(STATIONS, {"presence": "online"}))) == {here, broken}
    assert rows_of(page.get(STATIONS, {"presence": "offline"})) == [gone]
    assert rows_of(page.get(STATIONS, {"presence": "unknown"})) == [never]
    assert rows_of(page.get(STATIONS, {"state": "faulted"})) == [broken]
    assert rows_of(page.get(STATIONS, {"state": "available"})) == [here]
    assert rows_of(page.get(STATIONS, {"state": "unknown"})) == [gone]


def test_stations_are_found_by_model_firmware_and_day_added(page, team):
    """W48, P21."""
    fields = {"model": "Wallbox 9", "firmware_version": "3.1.4"}
    found = factories.StationFactory(team=team, created_at=timezone.now(), **fields)
    factories.StationFactory(team=team, created_at=timezone.now() - timedelta(days=40))
    today = timezone.localdate().isoformat()
    for query in ({"model": f"{found.vendor} Wallbox 9"}, {"firmware_version": "3.1.4"}, {"added_since": today}):
        assert rows_of(page.get(STATIONS, query)) == [found], query


def test_a_station_that_another_team_shares_is_in_the_list(page, team, operator, other_team):
    """W47."""
    own = factories.StationFactory(team=team)
    shared = factories.StationFactory(team=other_team)
    factories.StationFactory(team=other_team)
    factories.GrantFactory(station=shared, user=operator, role="owner")
    assert set(rows_of(page.get(STATIONS))) == {own, shared}


@pytest.mark.parametrize(("url", "kind"), [(STATIONS, "station"), (SESSIONS, "session")])
def test_each_row_leads_to_its_page(page, session, url, kind):
    """W52, W89."""
    row = session if kind == "session" else session.station
    assert f'href="{row.get_absolute_url()}"' in page.get(url).content.decode()
    assert page.get(row.get_absolute_url()).status_code == 200


def test_each_filter_is_a_chip_with_the_address_that_drops_it(page, station):
    query = {"presence": ["online", "offline"], "model": "Wall", "page": "2"}
    chips = page.get(STATIONS, query).context["chips"]
    expected = [("Connection", "Online"), ("Connection", "Offline"), ("Model", "Wall")]
    assert [(chip.label, chip.value) for chip in chips] == expected
    assert chips[0].without == "?presence=offline&model=Wall"


def test_a_station_that_is_away_shows_what_it_was(page, team, offline):
    offline(team, status="Charging")
    text = page.get(STATIONS).content.decode().partition("What the statuses mean")[0]
    assert "Last status: Charging, " in text
    assert "st charging" not in text


def count_of(response) -> str:
    """Return the count below the title, which the page takes from an updated list."""
    text = response.content.decode()
    listed = text.partition('data-count="')[2].partition('"')[0]
    if "<html" in text:
        shown = text.partition('id="list-count"')[2].partition("</span>")[0].rpartition(">")[2].strip()
        assert shown == listed
    return listed


@pytest.mark.parametrize("url", [STATIONS, SESSIONS, CONNECTORS, COMMANDS, SECURITY, DEVIATIONS])
def test_under_the_title_stands_how_many_of_all_are_shown(page, team, url, django_assert_num_queries):
    """With at most two more queries than without a filter."""
    for number in range(12):
        station = factories.StationFactory(team=team, identity=f"{'FIND' if number < 3 else 'OTHER'}-{number}")
        factories.ConnectorFactory(station=station)
        factories.SessionFactory(station=station)
        factories.CommandFactory(station=station)
        factories.SecurityEventFactory(station=station)
        factories.DeviationFactory(station=station)
    assert count_of(page.get(url)) == ""
    assert count_of(page.get(url, {"q": "find"})) == "3 of 12, filtered"
    part = page.get(url, {"q": "find"}, headers={"HX-Request": "true", "HX-Target": "list"})
    assert count_of(part) == "3 of 12, filtered" and "<html" not in part.content.decode()
    with CaptureQueriesContext(connection) as few:
        page.get(url, {"q": "find"})
    factories.StationFactory.create_batch(30, team=team)
    with django_assert_num_queries(len(few)):
        page.get(url, {"q": "find"})


def test_htmx_gets_the_list_alone(page, station):
    response = page.get(STATIONS, headers={"HX-Request": "true", "HX-Target": "list"})
    text = response.content.decode()
    assert 'id="list"' in text
    assert "<html" not in text
    assert "HX-Request" in response["Vary"]


def test_a_live_list_keeps_its_rows_and_says_what_is_new(page, session):
    factories.SessionFactory.create_batch(3, station=session.station, started_at=timezone.now(), finished=True)
    response = page.get(SESSIONS, {"until": session.pk}, headers={"HX-Request": "true", "HX-Target": "list"})
    assert rows_of(response) == [session]
    assert "Show 3 new" in response.content.decode()


def test_sessions_are_found_by_station_tag_number_state_and_time(page, team, tag):
    """W62, W80-W82, P24."""
    station = factories.StationFactory(team=team, identity="FIND-ME")
    found = factories.SessionFactory(station=station, tag=tag, id_tag=tag.value, flags=["clock"], has_flags=True)
    other = factories.SessionFactory(
        station=factories.StationFactory(team=team, identity="ELSEWHERE"),
        id_tag="ANOTHER",  # not a factory value, which could contain another's number
        finished=True,
        started_at=found.started_at + timedelta(days=9),
    )
    for query in (
        {"q": "find-me"},
        {"q": tag.value},
        {"q": str(found.pk)},
        {"station": "FIND-ME"},
        {"id_tag": tag.value.lower()},
        {"state": "open"},
        {"state": "flagged"},
        {"end": (other.started_at - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")},
    ):
        assert rows_of(page.get(SESSIONS, query)) == [found], query
    assert rows_of(page.get(SESSIONS, {"state": "finished"})) == [other]


@pytest.mark.parametrize("text", ["nd-m", "row", "harbour", "kiel", "ada", "lovelace", "c7b", "pool", "ada lovelace"])
def test_sessions_are_found_by_part_of_station_place_tag_and_person(page, team, text):
    place = factories.InstallationFactory(team=team, name="Harbour hall", city="Kiel")
    station = factories.StationFactory(team=team, identity="FIND-ME", name="Row 5", installation=place)
    person = factories.UserFactory(first_name="Ada", last_name="Lovelace")
    tag = factories.TagFactory(team=team, value="04A2C7B1", label="Pool car", user=person)
    found = factories.SessionFactory(station=station, tag=tag, id_tag=tag.value)
    factories.SessionFactory(station=factories.StationFactory(team=team, identity="ELSEWHERE"), id_tag="ANOTHER")
    assert rows_of(page.get(SESSIONS, {"q": text})) == [found]


@pytest.mark.parametrize("text", ["nd-m", "row", "harbour", "kiel"])
def test_stations_and_connectors_are_found_by_part_of_name_and_place(page, team, text):
    """W66."""
    place = factories.InstallationFactory(team=team, name="Harbour hall", city="Kiel")
    station = factories.StationFactory(team=team, identity="FIND-ME", name="Row 5", installation=place)
    connector = factories.ConnectorFactory(station=station)
    factories.ConnectorFactory(station=factories.StationFactory(team=team, identity="ELSEWHERE"))
    assert rows_of(page.get(STATIONS, {"q": text})) == [station]
    assert rows_of(page.get(reverse("chargers:connector_list"), {"q": text})) == [connector]


def test_a_search_that_many_stations_fit_leaves_none_out(page, team, monkeypatch):
    monkeypatch.setattr("chargers.stations.services.finding.MAX_KEYS", 2)
    for number in range(4):
        factories.SessionFactory(station=factories.StationFactory(team=team, identity=f"MANY-{number}"))
    factories.SessionFactory(station=factories.StationFactory(team=team, identity="ELSEWHERE"))
    assert len(rows_of(page.get(SESSIONS, {"q": "many"}))) == 4


def test_csv_holds_what_is_filtered_and_no_formulas(page, team):
    """W51."""
    bad = '=cmd|"/c calc"!A1'
    factories.StationFactory(team=team, identity="A-1", name=bad, vendor="+44", model="-12.5")
    factories.StationFactory(team=team, identity="B-1", name="\t=1")
    found = sheet(page.get(STATIONS, {"q": "A-1", "export": "csv"}))
    assert len(found) == 2
    row = dict(zip(*found, strict=True))
    assert row["Name"] == f"'{bad}"
    assert (row["Vendor"], row["Model"]) == ("+44", "-12.5")  # numbers stay numbers
    assert dict(zip(*sheet(page.get(STATIONS, {"q": "B-1", "export": "csv"})), strict=True))["Name"].startswith("'")


def test_xlsx_can_be_read_again(page, finished_session):
    """W51, W83."""
    response = page.get(SESSIONS, {"export": "xlsx"})
    rows = list(load_workbook(io.BytesIO(b"".join(response.streaming_content))).active.values)
    row = dict(zip(*rows, strict=True))
    assert row["Session"] == finished_session.pk
    assert row["Energy (kWh)"] == 7
    assert row["Energy (Wh)"] == 7000


@pytest.mark.parametrize("url", [STATIONS, CONNECTORS, SESSIONS, COMMANDS, MESSAGES, REFUSALS])
def test_every_list_can_be_exported(page, team, online, url, django_assert_max_num_queries):
    """W83."""
    fill(team, online, 12)
    with django_assert_max_num_queries(10):
        assert len(sheet(page.get(url, {"export": "csv"}))) == 13


def test_times_in_files_are_in_the_persons_zone(as_person, operator, finished_session):
    operator.time_zone = "Asia/Tokyo"
    operator.save()
    rows = sheet(as_person(operator).get(SESSIONS, {"export": "csv"}))
    assert dict(zip(*rows, strict=True))["Start"].endswith("+09:00")


def test_messages_of_today_only_unless_a_station_is_chosen(page, station):
    old = factories.MessageFactory(station=station, received_at=timezone.now() - timedelta(hours=30))
    assert rows_of(page.get(MESSAGES)) == []
    assert rows_of(page.get(MESSAGES, {"q": station.identity})) == [old]


def test_support_staff_sees_all_teams_and_which(as_person, staff, team, other_team):
    factories.StationFactory(team=team)
    factories.StationFactory(team=other_team)
    response = as_person(staff).get(STATIONS)
    assert len(rows_of(response)) == 2
    assert other_team.name in response.content.decode()
