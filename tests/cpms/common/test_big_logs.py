"""Pages of large logs hold the same rows as a plain query, whichever plan finds them."""

from datetime import timedelta
from itertools import chain
from zoneinfo import ZoneInfo

import pytest
from django.conf import settings
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from cpms.common.database import paging
from cpms.common.web.tables import CappedPaginator
from maintenance.models import Message
from sessions.models import MeterReading
from tests import factories

MESSAGES, SESSIONS = reverse("maintenance:message_list"), reverse("sessions:session_list")


def listed(response) -> list[int]:
    return [row.record.pk for row in response.context["table"].paginated_rows]


@pytest.fixture(params=[50, 0], ids=["few stations", "many stations"])
def few(request, monkeypatch) -> None:
    """Whether the scope counts as having few stations: both query plans must return the same rows."""
    monkeypatch.setattr(paging, "FEW_STATIONS", request.param)


@pytest.fixture
def log(team, other_team) -> list[Message]:
    """Messages of three own stations in turn, interleaved with those of another team's station."""
    stations = [*factories.StationFactory.create_batch(3, team=team), factories.StationFactory(team=other_team)]
    return [
        factories.MessageFactory.create(
            station=stations[number % 4],
            action=["Heartbeat", "BootNotification", "StatusNotification"][number % 3],
            direction="out" if number % 5 == 0 else "in",
            error_code="GenericError" if number % 7 == 0 else "",
            received_at=timezone.now() - timedelta(minutes=100 - number),
        )
        for number in range(60)
    ]


def newest(log: list[Message], condition=lambda message: True) -> list[int]:
    return [m.pk for m in reversed(log) if str(m.station.team) == "Nordlys Energie" and condition(m)]


@pytest.mark.usefixtures("few")
def test_pages_of_the_log_hold_the_newest_first(page, log):
    wanted = newest(log)
    assert listed(page.get(MESSAGES, {"per_page": 10})) == wanted[:10]
    assert listed(page.get(MESSAGES, {"per_page": 10, "page": 3})) == wanted[20:30]
    assert listed(page.get(MESSAGES, {"per_page": 10, "page": 99})) == wanted[40:]


@pytest.mark.usefixtures("few")
@pytest.mark.parametrize(
    ("query", "condition"),
    [
        ({"action": "heartbeat"}, lambda m: m.action == "Heartbeat"),
        ({"action": "BOOTNOTIFICATION"}, lambda m: m.action == "BootNotification"),
        ({"action": "statusnotification"}, lambda m: m.action == "StatusNotification"),
        ({"direction": "out"}, lambda m: m.direction == "out"),
        ({"direction": "in"}, lambda m: m.direction == "in"),
        ({"answer": "yes"}, lambda m: m.error_code != ""),
        ({"answer": "yes", "action": "Heartbeat"}, lambda m: m.error_code != "" and m.action == "Heartbeat"),
    ],
)
def test_a_filter_of_the_log_finds_what_it_says(page, log, query, condition):
    assert listed(page.get(MESSAGES, query | {"per_page": 50})) == newest(log, condition)


@pytest.mark.usefixtures("few")
def test_a_search_in_the_log_stays_within_ones_teams(page, log):
    own, strange = log[0].station, log[3].station
    assert listed(page.get(MESSAGES, {"q": own.identity, "per_page": 50})) == newest(log, lambda m: m.station == own)
    assert listed(page.get(MESSAGES, {"q": strange.identity})) == []


@pytest.mark.usefixtures("few")
def test_a_period_of_the_log_is_cut_at_both_ends(page, log):
    zone = ZoneInfo(settings.DISPLAY_TIME_ZONE)
    end = timezone.localtime(log[40].received_at, zone).replace(second=0, microsecond=0)
    start = end - timedelta(minutes=30)
    values = {"start": f"{start:%Y-%m-%dT%H:%M}", "end": f"{end:%Y-%m-%dT%H:%M}", "per_page": 50}
    assert listed(page.get(MESSAGES, values)) == newest(log, lambda m: start <= m.received_at < end)


@pytest.mark.usefixtures("few")
def test_a_cursor_of_the_api_goes_there_and_back(api, viewer, log):
    client, seen, link = api(viewer), [], "/api/v1/messages/?page_size=7"
    while link:
        body = client.get(link).json()
        seen.append([row["id"] for row in body["results"]])
        link = body["next"]
    assert list(chain(*seen)) == newest(log)
    assert [row["id"] for row in client.get(body["previous"]).json()["results"]] == seen[-2]


@pytest.mark.usefixtures("few")
def test_a_period_of_samples_begins_with_the_latest(api, viewer, session):
    begin = timezone.now() - timedelta(days=1)
    early, late = (
        factories.ReadingFactory(session=session, at=begin + timedelta(hours=hour)) for hour in (2, 1)
    )  # the later reading was stored first
    rows = api(viewer).get("/api/v1/samples/").json()["results"]
    assert [row["id"] for row in rows] == [late.pk, early.pk]
    rows = api(viewer).get("/api/v1/samples/", {"since": begin.isoformat()}).json()["results"]
    assert [row["id"] for row in rows] == [early.pk, late.pk]


def test_who_has_few_stations_gets_their_newest_by_their_own_index(page, api, viewer, log):
    if connection.vendor != "postgresql":
        pytest.skip("SQLite has no parks so big.")
    client = api(viewer)

    def asked(*get) -> str:
        with CaptureQueriesContext(connection) as queries:
            get[0](*get[1:])
        return next(query["sql"] for query in queries if 'FROM "maintenance_message"' in query["sql"])

    for get, address, errors in (
        (page.get, MESSAGES, {"answer": "yes"}),
        (client.get, "/api/v1/messages/", {"has_error": "true"}),
    ):
        assert "unnest((ARRAY(SELECT" in asked(get, address)
        assert "unnest" not in asked(get, address, errors)


def test_a_message_id_is_asked_for_together_with_its_station(api, viewer, log):
    client = api(viewer)
    assert "station" in str(client.get("/api/v1/messages/", {"message_id": "x"}).json()["errors"])
    message = log[0]
    Message.objects.filter(pk=message.pk).update(message_id="just-this")
    response = client.get("/api/v1/messages/", {"message_id": "just-this", "station": message.station.identity})
    assert [row["id"] for row in response.json()["results"]] == [message.pk]


def test_a_first_page_that_is_not_full_is_not_counted(page, session, django_assert_max_num_queries):
    page.get(SESSIONS)
    with django_assert_max_num_queries(9) as asked:
        response = page.get(SESSIONS)
    assert "1\u20131 of 1" in response.content.decode()
    counted = [query["sql"] for query in asked.captured_queries if "COUNT(" in query["sql"]]
    assert not [sql for sql in counted if "chargingsession" in sql]


def test_beyond_the_cap_rows_are_not_counted(page, team, monkeypatch):
    monkeypatch.setattr(CappedPaginator, "cap", 15)
    station = factories.StationFactory(team=team)
    factories.SessionFactory.create_batch(25, station=station, finished=True)
    text = page.get(SESSIONS, {"per_page": 10}).content.decode()
    assert "1\u201310 of 15+" in text
    assert "sort=energy_wh" not in text
    assert len(listed(page.get(SESSIONS, {"per_page": 10, "sort": "energy_wh", "page": 2}))) == 6


@pytest.mark.parametrize("sort", ["started_at", "-started_at", "energy_wh", "-max_power_w"])
def test_sorted_pages_hold_each_session_once(page, station, sort):
    made = factories.SessionFactory.create_batch(23, station=station, finished=True)
    seen = []
    for number in (1, 2, 3):
        seen += listed(page.get(SESSIONS, {"per_page": 10, "sort": sort, "page": number}))
    assert sorted(seen) == sorted(session.pk for session in made)


def test_a_person_in_two_teams_is_listed_once_in_the_admin(client, staff, user_with, other_team):
    person = user_with()
    factories.MembershipFactory(user=person, team=other_team)
    factories.UserFactory.create_batch(60)
    client.force_login(staff)
    answer = client.get("/admin/accounts/user/", {"q": "person", "p": 2})
    assert len({user.pk for user in answer.context["cl"].result_list}) == len(answer.context["cl"].result_list)
    answer = client.get("/admin/accounts/user/", {"memberships__team__id__exact": other_team.pk})
    assert list(answer.context["cl"].result_list) == [person]


def test_what_is_not_offered_is_not_sorted_by_in_the_admin(client, staff, log):
    client.force_login(staff)
    answer = client.get("/admin/maintenance/message/", {"o": "4"})
    assert [message.pk for message in answer.context["cl"].result_list] == [m.pk for m in reversed(log)][:50]


def test_a_reading_is_found_by_its_station_in_the_admin(client, staff, session):
    client.force_login(staff)
    reading = factories.ReadingFactory(session=session)
    factories.ReadingFactory()
    answer = client.get("/admin/charging_sessions/meterreading/", {"q": session.station.identity})
    assert list(answer.context["cl"].result_list) == [reading]
    assert MeterReading.objects.count() == 2
