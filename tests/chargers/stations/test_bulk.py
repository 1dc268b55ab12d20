"""Rows of the stations list are ticked, and changed together (W49, W50, P21)."""

import pytest
from django.contrib.messages import get_messages
from django.urls import reverse

from accounts.access.rights import Role
from accounts.audit.services import Action
from accounts.models import AuditEntry
from chargers.models import ChargingStation, StationGroup
from chargers.stations.services.activity import set_stations_active
from cpms.common import outcomes
from operations.models import Command
from tests import factories

STATIONS = reverse("chargers:station_list")


@pytest.fixture
def park(team, online):
    return [online(team, identity=f"A-{number}") for number in (1, 2, 3)]


def act(client, action, stations, *, query="", **data):
    rows = [station.pk for station in stations]
    return client.post(f"{STATIONS}{query}", {"do": action, "row": rows, "confirm": "yes", **data})


def said(response):
    return " ".join(str(message) for message in get_messages(response.wsgi_request))


def active() -> set[str]:
    return set(ChargingStation.objects.filter(deactivated_at=None).values_list("identity", flat=True))


def test_ticked_stations_are_deactivated_and_activated_together(page, park):
    """W50."""
    response = act(page, "deactivate", park[:2])
    assert response.status_code == 302 and response["Location"] == STATIONS
    assert said(response) == "2 stations deactivated."
    assert active() == {"A-3"}
    entries = AuditEntry.objects.filter(object_id__in=[one.pk for one in park], action=Action.UPDATE)
    assert entries.count() == 2
    assert act(page, "activate", park[:2]).status_code == 422  # they are not listed now
    act(page, "activate", park[:2], query="?deactivated=also")
    assert active() == {"A-1", "A-2", "A-3"}


def test_it_is_asked_first_what_will_happen_to_how_many(page, park):
    response = page.post(STATIONS, {"do": "deactivate", "row": [one.pk for one in park]})
    text = response.content.decode()
    assert "Deactivate 3 stations?" in text and "A-1, A-2, A-3" in text and "Running sessions continue" in text
    assert len(active()) == 3


def test_only_own_stations_can_be_ticked(page, operator, other_team, park):
    """W49: neither on the page nor by a forged request."""
    shared = factories.StationFactory(team=other_team, identity="S-1")
    factories.GrantFactory(station=shared, user=operator, role="service")
    text = page.get(STATIONS).content.decode()
    box = text.partition(f'name="row" value="{shared.pk}"')[2].partition(">")[0]
    assert "disabled" in box and "Shared with you" in box
    assert "disabled" not in text.partition(f'name="row" value="{park[0].pk}"')[2].partition(">")[0]
    assert act(page, "deactivate", [shared]).status_code == 422
    act(page, "deactivate", [shared, park[0]])
    assert active() == {"A-2", "A-3", "S-1"}


def test_all_that_match_the_filter_are_changed_on_other_pages_too(page, team, park, online):
    for number in range(12):
        online(team, identity=f"B-{number:02}")
    asked = page.post(f"{STATIONS}?q=B-&per_page=10", {"do": "deactivate", "all": "yes"})
    assert "Deactivate 12 stations?" in asked.content.decode()
    act(page, "deactivate", asked.context["rows"], query="?q=B-&per_page=10")
    assert active() == {"A-1", "A-2", "A-3"}


def test_what_is_refused_is_said_with_its_reason(page, park):
    ChargingStation.objects.filter(pk=park[1].pk).update(
        deactivated_at="2026-01-01T00:00Z", handed_over_at="2026-01-01T00:00Z", password=None, password_hash=""
    )
    set_stations_active(stations=park[:1], is_active=False)
    response = act(page, "activate", park[:2], query="?deactivated=also")
    assert said(response) == (
        "1 station activated. 1 was not: This station was handed over to another team and cannot be activated here."
        " (A-2)"
    )
    assert active() == {"A-1", "A-3"}


def test_too_many_are_refused(page, park, monkeypatch):
    monkeypatch.setattr("cpms.common.web.bulk.MAX_ROWS", 2)
    response = page.post(STATIONS, {"do": "deactivate", "all": "yes"})
    assert response.status_code == 422 and "At most 2 rows" in response.content.decode()
    assert "Nothing is selected" in page.post(STATIONS, {"do": "deactivate"}).content.decode()


def test_a_viewer_can_only_add_to_groups(as_person, viewer, park):
    client = as_person(viewer)
    text = client.get(STATIONS).content.decode()
    assert 'value="group"' in text and 'value="deactivate"' not in text and 'value="reset"' not in text
    for name in ("activate", "deactivate", "move", "trigger", "reset", "nonsense"):
        assert act(client, name, park).status_code == 403
    assert len(active()) == 3 and not Command.objects.exists()


def test_a_stranger_changes_nothing(as_person, stranger, park):
    client = as_person(stranger)
    factories.MembershipFactory(user=stranger, team=factories.TeamFactory(), role=Role.ADMIN)
    for name in ("deactivate", "reset", "trigger", "group"):
        assert act(client, name, park, name="x", message="Heartbeat").status_code in (403, 422)
    assert len(active()) == 3 and not Command.objects.exists() and not StationGroup.objects.exists()


def test_a_right_is_checked_for_each_station(team, other_team, park, user_with):
    """An operator of one team who views another."""
    both = user_with(Role.OPERATOR)
    factories.MembershipFactory(user=both, team=other_team, role=Role.VIEWER)
    seen = factories.StationFactory(team=other_team, identity="Z-1")
    outcome = set_stations_active(stations=[*park, seen], is_active=False, actor=both)
    assert outcome.done == 3
    (sentence,) = outcome.refusal_sentences()
    assert sentence == "1 was not: You may not change the technical settings of this station. (Z-1)"


def test_many_names_are_cut(db):
    refusals = [outcomes.Refusal(f"S-{number}", "Because.") for number in range(8)]
    (sentence,) = outcomes.Outcome(0, refusals).refusal_sentences()
    assert sentence == "8 were not: Because. (S-0, S-1, S-2, S-3, S-4 and 3 more)"


def test_stations_are_moved_to_a_circuit(as_person, administrator, team, park):
    installation = factories.InstallationFactory(team=team, name="Harbour")
    circuit = factories.CircuitFactory(installation=installation, name="Row 1")
    client = as_person(administrator)
    asked = client.post(STATIONS, {"do": "move", "row": [park[0].pk]}).content.decode()
    assert "Harbour" in asked and "Row 1" in asked
    response = act(client, "move", park[:2], place=f"{installation.pk}-{circuit.pk}")
    assert said(response) == "2 stations moved."
    assert set(circuit.stations.values_list("identity", flat=True)) == {"A-1", "A-2"}
    assert act(client, "move", park[:2], place="999").status_code == 422


def test_stations_of_several_teams_are_not_moved(as_person, administrator, team, other_team, park):
    factories.MembershipFactory(user=administrator, team=other_team, role=Role.ADMIN)
    installation = factories.InstallationFactory(team=team)
    other = factories.StationFactory(team=other_team)
    response = act(as_person(administrator), "move", [park[0], other], place=str(installation.pk))
    assert response.status_code == 422 and "belong to several teams" in response.content.decode()


def test_stations_are_added_to_a_group_of_ones_own(page, operator, viewer, park):
    assert said(act(page, "group", park[:2], name="Route")) == "2 stations added to the group."
    group = StationGroup.objects.get(user=operator)
    assert group.name == "Route" and group.stations.count() == 2
    act(page, "group", park[2:], group=group.pk)
    assert group.stations.count() == 3
    other = factories.StationGroupFactory(user=viewer)
    assert act(page, "group", park, group=other.pk).status_code == 422
    assert act(page, "group", park).status_code == 422 and not other.stations.exists()


@pytest.mark.parametrize(
    ("name", "kind", "parameters"),
    [("reset", "reset", {"type": "Soft"}), ("trigger", "trigger_message", {"message": "MeterValues"})],
)
def test_commands_are_sent_to_all_ticked_stations(page, park, operator, name, kind, parameters):
    response = act(page, name, park, message="MeterValues")
    assert "sent to 3 stations." in said(response)
    commands = Command.objects.all()
    assert {command.station_id for command in commands} == {station.pk for station in park}
    assert all((one.kind, one.parameters, one.requested_by) == (kind, parameters, operator) for one in commands)


def test_a_message_that_is_not_offered_is_refused(page, park):
    assert act(page, "trigger", park, message="Heartbeat").status_code == 422
