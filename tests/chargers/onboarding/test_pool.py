"""Stations in the pool, and their assignment to a team by support staff in the portal (D4, Vi4)."""

import pytest
from django.urls import reverse
from django.utils import timezone

from chargers.models import ChargingStation
from tests import factories

pytestmark = pytest.mark.django_db
POOL = "chargers:station_pool"
CANNOT_WORK = ("remote_start", "unlock", "change_availability", "clear_cache")


@pytest.fixture
def waiting():
    node = factories.GatewayNodeFactory(alive_at=timezone.now())
    station = factories.StationFactory(
        team=None, password=None, identity="STRANGER-1", registration="pending", node=node, connected_at=timezone.now()
    )
    factories.ConnectorFactory(station=station, number=1)
    return station


def test_its_status_is_waiting_for_assignment(as_person, staff, waiting):
    page = as_person(staff)
    for url in (waiting.get_absolute_url(), reverse("chargers:station_list"), reverse(POOL)):
        assert "Waiting for assignment" in page.get(url).content.decode()


def test_it_has_no_buttons_that_cannot_work(as_person, staff, waiting, station):
    text = as_person(staff).get(waiting.get_absolute_url()).content.decode()
    for kind in CANNOT_WORK:
        assert reverse("operations:station_command", args=[waiting.pk, kind]) not in text
    for kind in ("reset", "trigger_message", "get_configuration"):
        assert reverse("operations:station_command", args=[waiting.pk, kind]) in text
    for name in ("remote_start", "availability"):
        assert waiting.identity not in as_person(staff).get(reverse(f"operations:{name}")).content.decode()
    assert reverse("chargers:station_assign", args=[waiting.pk]) in text
    assert (
        reverse("chargers:station_assign", args=[station.pk])
        not in as_person(staff).get(station.get_absolute_url()).content.decode()
    )


def test_support_staff_assigns_it_to_a_team_and_sees_its_password_once(as_person, staff, waiting, team):
    page = as_person(staff)
    assert f">{1} waiting for assignment" in page.get(reverse("chargers:station_list")).content.decode()
    response = page.post(reverse("chargers:station_assign", args=[waiting.pk]), {"team": team.pk})
    station = ChargingStation.objects.get(pk=waiting.pk)
    assert station.team == team and bytes(station.password).decode() in response.content.decode()
    assert page.get(reverse("chargers:station_assign", args=[waiting.pk])).status_code == 404
    assert waiting.identity not in page.get(reverse(POOL)).content.decode()


def test_only_support_staff_sees_the_pool(as_person, administrator, waiting, team):
    """Vi4."""
    page = as_person(administrator)
    assert page.get(reverse(POOL)).status_code == 403
    assert page.post(reverse("chargers:station_assign", args=[waiting.pk]), {"team": team.pk}).status_code == 404
    for url in (waiting.get_absolute_url(), reverse("chargers:station_live", args=[waiting.pk])):
        assert page.get(url).status_code == 404
    assert "waiting for assignment" not in page.get(reverse("chargers:station_list")).content.decode()


def test_query_count_does_not_grow_with_waiting_stations(as_person, staff, waiting, django_assert_max_num_queries):
    factories.StationFactory.create_batch(15, team=None)
    page = as_person(staff)
    page.get(reverse(POOL))
    with django_assert_max_num_queries(14):
        assert page.get(reverse(POOL)).status_code == 200
