"""What support staff can still change of a station that has a team."""

from django.urls import reverse

from chargers.onboarding.services.handover import hand_over_station

STATIONS = "admin:chargers_chargingstation"
NO_CONNECTORS = {"connectors-TOTAL_FORMS": 0, "connectors-INITIAL_FORMS": 0}


def test_a_station_changes_its_team_by_handing_over_only(office, station, other_team):
    """Vi8: a team that got the row would get all that the other one's station said."""
    path = reverse(f"{STATIONS}_change", args=[station.pk])
    assert reverse("chargers:station_hand_over", args=[station.pk]) in office.get(path).content.decode()
    body = {"team": other_team.pk, "name": "N", "protocol": "1.6", "registration": "accepted"} | NO_CONNECTORS
    assert office.post(path, body).status_code == 302
    before = station.team
    station.refresh_from_db()
    assert (station.team, station.name) == (before, "N")


def test_a_station_that_was_handed_over_gets_no_password(office, station, other_team):
    """Vi8."""
    hand_over_station(station=station, team=other_team)
    path = reverse(f"{STATIONS}_change", args=[station.pk])
    page = office.get(path).content.decode()
    assert "new_password" not in page and "hand-over" not in page
    body = {"name": "N", "protocol": "1.6", "registration": "accepted", "new_password": "geheim"} | NO_CONNECTORS
    answer = office.post(path, body)
    assert answer.status_code == 200 and "new_password" in answer.context["adminform"].form.errors
    assert office.post(path, body | {"new_password": ""}).status_code == 302
