"""Deactivated stations are hidden by default, and cannot be used for charging (Z10)."""

from datetime import UTC, datetime

import pytest
from django.urls import reverse

from accounts.audit.services import Action
from accounts.models import AuditEntry, User
from chargers.models import ChargingStation
from chargers.stations.services.activity import set_station_active
from chargers.tags.services.authorization import authorize_tag
from cpms.common.errors import DomainError, NotAllowed
from operations.commands.services.asking import request_command
from tests import factories
from tests.cpms.common.test_lists import rows_of

STATIONS, SESSIONS, MESSAGES = (
    reverse(name) for name in ("chargers:station_list", "sessions:session_list", "maintenance:message_list")
)


@pytest.fixture
def both(team, online):
    """An active and a deactivated station, each with a session and a message."""
    made = [online(team), online(team)]
    for station in made:
        factories.SessionFactory(station=station, finished=True)
        factories.MessageFactory(station=station)
    return [made[0], set_station_active(station=made[1], is_active=False)]


def test_lists_figures_and_search_exclude_it_by_default(page, both):
    """Z10."""
    assert rows_of(page.get(STATIONS)) == both[:1]
    assert len(rows_of(page.get(reverse("chargers:connector_list")))) == 1
    assert page.get("/").context["figures"].stations == 1


@pytest.mark.parametrize("route", ["chargers:station_list", "chargers:connector_list"])
def test_a_filter_of_the_list_shows_it(page, both, route):
    """Z10."""
    assert len(rows_of(page.get(reverse(route), {"deactivated": "also"}))) == 2
    (row,) = rows_of(page.get(reverse(route), {"deactivated": "only"}))
    assert getattr(row, "station", row) == both[1]
    assert len(rows_of(page.get(reverse(route)))) == 1


def test_its_sessions_and_messages_stay_visible(page, both):
    assert len(rows_of(page.get(SESSIONS))) == 2
    assert len(rows_of(page.get(SESSIONS, {"q": both[1].identity}))) == 1
    assert len(rows_of(page.get(MESSAGES, {"q": both[1].identity}))) == 1
    text = page.get(both[1].get_absolute_url()).content.decode()
    assert "This station has been deactivated since" in text and "Start session" not in text


def test_the_time_of_deactivation_is_in_the_users_format_and_zone(page, operator, both):
    deactivated = ChargingStation.objects.exclude(deactivated_at=None).get()
    ChargingStation.objects.filter(pk=deactivated.pk).update(deactivated_at=datetime(2026, 11, 26, 23, 30, tzinfo=UTC))
    User.objects.filter(pk=operator.pk).update(date_format="iso", time_zone="Europe/Berlin")
    assert "deactivated since 2026-11-27 00:30" in page.get(deactivated.get_absolute_url()).content.decode()


def test_tags_and_remote_starts_are_refused(both, tag, operator):
    assert [authorize_tag(station=station, value=tag.value).status for station in both] == ["Accepted", "Invalid"]
    parameters = {"id_tag": tag.value, "connector": 1}
    with pytest.raises(DomainError):
        request_command(station=both[1], kind="remote_start", parameters=parameters, actor=operator)


def test_deactivating_and_activating_is_recorded_in_the_audit_log(page, station):
    """W50."""
    url = reverse("chargers:station_activity", args=[station.pk])
    assert "Deactivate the station?" in page.get(url).content.decode()
    page.post(url)
    assert ChargingStation.objects.get(pk=station.pk).deactivated_at is not None
    page.post(url, {"do": "activate"})
    assert ChargingStation.objects.get(pk=station.pk).deactivated_at is None
    entries = AuditEntry.objects.filter(object_id=station.pk, action=Action.UPDATE)
    assert ["deactivated_at" in entry.changes for entry in entries] == [True, True]


def test_an_owner_cannot_deactivate_it(station):
    """Z15."""
    owner: User = factories.GrantFactory(station=station, role="owner").user
    with pytest.raises(NotAllowed):
        set_station_active(station=station, is_active=False, actor=owner)


def test_the_api_shows_it_and_since_when(api, operator, both):
    rows = api(operator).get("/api/v1/stations/").json()["results"]
    assert sorted(row["deactivated_at"] is None for row in rows) == [False, True]
