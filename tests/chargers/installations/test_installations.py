"""Installations, their circuits, and their stations (Z14-Z16)."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from accounts.access.rights import Can, Role
from accounts.models import Grant, Team, User
from chargers.installations.services.circuits import remove_circuit, save_circuit
from chargers.installations.services.installations import add_installation, edit_installation
from chargers.installations.services.placing import place_station
from chargers.installations.services.wiring import tree
from chargers.models import ChargingStation, Circuit, Installation
from chargers.onboarding.services import registration
from cpms.common.errors import DomainError, NotAllowed
from tests import factories

pytestmark = pytest.mark.django_db
SUPPLY = {"grid_type": "TN", "phases": "3", "voltage_v": "230"}


@pytest.fixture
def place(team: Team) -> Installation:
    return factories.InstallationFactory.create(team=team, name="Hall 1")


@pytest.fixture
def inside(team: Team, place: Installation) -> ChargingStation:
    return factories.StationFactory.create(team=team, installation=place)


@pytest.fixture
def holder(place: Installation) -> Any:
    return lambda role: factories.GrantFactory.create(installation=place, role=role).user


def circuit(place: Installation, name: str, parent: Circuit | None = None, **more: Any) -> Circuit:
    fields = {"circuit": None, "max_current_a": 63, "phases": 3} | more
    return save_circuit(installation=place, name=name, parent=parent, **fields)


def field_of(call: Any, **fields: Any) -> set[str]:
    with pytest.raises(DomainError) as caught:
        call(**fields)
    return set(caught.value.fields)


def test_names_of_installations_are_unique_in_a_team(team: Team, other_team: Team, place: Installation) -> None:
    assert field_of(add_installation, team=team, fields={"name": "hall 1"}) == {"name"}
    assert field_of(add_installation, team=team, fields={"name": " "}) == {"name"}
    assert field_of(add_installation, team=team, fields={"name": "a\x00b"}) == {"name"}
    assert field_of(edit_installation, installation=place, fields={"country": "D1"}) == {"country"}
    assert field_of(edit_installation, installation=place, fields={"city": "x" * 121}) == {"city"}
    assert add_installation(team=other_team, fields={"name": "Hall 1", "country": "de"}).country == "DE"


def test_an_owner_edits_the_address_and_the_service_edits_circuits(holder: Any, place: Installation) -> None:
    """Z14, Z15, Z16."""
    owner, service = holder("owner"), holder("service")
    edit_installation(installation=place, fields={"city": "Bergen"}, actor=owner)
    circuit(place, "Grid", actor=service)
    with pytest.raises(NotAllowed):
        edit_installation(installation=place, fields={"city": "Oslo"}, actor=service)
    with pytest.raises(NotAllowed):
        circuit(place, "Other", actor=owner)
    with pytest.raises(NotAllowed):
        remove_circuit(circuit=place.circuits.get(), actor=owner)


def test_access_to_one_station_changes_nothing_of_the_whole_installation(inside: Any, place: Installation) -> None:
    for role in ("owner", "service"):
        user = factories.GrantFactory.create(station=inside, role=role).user
        assert Installation.objects.visible_to(user).get() == place
        with pytest.raises(NotAllowed):
            edit_installation(installation=place, fields={"city": "Oslo"}, actor=user)
        with pytest.raises(NotAllowed):
            circuit(place, "Grid", actor=user)


def test_circuits_are_a_tree(place: Installation, team: Team) -> None:
    """Z5, Z6."""
    grid = circuit(place, "Grid", max_current_a=250)
    row = circuit(place, "Row A", grid)
    end = circuit(place, "End", row)
    for parent in (grid, end, row):
        fields = {"installation": place, "circuit": grid, "name": "Grid", "max_current_a": 9, "phases": 3}
        assert field_of(save_circuit, parent=parent, **fields) == {"parent"}
    foreign = circuit(factories.InstallationFactory.create(team=team), "Elsewhere")
    assert field_of(circuit, place=place, name="B", parent=foreign) == {"parent"}
    assert field_of(circuit, place=place, name="Grid", parent=grid) == {"name"}
    assert field_of(circuit, place=place, name="B", parent=grid, max_current_a=0) == {"max_current_a"}
    assert field_of(circuit, place=place, name="B", parent=grid, phases=2) == {"phases"}
    assert [(branch.circuit.name, branch.depth) for branch in tree(list(place.circuits.all()))] == [
        ("Grid", 0), ("Row A", 1), ("End", 2),
    ]  # fmt: skip
    with pytest.raises(DomainError):
        remove_circuit(circuit=row)
    remove_circuit(circuit=end)
    assert place.circuits.count() == 2


def test_a_circuit_with_a_larger_fuse_than_its_parent_is_marked(client: Any, viewer: User, place: Installation) -> None:
    """Z2."""
    main = factories.CircuitFactory.create(installation=place, name="Main", max_current_a=63)
    for name, most in (("Row A", 63), ("Row B", 64)):
        factories.CircuitFactory.create(installation=place, name=name, parent=main, max_current_a=most)
    client.force_login(viewer)
    text = client.get(place.get_absolute_url()).content.decode()
    row_a, row_b = text.partition("<b>Row A</b>")[2].split("<b>Row B</b>")
    assert "Fed by Main, which has only 63 A" in row_b and "has only" not in row_a


def test_a_station_can_only_be_on_a_circuit_of_its_installation(
    inside: Any, place: Installation, other_team: Team
) -> None:
    """D1."""
    grid = circuit(place, "Grid")
    place_station(station=inside, installation=place, circuit=grid)
    with pytest.raises(DomainError):
        remove_circuit(circuit=grid)
    other = factories.InstallationFactory.create(team=inside.team)
    assert field_of(place_station, station=inside, installation=other, circuit=grid) == {"circuit"}
    foreign = factories.InstallationFactory.create(team=other_team)
    assert field_of(place_station, station=inside, installation=foreign, circuit=None) == {"installation"}
    place_station(station=inside, installation=None, circuit=None)
    inside.refresh_from_db()
    assert (inside.installation, inside.circuit) == (None, None)


def test_rights_to_move_and_to_rewire_a_station(
    inside: Any, place: Installation, holder: Any, administrator: User
) -> None:
    """Moving a station gives others access to it, so only the team may do it."""
    grid, other = circuit(place, "Grid"), factories.InstallationFactory.create(team=inside.team)
    for role in ("owner", "service"):
        with pytest.raises(NotAllowed):
            place_station(station=inside, installation=other, circuit=None, actor=holder(role))
    with pytest.raises(NotAllowed):
        place_station(station=inside, installation=place, circuit=grid, actor=holder("owner"))
    place_station(station=inside, installation=place, circuit=grid, actor=holder("service"))
    inside.refresh_from_db()
    with pytest.raises(NotAllowed):
        place_station(station=inside, installation=place, circuit=None, actor=holder("owner"))
    place_station(station=inside, installation=other, circuit=None, actor=administrator)


def test_the_service_adds_new_stations_to_the_installation_only(holder: Any, place: Installation, team: Team) -> None:
    """Z16."""
    service = holder("service")
    made = registration.add_station(
        team=team, identity="NEW-1", password="long enough", installation=place, actor=service
    )
    assert (made.team, made.installation) == (team, place)
    known = factories.StationFactory.create(team=team)
    fields: dict[str, Any] = {"team": team, "password": "long enough", "actor": service}
    assert field_of(registration.add_station, identity=known.identity, installation=place, **fields) == {"identity"}
    with pytest.raises(NotAllowed):
        registration.add_station(identity="NEW-2", **fields)
    with pytest.raises(NotAllowed):
        registration.add_station(identity="NEW-2", installation=place, **fields | {"actor": holder("owner")})


# --- pages --------------------------------------------------------------------------------------------------------


def test_an_installation_is_added_and_edited_on_pages(client: Any, administrator: User, team: Team) -> None:
    """P12, Z4."""
    client.force_login(administrator)
    assert client.post("/installations/add/", {"name": "Depot", "city": "Bergen", **SUPPLY}).status_code == 302
    place = Installation.objects.get()
    assert place.team == team
    assert "Depot" in client.get("/installations/?q=berg").content.decode()
    assert client.post(f"/installations/{place.pk}/edit/", {"name": "Depot 2", **SUPPLY}).status_code == 302
    assert client.post("/installations/add/", {"name": "depot 2", **SUPPLY}).status_code == 422
    assert client.post("/installations/add/", {"name": "X", "country": "1", **SUPPLY}).status_code == 422
    page = f"/installations/{place.pk}/circuits/"
    assert client.post(f"{page}add/", {"name": "Grid", "max_current_a": 63, "phases": 3}).status_code == 302
    grid = place.circuits.get()
    assert client.post(f"{page}add/", {"name": "Grid", "max_current_a": 63, "phases": 3}).status_code == 422
    body = {"name": "Main", "max_current_a": 80, "phases": 3, "parent": grid.pk}
    assert client.post(f"{page}{grid.pk}/", body).status_code == 422  # a circuit cannot feed itself
    assert client.post(f"{page}{grid.pk}/", body | {"parent": ""}).status_code == 302
    shown = client.get(f"/installations/{place.pk}/").content.decode()
    assert "Main" in shown and "Depot 2" in shown
    client.post(f"{page}{grid.pk}/remove/")
    assert not place.circuits.exists()


def test_the_page_shows_only_stations_that_the_user_may_see(
    client: Any, inside: ChargingStation, place: Installation
) -> None:
    other = factories.StationFactory.create(team=place.team, installation=place)
    user = factories.GrantFactory.create(station=inside, role="owner").user
    client.force_login(user)
    text = client.get(f"/installations/{place.pk}/").content.decode()
    assert inside.identity in text and other.identity not in text
    (row,) = client.get("/installations/").context["table"].page.object_list
    assert row.record.station_count == 1


def test_a_station_is_put_into_an_installation_on_its_page(
    client: Any, administrator: User, user_with: Any, station: ChargingStation, place: Installation
) -> None:
    """P15."""
    grid = circuit(place, "Grid")
    path = f"/stations/{station.pk}/edit/"
    client.force_login(administrator)
    assert client.post(path, {"name": "Row 1", "installation": place.pk}).status_code == 302
    assert client.post(path, {"name": "Row 1", "installation": place.pk, "circuit": grid.pk}).status_code == 302
    station.refresh_from_db()
    assert (station.name, station.installation, station.circuit) == ("Row 1", place, grid)
    client.force_login(user_with(Role.OPERATOR))
    assert client.post(path, {"name": "Row 2", "installation": "", "circuit": ""}).status_code == 302
    station.refresh_from_db()
    # An operator may only change the name.
    assert (station.name, station.installation, station.circuit) == ("Row 2", place, grid)


def test_the_service_adds_a_station_on_the_page(client: Any, holder: Any, place: Installation) -> None:
    """P15, Z9."""
    client.force_login(holder("service"))
    body = {"identity": "NEW-1", "password": "long enough", "connectors": 2}
    assert client.get(f"/stations/add/?installation={place.pk}").context["form"].initial["installation"]
    assert client.post("/stations/add/", body).status_code == 422
    assert client.post("/stations/add/", body | {"installation": place.pk}).status_code == 200
    assert ChargingStation.objects.get(identity="NEW-1").installation == place


def test_the_api_shows_installations_with_their_circuits(api: Any, viewer: User, place: Installation) -> None:
    circuit(place, "Grid")
    (row,) = api(viewer).get("/api/v1/installations/").json()["results"]
    assert row["name"] == "Hall 1" and row["circuits"][0]["name"] == "Grid"


def test_the_service_role_extends_to_a_new_installation_until_the_same_end(team: Team) -> None:
    """Z16."""
    soon = timezone.now() + timedelta(days=3)
    grant = factories.GrantFactory.create(
        installation=factories.InstallationFactory.create(team=team), role="service", ends_at=soon
    )
    made = add_installation(team=team, fields={"name": "Hall 9"}, actor=grant.user)
    user = User.objects.get(pk=grant.user.pk)
    assert user.access.may(Can.CONFIGURE_PLACES, made) and not user.access.may(Can.MANAGE_PLACES, made)
    assert Grant.objects.get(installation=made).ends_at == soon


def test_a_partner_serves_as_a_team_but_only_its_administrators_add(
    team: Team, other_team: Team, user_with: Any
) -> None:
    """Z16, Z17."""
    factories.GrantFactory.create(
        installation=factories.InstallationFactory.create(team=team), user=None, to_team=other_team, role="service"
    )
    with pytest.raises(NotAllowed):
        add_installation(team=team, fields={"name": "Hall 9"}, actor=user_with(Role.OPERATOR, other_team))
    made = add_installation(team=team, fields={"name": "Hall 9"}, actor=user_with(Role.ADMIN, other_team))
    assert Grant.objects.get(installation=made).to_team == other_team


@pytest.mark.parametrize("role", ["owner", "user"])
def test_other_roles_cannot_add_installations(team: Team, role: str) -> None:
    """Z15."""
    grant = factories.GrantFactory.create(installation=factories.InstallationFactory.create(team=team), role=role)
    with pytest.raises(NotAllowed):
        add_installation(team=team, fields={"name": "Hall 9"}, actor=grant.user)


def test_a_viewer_of_a_partner_extends_only_their_own_grant(team: Team, other_team: Team, user_with: Any) -> None:
    """Z16. The user's own grant of three days applies, not the longer one of the team in which they are a viewer."""
    viewer, place = user_with(Role.VIEWER, other_team), factories.InstallationFactory.create(team=team)
    soon = timezone.now() + timedelta(days=3)
    factories.GrantFactory.create(installation=place, user=None, to_team=other_team, role="service")
    factories.GrantFactory.create(installation=place, user=viewer, role="service", ends_at=soon)
    grant = Grant.objects.get(installation=add_installation(team=team, fields={"name": "Hall 9"}, actor=viewer))
    assert (grant.user, grant.to_team, grant.ends_at) == (viewer, None, soon)
