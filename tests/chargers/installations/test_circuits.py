"""Circuits that are taken out of use, and the supply of an installation."""

from __future__ import annotations

from typing import Any

import pytest

from accounts.models import Team, User
from chargers.installations.services.circuits import activate_circuit, deactivate_circuit, save_circuit
from chargers.installations.services.installations import edit_installation
from chargers.installations.services.placing import place_station
from chargers.models import ChargingStation, Circuit, Installation
from chargers.stations.services.activity import set_station_active
from cpms.common.errors import DomainError, NotAllowed
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(team: Team) -> Installation:
    return factories.InstallationFactory.create(team=team, name="Hall 1")


@pytest.fixture
def inside(team: Team, place: Installation) -> ChargingStation:
    return factories.StationFactory.create(team=team, installation=place)


@pytest.fixture
def holder(place: Installation) -> Any:
    return lambda role: factories.GrantFactory.create(installation=place, role=role).user


def circuit(place: Installation, name: str, parent: Circuit | None = None) -> Circuit:
    return save_circuit(installation=place, circuit=None, name=name, max_current_a=63, phases=3, parent=parent)


def field_of(call: Any, **fields: Any) -> set[str]:
    with pytest.raises(DomainError) as caught:
        call(**fields)
    return set(caught.value.fields)


# --- circuits that are taken out of use ---------------------------------------------------------------------------


def test_a_circuit_that_feeds_stations_is_deactivated_by_moving_them(
    place: Installation, inside: ChargingStation
) -> None:
    """D1, Z7."""
    main = circuit(place, "Main")
    row_a, row_b = circuit(place, "Row A", main), circuit(place, "Row B", main)
    end = circuit(place, "End", row_a)
    place_station(station=inside, installation=place, circuit=row_a)
    with pytest.raises(DomainError, match=f"End, {inside.identity}"):
        deactivate_circuit(circuit=row_a)
    for wrong in (row_a, end, circuit(factories.InstallationFactory.create(team=inside.team), "Elsewhere")):
        assert field_of(deactivate_circuit, circuit=row_a, move_to=wrong) == {"move_to"}
    deactivate_circuit(circuit=row_a, move_to=row_b)
    for row in (row_a, end, inside):
        row.refresh_from_db()
    assert row_a.deactivated_at is not None
    assert (end.parent, inside.circuit) == (row_b, row_b)


def test_a_deactivated_circuit_takes_nothing(place: Installation, inside: ChargingStation) -> None:
    row_a = circuit(place, "Row A")
    deactivate_circuit(circuit=row_a)
    row_a.refresh_from_db()
    assert field_of(place_station, station=inside, installation=place, circuit=row_a) == {"circuit"}
    assert field_of(circuit, place=place, name="B", parent=row_a) == {"parent"}
    activate_circuit(circuit=row_a)
    row_a.refresh_from_db()
    place_station(station=inside, installation=place, circuit=row_a)
    assert inside.team is not None


def test_a_circuit_is_activated_only_below_an_active_one(place: Installation) -> None:
    main = circuit(place, "Main")
    row_a = circuit(place, "Row A", main)
    deactivate_circuit(circuit=row_a)
    deactivate_circuit(circuit=main)
    with pytest.raises(DomainError, match="“Main”"):
        activate_circuit(circuit=row_a)


def test_a_deactivated_station_keeps_its_circuit_and_returns_only_to_an_active_one(
    place: Installation, inside: ChargingStation
) -> None:
    row_a = circuit(place, "Row A")
    place_station(station=inside, installation=place, circuit=row_a)
    set_station_active(station=inside, is_active=False)
    deactivate_circuit(circuit=row_a)
    with pytest.raises(DomainError, match="“Row A”"):
        set_station_active(station=inside, is_active=True)
    activate_circuit(circuit=row_a)
    set_station_active(station=inside, is_active=True)


# --- address, position and supply ---------------------------------------------------------------------------------


def test_supply_and_position_are_checked(place: Installation) -> None:
    """Z4, Z6."""
    wrong = [
        ({"time_zone": "Mars/Base"}, "time_zone"),
        ({"grid_type": "XX"}, "grid_type"),
        ({"phases": 2}, "phases"),
        ({"voltage_v": 12}, "voltage_v"),
        ({"main_breaker_a": 0}, "main_breaker_a"),
        ({"main_breaker_a": "63.25"}, "main_breaker_a"),
        ({"latitude": 53.5}, "longitude"),
        ({"latitude": 91, "longitude": 0}, "latitude"),
        ({"category": "castle"}, "category"),
    ]
    for fields, name in wrong:
        assert field_of(edit_installation, installation=place, fields=fields) == {name}
    fields = {"latitude": 53.5510864, "longitude": 9.993682, "time_zone": "Europe/Berlin", "main_breaker_a": "62.5"}
    edited = edit_installation(installation=place, fields=fields | {"access_notes": "Gate 2\nLevel -1"})
    assert (str(edited.latitude), str(edited.main_breaker_a)) == ("53.551086", "62.5")
    assert edited.zone.key == "Europe/Berlin"  # type: ignore[attr-defined]


def test_owners_do_not_edit_the_supply_and_the_service_does_not_edit_the_address(
    holder: Any, place: Installation
) -> None:
    """Z15, Z16."""
    edit_installation(installation=place, fields={"hotline": "112"}, actor=holder("owner"))
    edit_installation(installation=place, fields={"main_breaker_a": 80}, actor=holder("service"))
    with pytest.raises(NotAllowed, match="supply"):
        edit_installation(installation=place, fields={"main_breaker_a": 63}, actor=holder("owner"))
    with pytest.raises(NotAllowed, match="address"):
        edit_installation(installation=place, fields={"hotline": "113"}, actor=holder("service"))
    with pytest.raises(NotAllowed):
        edit_installation(installation=place, fields={"hotline": "113"}, actor=holder("user"))


def test_circuits_are_deactivated_by_the_api(api: Any, administrator: User, place: Installation) -> None:
    """D1."""
    row_a, row_b, station = circuit(place, "A"), circuit(place, "B"), factories.StationFactory.create(team=place.team)
    place_station(station=station, installation=place, circuit=row_a)
    client, url = api(administrator), f"/api/v1/installations/{place.pk}/circuits/{row_a.pk}/"
    answer = client.post(f"{url}deactivate/", {}, format="json")
    assert answer.status_code == 400 and station.identity in str(answer.json())
    answer = client.post(f"{url}deactivate/", {"move_to": row_b.pk + 1000}, format="json")
    assert answer.status_code == 400 and "move_to" in str(answer.json())
    answer = client.post(f"{url}deactivate/", {"move_to": row_b.pk}, format="json")
    assert answer.status_code == 200 and answer.json()["deactivated_at"]
    assert client.post(f"{url}activate/").json()["deactivated_at"] is None
