"""Groups, tags and notifications over the API."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from accounts.access.rights import Role
from accounts.models import AuditEntry
from chargers.models import StationGroup, Tag
from chargers.tags.services.authorization import authorize_tag
from maintenance.models import Notification
from tests import factories

GROUPS, TAGS, NOTIFICATIONS = "/api/v1/groups/", "/api/v1/tags/", "/api/v1/notifications/"


def test_a_group_is_made_changed_and_deleted(api, viewer, station, team):
    """W30."""
    client, other = api(viewer), factories.StationFactory(team=team)
    made = client.post(GROUPS, {"name": "Nord", "stations": [station.identity]}, format="json")
    assert (made.status_code, made.json()["stations"]) == (201, [station.identity])
    address = made["Location"]
    assert client.get(GROUPS).json()["results"] == [{"id": made.json()["id"], "name": "Nord", "station_count": 1}]
    changed = client.patch(address, {"stations": [other.identity]}, format="json").json()
    assert (changed["name"], changed["stations"]) == ("Nord", [other.identity])
    renamed = client.patch(address, {"name": "Süd"}, format="json").json()
    assert (renamed["name"], renamed["stations"]) == ("Süd", [other.identity])
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404


def test_a_group_takes_no_station_that_one_cannot_see(api, viewer, other_team):
    """S18."""
    foreign = factories.StationFactory(team=other_team)
    for identity in (foreign.identity, "none"):
        refused = api(viewer).post(GROUPS, {"name": "x", "stations": [identity]}, format="json")
        assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "stations")
    assert not StationGroup.objects.exists()


def test_a_group_shows_no_station_that_one_sees_no_more(api, viewer, station):
    group = factories.StationGroupFactory(user=viewer)
    group.stations.add(station)
    client = api(viewer)
    assert client.get(f"{GROUPS}{group.pk}/").json()["stations"] == [station.identity]
    station.team = None
    station.save()
    assert client.get(f"{GROUPS}{group.pk}/").json()["stations"] == []


def test_a_name_is_taken_once(api, viewer):
    client = api(viewer)
    assert client.post(GROUPS, {"name": "Nord"}, format="json").status_code == 201
    refused = client.post(GROUPS, {"name": "NORD"}, format="json")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "name")


def test_groups_are_found_by_name_and_station(api, viewer, station):
    one, _two = (factories.StationGroupFactory(user=viewer, name=name) for name in ("Nord", "Süd"))
    one.stations.add(station)
    client = api(viewer)
    for asked in ({"q": "ord"}, {"station": station.identity}):
        assert [row["name"] for row in client.get(GROUPS, asked).json()["results"]] == ["Nord"]


def test_a_tag_is_made_changed_blocked_and_deleted(api, operator, station):
    """W73, W77."""
    client = api(operator)
    made = client.post(TAGS, {"value": "04A2C7B1", "label": "Ada", "stations": [station.identity]}, format="json")
    assert made.status_code == 201
    assert (made.json()["stations"], made.json()["status"]) == ([station.identity], "accepted")
    address = made["Location"]
    blocked = client.patch(address, {"status": "blocked"}, format="json").json()
    assert (blocked["status"], blocked["label"], blocked["stations"]) == ("blocked", "Ada", [station.identity])
    assert client.patch(address, {"stations": [], "kind": "company"}, format="json").json()["stations"] == []
    assert client.delete(address).status_code == 204
    entries = AuditEntry.objects.filter(content_type__model="tag", actor_email=operator.email)
    assert set(entries.values_list("action", flat=True)) == {0, 1, 2}


def test_the_type_of_a_tag_is_written_and_kept(api, operator, station):
    """W75."""
    client = api(operator)
    made = client.post(TAGS, {"value": "04A2", "kind": "private"}, format="json")
    assert made.json()["kind"] == "private"
    assert client.patch(made["Location"], {"label": "Ada"}, format="json").json()["kind"] == "private"
    assert client.patch(made["Location"], {"kind": "company"}, format="json").json()["kind"] == "company"
    assert client.patch(made["Location"], {"kind": "leased"}, format="json").status_code == 400
    assert client.post(TAGS, {"value": "04A3"}, format="json").json()["kind"] == "other"
    assert authorize_tag(station=station, value="04A2").is_accepted


def test_where_and_when_a_tag_is_valid_is_read_and_written(api, operator, station, team):
    """B18: an empty list never widens a tag, only the scope does."""
    client = api(operator)
    place = factories.InstallationFactory(team=team)
    group = factories.StationGroupFactory(user=operator)
    windows = [{"days": [1, 2], "from": "07:00", "to": "19:00"}]
    body = {"value": "04A2", "installations": [place.pk], "groups": [group.pk], "time_windows": windows}
    made = client.post(TAGS, body, format="json")
    assert made.status_code == 201, made.content
    told, path = made.json(), f"{TAGS}{made.json()['id']}/"
    assert (told["scope"], told["installations"], told["groups"]) == ("selected", [place.pk], [group.pk])
    assert (told["time_windows"], client.get(TAGS).json()["results"][0]["time_windows"]) == (windows, windows)
    told = client.patch(path, {"installations": [], "groups": []}, format="json").json()
    assert (told["scope"], told["installations"], told["groups"]) == ("selected", [], [])
    told = client.patch(
        path, {"stations": [station.identity], "valid_from": "2026-01-01T00:00:00Z"}, format="json"
    ).json()
    assert (told["stations"], told["valid_from"], told["time_windows"]) == (
        [station.identity],
        "2026-01-01T00:00:00Z",
        windows,
    )
    told = client.patch(path, {"scope": "all", "time_windows": []}, format="json").json()
    assert (told["scope"], told["stations"], told["time_windows"]) == ("all", [], [])


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        ({"scope": "all", "installations": []}, ""),
        ({"scope": "some"}, "scope"),
        ({"installations": [999999]}, "installations"),
        ({"groups": [999999]}, "groups"),
        ({"time_windows": [{"days": [8], "from": "07:00", "to": "19:00"}]}, "time_windows"),
        ({"time_windows": [{"days": [1], "from": "7", "to": "19:00"}]}, "time_windows"),
        ({"time_windows": [{"days": [1], "from": "07:00"}]}, "time_windows"),
        ({"valid_from": "2027-01-01T00:00:00Z", "expires_at": "2026-01-01T00:00:00Z"}, "expires_at"),
    ],
)
def test_errors_of_a_tag_name_the_field(api, operator, wrong, field):
    answer = api(operator).post(TAGS, wrong, format="json")
    if not field:
        assert answer.status_code == 201
        return
    assert answer.status_code == 400
    assert answer.json()["errors"][0]["field"].partition(".")[0] == field


def test_an_empty_value_makes_a_random_virtual_tag(api, operator):
    """W74."""
    assert api(operator).post(TAGS, {}, format="json").json()["value"].startswith("V")


def test_a_viewer_reads_tags_and_changes_none(api, viewer, tag):
    client = api(viewer)
    assert client.get(f"{TAGS}{tag.pk}/").json()["value"] == tag.value
    assert client.patch(f"{TAGS}{tag.pk}/", {"label": "x"}, format="json").status_code == 403
    assert client.post(TAGS, {}, format="json").status_code == 403


def test_who_operates_two_teams_says_whose_a_tag_is(api, user_with, other_team, team):
    person = user_with(Role.OPERATOR)
    factories.MembershipFactory(team=other_team, user=person, role=Role.OPERATOR)
    client = api(person)
    assert client.post(TAGS, {}, format="json").json()["errors"][0]["field"] == "team"
    assert client.post(TAGS, {"team": "none"}, format="json").status_code == 400
    assert client.post(TAGS, {"team": other_team.handle}, format="json").json()["team"] == other_team.handle


def test_a_tag_is_for_no_station_of_another_team(api, operator, other_team):
    foreign = factories.StationFactory(team=other_team)
    refused = api(operator).post(TAGS, {"stations": [foreign.identity]}, format="json")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "stations")


@pytest.mark.parametrize(
    ("asked", "count"),
    [
        ({"is_valid": "true"}, 1),
        ({"is_valid": "false"}, 1),
        ({"status": "blocked"}, 1),
        ({"value": "one"}, 1),
        ({"q": "lab"}, 2),
    ],
)
def test_tags_are_filtered(api, viewer, team, asked, count):
    factories.TagFactory(team=team, value="ONE", label="label")
    factories.TagFactory(team=team, value="TWO", label="label", status=Tag.Status.BLOCKED)
    assert len(api(viewer).get(TAGS, asked).json()["results"]) == count


@pytest.mark.parametrize("path", [GROUPS, TAGS, NOTIFICATIONS])
def test_the_queries_of_a_list_do_not_grow(api, viewer, team, station, path):
    client, counts = api(viewer), []
    client.get(path)
    for count in (1, 10):
        factories.TagFactory.create_batch(count, team=team)
        for _number in range(count):
            factories.StationGroupFactory(user=viewer).stations.add(station)
            factories.NotificationFactory(user=viewer, station=station)
        with CaptureQueriesContext(connection) as done:
            assert client.get(path).json()["results"]
        counts.append(len(done))
    assert counts[0] == counts[1]


def test_notifications_are_read_one_by_one_or_up_to_one(api, viewer, operator, station):
    """W29."""
    rows = [factories.NotificationFactory(user=viewer, station=station) for _ in range(3)]
    foreign = factories.NotificationFactory(user=operator, station=station)
    client = api(viewer)
    results = client.get(NOTIFICATIONS).json()["results"]
    assert [row["id"] for row in results] == [row.pk for row in reversed(rows)]
    assert (results[0]["station"], "is faulted" in results[0]["text"]) == (station.identity, True)
    assert client.post(f"{NOTIFICATIONS}{rows[0].pk}/read/").json()["read_at"] is not None
    assert client.post(f"{NOTIFICATIONS}{foreign.pk}/read/").status_code == 404
    assert client.post(f"{NOTIFICATIONS}read/", {"until": rows[1].pk}, format="json").json() == {"count": 1}
    assert [row["id"] for row in client.get(NOTIFICATIONS, {"is_read": "false"}).json()["results"]] == [rows[2].pk]
    assert Notification.objects.get(pk=foreign.pk).read_at is None
