"""Lists, details, filters and pages of the REST API."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest
from django.utils import timezone

from accounts.access.rights import Role
from chargers.models import ChargingStation
from tests import factories

LISTS = ["stations", "connectors", "sessions", "samples", "commands", "messages", "deviations", "security-events"]


@pytest.fixture
def rows(station, connector, session):
    """One row of every model, owned by the fixture's team."""
    return {
        "stations": station,
        "connectors": connector,
        "sessions": session,
        "samples": factories.ReadingFactory(session=session),
        "commands": factories.CommandFactory(station=station),
        "messages": factories.MessageFactory(station=station),
        "deviations": factories.DeviationFactory(station=station),
        "security-events": factories.SecurityEventFactory(station=station),
    }


def address(name, row):
    return f"/api/v1/{name}/{row.identity if isinstance(row, ChargingStation) else row.pk}/"


@pytest.mark.parametrize("name", LISTS)
def test_a_teammate_sees_the_row_in_list_and_detail(api, viewer, rows, name):
    listed = api(viewer).get(f"/api/v1/{name}/").json()["results"]
    assert len(listed) == 1
    row = api(viewer).get(address(name, rows[name])).json()
    assert {key: row[key] for key in listed[0]} == listed[0]  # the detail has more fields than the list


@pytest.mark.parametrize("name", LISTS)
def test_a_stranger_sees_neither(api, stranger, rows, name):
    assert api(stranger).get(f"/api/v1/{name}/").json()["results"] == []
    assert api(stranger).get(address(name, rows[name])).status_code == 404


@pytest.mark.parametrize("name", LISTS)
def test_support_staff_sees_all(api, staff, rows, name):
    assert len(api(staff).get(f"/api/v1/{name}/").json()["results"]) == 1


@pytest.mark.parametrize("name", LISTS)
def test_the_number_of_queries_does_not_grow_with_rows(api, viewer, team, rows, name, django_assert_max_num_queries):
    for number in range(1, 11):
        station = factories.StationFactory(team=team)
        connector = factories.ConnectorFactory(station=station, number=number)
        session = factories.SessionFactory(
            station=station, connector_number=connector.number, tag=factories.TagFactory(team=team)
        )
        factories.ReadingFactory(session=session)
        factories.CommandFactory(station=station, requested_by=viewer)
        factories.MessageFactory(station=station)
        factories.DeviationFactory(station=station)
        factories.SecurityEventFactory(station=station, acknowledged_by=viewer)
    client = api(viewer)
    with django_assert_max_num_queries(6):  # the token, its last use, roles, grants, the rows, the connectors
        assert len(client.get(f"/api/v1/{name}/").json()["results"]) == 11


def test_pages_go_from_new_to_old_and_do_not_repeat(api, viewer, team):
    factories.StationFactory.create_batch(7, team=team)
    seen, link = [], "/api/v1/stations/?page_size=3"
    client = api(viewer)
    while link:
        page = client.get(link).json()
        seen += [row["identity"] for row in page["results"]]
        link = page["next"]
    assert seen == list(ChargingStation.objects.order_by("-id").values_list("identity", flat=True))


def test_a_page_has_at_most_500_rows(api, viewer, team):
    from chargers.onboarding.services.registration import NewStation, add_stations

    add_stations(team=team, stations=[NewStation(f"S{n}", "p", connectors=0) for n in range(510)])
    assert len(api(viewer).get("/api/v1/stations/?page_size=100000").json()["results"]) == 500


@pytest.mark.parametrize("cursor", ["nonsense", "cD1hYmM=", "cD0lMDA=", "cD0xMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAw"])
@pytest.mark.parametrize("name", LISTS)
def test_a_cursor_that_somebody_made_up_is_no_error_of_ours(api, viewer, rows, name, cursor):
    assert api(viewer).get(f"/api/v1/{name}/", {"cursor": cursor}).status_code in (200, 404)


@pytest.mark.parametrize("identity", ["a b", "ä€", "x.json", "100%", "a?b#c", "a;b=c", "..", "CP:1"])
def test_an_identity_may_hold_any_character_but_a_slash(api, viewer, team, identity):
    factories.StationFactory(team=team, identity=identity)
    answer = api(viewer).get(f"/api/v1/stations/{quote(identity, safe='')}/")
    assert answer.json()["identity"] == identity


def test_a_station_tells_its_presence_and_never_its_password(api, viewer, station, connector, node):
    station.node, station.password = node, b"top-secret-password"
    station.save()
    answer = api(viewer).get(f"/api/v1/stations/{station.identity}/")
    assert answer.json()["presence"] == "online"
    assert answer.json()["connectors"][0]["status"] == "Available"
    assert b"top-secret" not in answer.content
    assert "password" not in answer.json()


def test_times_are_utc_whatever_the_zone_of_the_person(api, viewer, session):
    viewer.time_zone = "Asia/Tokyo"
    viewer.save()
    session.started_at = datetime(2026, 3, 1, 12, 0, 0, 123000, tzinfo=UTC)
    session.save()
    answer = api(viewer).get(f"/api/v1/sessions/{session.pk}/").json()
    assert answer["started_at"] == "2026-03-01T12:00:00.123000Z"


def test_a_session_has_its_units_in_the_names(api, viewer, finished_session):
    answer = api(viewer).get(f"/api/v1/sessions/{finished_session.pk}/").json()
    assert answer["transaction_id"] == finished_session.pk
    assert (answer["meter_start_wh"], answer["meter_stop_wh"], answer["energy_wh"]) == (1000, 8000, 7000)
    assert (answer["is_open"], answer["duration_seconds"]) == (False, 3600)


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({"is_open": "true"}, 1),
        ({"is_open": "false"}, 2),
        ({"flag": "unauthorised"}, 1),
        ({"flag": "clock"}, 0),
        ({"has_flags": "true"}, 1),
        ({"since": "2026-02-01T00:00:00Z"}, 1),
        ({"since": "2026-02-01T01:00:00+01:00"}, 1),
        ({"until": "2026-02-01T00:00:00"}, 2),
        ({"station": "ELSEWHERE"}, 0),
        ({"id_tag": "tag-a"}, 1),
        ({"connector": "1"}, 3),
    ],
)
def test_sessions_are_filtered(api, viewer, station, query, count):
    make = factories.SessionFactory
    make(station=station, started_at=datetime(2026, 1, 5, tzinfo=UTC), finished=True, id_tag="TAG-A")
    make(
        station=station,
        started_at=datetime(2026, 1, 6, tzinfo=UTC),
        finished=True,
        flags=["unauthorised"],
        has_flags=True,
    )
    make(station=station, started_at=datetime(2026, 2, 1, tzinfo=UTC))
    assert len(api(viewer).get("/api/v1/sessions/", query).json()["results"]) == count


def test_samples_are_found_by_session_station_and_time(api, viewer, session, finished_session):
    first = factories.ReadingFactory(session=session, at=datetime(2026, 1, 1, 12, tzinfo=UTC))
    factories.ReadingFactory(session=finished_session, at=datetime(2026, 1, 2, 12, tzinfo=UTC))

    def found(**query):
        return [row["id"] for row in api(viewer).get("/api/v1/samples/", query).json()["results"]]

    assert found(session=session.pk) == [first.pk]
    assert found(until="2026-01-02T00:00:00Z") == [first.pk]
    assert len(found(station=session.station.identity)) == 2
    assert found(station="ELSEWHERE") == []


@pytest.mark.parametrize(
    ("name", "query", "field"),
    [
        ("sessions", {"since": "yesterday"}, "since"),
        ("sessions", {"since": "2026-02-30T00:00:00Z"}, "since"),
        ("sessions", {"flag": "none"}, "flag"),
        ("sessions", {"connector": "x"}, "connector"),
        ("stations", {"presence": "maybe"}, "presence"),
        ("stations", {"identity": "a\0b"}, "identity"),
        ("commands", {"state": "x"}, "state"),
        ("messages", {"direction": "x"}, "direction"),
    ],
)
def test_a_wrong_filter_is_named(api, viewer, name, query, field):
    answer = api(viewer).get(f"/api/v1/{name}/", query)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == [field]


def test_stations_are_found_by_part_of_name_and_by_presence(api, viewer, station, node):
    factories.StationFactory(team=station.team, name="Row 7", node=node)

    def found(**query):
        return len(api(viewer).get("/api/v1/stations/", query).json()["results"])

    assert (found(q="row"), found(q=station.identity.lower()), found(q="nothing")) == (1, 1, 0)
    assert (found(presence="online"), found(presence="unknown")) == (1, 1)


def test_messages_are_json_and_stay_text_where_they_are_none(api, viewer, station):
    factories.MessageFactory(station=station, action="Heartbeat", payload='{"a": 1}', answer="")
    factories.MessageFactory(station=station, action="", payload="[2, broken", error_code="FormationViolation")
    client = api(viewer)
    newest, older = client.get("/api/v1/messages/").json()["results"]
    assert (older["payload"], older["answer"]) == ({"a": 1}, None)
    assert newest["payload"] == "[2, broken"
    assert len(client.get("/api/v1/messages/", {"has_error": "true"}).json()["results"]) == 1
    assert len(client.get("/api/v1/messages/", {"action": "Heartbeat"}).json()["results"]) == 1


def test_a_numbers_limit_is_not_found_rather_than_an_error(api, viewer):
    assert api(viewer).get(f"/api/v1/sessions/{10**18}/").status_code == 404
    assert api(viewer).get("/api/v1/sessions/9999999999999999999/").status_code == 404
    assert api(viewer).get("/api/v1/samples/", {"session": "99999999999999999999999"}).status_code == 400
    assert api(viewer).get("/api/v1/connectors/", {"number": "9999999999999"}).json()["results"] == []


def test_who_leaves_the_team_sees_nothing_any_more(api, user_with, station):
    user = user_with(Role.ADMIN)
    client = api(user)
    assert client.get(f"/api/v1/stations/{station.identity}/").status_code == 200
    user.memberships.all().delete()
    assert client.get(f"/api/v1/stations/{station.identity}/").status_code == 404


def test_a_station_of_the_pool_is_support_staffs_only(api, viewer, staff, station):
    ChargingStation.objects.update(team=None, last_heard_at=timezone.now() - timedelta(days=1))
    assert api(viewer).get("/api/v1/stations/").json()["results"] == []
    assert api(staff).get("/api/v1/stations/").json()["results"][0]["team"] is None


@pytest.mark.parametrize(
    "name", [*LISTS, "gaps", "grants", "groups", "tags", "notifications", "tokens", "installations"]
)
def test_a_parameter_that_a_list_does_not_have_is_refused_by_name(api, administrator, name):
    """If it were ignored, a program would mistake the whole list for its filtered result."""
    answer = api(administrator).get(f"/api/v1/{name}/", {"search": "x", "page_size": 5})
    assert answer.status_code == 400
    assert [error["field"] for error in answer.json()["errors"]] == ["search"]
    assert "page_size" in answer.json()["detail"]


def test_every_parameter_that_the_description_names_is_known(api, administrator):
    described = api(administrator).get("/api/v1/schema/", {"format": "json"}, HTTP_ACCEPT="application/json").json()
    lists = {path: ways["get"] for path, ways in described["paths"].items() if "get" in ways and "{" not in path}
    asked = 0
    for path, way in lists.items():
        for parameter in (one for one in way.get("parameters", ()) if one["in"] == "query"):
            answer = api(administrator).get(path, {parameter["name"]: "1"})
            assert answer.status_code in (200, 400, 404), (path, parameter["name"])
            assert "Unknown parameter" not in answer.content.decode(), (path, parameter["name"])
            asked += 1
    assert asked > 40


@pytest.mark.parametrize("size", ["0", "-1", "x", "", "1.5", "²", "9" * 5000])
def test_a_page_size_that_is_none_is_refused(api, viewer, station, size):
    answer = api(viewer).get("/api/v1/stations/", {"page_size": size})
    assert answer.status_code == (200 if size.startswith("9") else 400)


def test_the_deviations_of_a_station_are_listed_at_the_station(api, viewer, staff, stranger, station, team):
    """Each with how we handle it."""
    station.firmware_version = "1.2"
    station.save()
    own = factories.DeviationFactory(station=station, action="StopTransaction", code="", what="reason: enum", count=214)
    other = factories.DeviationFactory(station=station, what="info: maxLength", action="StatusNotification")
    factories.DeviationFactory(station=factories.StationFactory(team=team))
    path = f"/api/v1/stations/{station.identity}/deviations/"
    for person in (viewer, staff):
        found = {row["id"]: row for row in api(person).get(path).json()["results"]}
        assert set(found) == {own.pk, other.pk}
        deviation = found[own.pk]
        assert (deviation["what"], deviation["count"], deviation["code"], deviation["firmware_version"]) == (
            "reason: enum",
            214,
            "",
            "1.2",
        )
        assert deviation["treatment"] == "we read it as “Other” and keep the word"
        assert deviation["sentence"].startswith("StopTransaction: field “reason” has a value that is not defined")
    assert [row["id"] for row in api(viewer).get(path, {"what": "info: maxLength"}).json()["results"]] == [other.pk]
    listed = api(viewer).get("/api/v1/deviations/", {"station": station.identity}).json()["results"]
    assert {row["id"] for row in listed} == {own.pk, other.pk}
    assert api(stranger).get(path).status_code == 404
    assert api(viewer).get("/api/v1/stations/none/deviations/").status_code == 404
    assert api(viewer).get(path, {"colour": "red"}).status_code == 400


def test_deviations_of_a_station_need_the_right_to_read_messages(api, viewer, station):
    path = f"/api/v1/stations/{station.identity}/deviations/"
    assert api(viewer, "messages:read").get(path).status_code == 200
    assert api(viewer, "stations:read").get(path).status_code == 403


def test_deviations_of_a_station_ask_no_more_for_more_rows(api, viewer, station, django_assert_max_num_queries):
    factories.DeviationFactory.create_batch(20, station=station)
    client = api(viewer)
    with django_assert_max_num_queries(6):
        assert len(client.get(f"/api/v1/stations/{station.identity}/deviations/").json()["results"]) == 20
