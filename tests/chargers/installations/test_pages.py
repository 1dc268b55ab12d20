"""The pages of an installation: list, tabs, circuits, and stations on them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from django.utils import timezone

from accounts.models import Team, User
from chargers.installations.services.wiring import Load, overload, tree
from chargers.models import ChargingStation, Circuit, Installation
from tests import factories

pytestmark = pytest.mark.django_db
SUPPLY = {"grid_type": "TN", "phases": "3", "voltage_v": "230"}


@pytest.fixture
def place(team: Team) -> Installation:
    return factories.InstallationFactory.create(team=team, name="Hall 1")


@pytest.fixture
def holder(place: Installation) -> Any:
    return lambda role: factories.GrantFactory.create(installation=place, role=role).user


def circuit(place: Installation, name: str, parent: Circuit | None = None, **more: Any) -> Circuit:
    return factories.CircuitFactory.create(installation=place, name=name, parent=parent, **more)


def text_of(client: Any, path: str, status: int = 200) -> str:
    answer = client.get(path)
    assert answer.status_code == status
    return str(answer.content.decode())


# --- the tree -----------------------------------------------------------------------------------------------------


def load(name: str, current_a: int, is_three_phase: bool = True) -> Load:
    return Load(name, Decimal(current_a), is_three_phase)


def test_circuits_that_exceed_their_breaker_together_are_pointed_out() -> None:
    """Z2."""
    rows = [load("Row A", 48), load("Row B", 48)]
    assert overload("Main", Decimal(63), 3, rows) == (
        "Row A and Row B add up to 96 A per phase, more than the 63 A of Main. Load management has to limit them."
    )
    assert overload("Main", Decimal(96), 3, rows) == ""
    assert overload("Main", Decimal(20), 3, rows[:1]) == ""  # a single one is marked by itself


def test_the_phase_of_circuits_with_one_phase_is_not_known() -> None:
    """Z2. Three circuits of one phase may be spread over three phases, so the sum is only what can happen."""
    ones = [load("Bay 1", 32, False), load("Bay 2", 32, False), load("Row", 16)]
    sentence = overload("Main", Decimal(63), 3, ones)
    assert sentence.startswith("Bay 1, Bay 2 and Row can add up to 80 A on one phase, more than the 63 A of Main, if")
    assert overload("Main", Decimal(63), 1, ones).startswith("Bay 1, Bay 2 and Row add up to 80 A, more than")
    assert overload("Main", Decimal(80), 3, ones) == ""
    # those with three phases alone are too much already
    certain = overload("Main", Decimal(63), 3, [load("A", 40), load("B", 40), load("Bay", 10, False)])
    assert certain.startswith("A and B add up to 80 A per phase")


def test_a_warning_names_only_the_first_circuits() -> None:
    sentence = overload("Main", Decimal(10), 3, [load(f"Row {n}", 16) for n in range(7)])
    assert sentence.startswith("Row 0, Row 1, Row 2, Row 3 and 3 others add up to 112 A per phase")


def test_stations_count_with_the_rated_current_of_their_connectors(place: Installation, team: Team) -> None:
    main = circuit(place, "Main", max_current_a=Decimal(40))
    for number in (1, 2):
        station = factories.StationFactory.create(team=team, installation=place, circuit=main, name=f"Bay {number}")
        factories.ConnectorFactory.create(station=station, number=1, max_current_a=32, phases=3)
    factories.StationFactory.create(team=team, installation=place, circuit=main)  # its rating is not known
    (branch,) = tree([main], ChargingStation.objects.prefetch_related("connectors").order_by("name"))
    assert branch.overload.startswith("Bay 1 and Bay 2 add up to 64 A per phase, more than the 40 A of Main.")
    assert len(branch.stations) == 3


def test_levels_of_the_tree_are_closed(place: Installation) -> None:
    main = circuit(place, "A main")
    circuit(place, "End", circuit(place, "Row", main))
    circuit(place, "B main")
    found = tree(list(place.circuits.order_by("name")))
    assert [(b.circuit.name, b.depth, b.opens, len(b.closed)) for b in found] == [
        ("A main", 0, True, 0), ("Row", 1, True, 0), ("End", 2, False, 2), ("B main", 0, False, 0),
    ]  # fmt: skip


def test_the_main_breaker_is_compared_with_what_it_feeds(client: Any, viewer: User, place: Installation) -> None:
    Installation.objects.update(main_breaker_a=100)
    for name in ("Row A", "Row B"):
        circuit(place, name, max_current_a=63)
    client.force_login(viewer)
    text = text_of(client, f"/installations/{place.pk}/")
    assert "Row A and Row B add up to 126 A per phase, more than the 100 A of the main breaker." in text


# --- deactivation -------------------------------------------------------------------------------------------------


def test_a_circuit_is_deactivated_and_what_hangs_on_it_moves(
    client: Any, administrator: User, place: Installation, team: Team
) -> None:
    """Z7, Z8, Z10, D1."""
    old, new = circuit(place, "Old row"), circuit(place, "New row")
    station = factories.StationFactory.create(team=team, installation=place, circuit=old, name="Bay 7")
    path = f"/installations/{place.pk}/circuits/{old.pk}/deactivate/"
    client.force_login(administrator)
    dialog = text_of(client, path)
    assert "Bay 7" in dialog and "New row" in dialog
    assert client.post(path, {}).status_code == 422
    assert client.post(path, {"move_to": old.pk}).status_code == 422
    assert client.post(path, {"move_to": new.pk}).status_code == 302
    station.refresh_from_db()
    assert station.circuit == new
    page = f"/installations/{place.pk}/"
    assert "<b>Old row</b>" not in text_of(client, page)
    assert "<b>Old row</b>" in text_of(client, f"{page}?deactivated=show")
    client.post(f"/installations/{place.pk}/circuits/{old.pk}/activate/")
    old.refresh_from_db()
    assert old.deactivated_at is None


def test_the_only_circuit_with_stations_is_not_deactivated(
    client: Any, administrator: User, place: Installation, team: Team
) -> None:
    """D1: neither by the dialog nor by a request without it; a circuit that it feeds does not count."""
    main = circuit(place, "Main")
    circuit(place, "Row", main)
    path = f"/installations/{place.pk}/circuits/{main.pk}/deactivate/"
    client.force_login(administrator)
    assert "has no other circuit that could take over" in text_of(client, path)
    assert client.post(path, {}).status_code == 422
    main.refresh_from_db()
    assert main.deactivated_at is None


def test_an_htmx_dialog_leads_back_to_the_page(client: Any, administrator: User, place: Installation) -> None:
    row = circuit(place, "Row")
    client.force_login(administrator)
    path = f"/installations/{place.pk}/circuits/{row.pk}/deactivate/"
    answer = client.post(path, headers={"HX-Request": "true"})
    assert answer["HX-Redirect"] == place.get_absolute_url()


# --- stations -----------------------------------------------------------------------------------------------------


def test_a_station_is_added_on_a_circuit(client: Any, holder: Any, place: Installation) -> None:
    """Z9, P15: the password is shown once."""
    row = circuit(place, "Row")
    path = f"/installations/{place.pk}/circuits/{row.pk}/stations/add/"
    client.force_login(holder("service"))
    password = client.get(path).context["form"].initial["password"]
    body = {"identity": "SN-0815", "name": "Apartment 12", "password": password, "connectors": 1}
    answer = client.post(path, body)
    assert answer.status_code == 200 and password in answer.content.decode()
    station = ChargingStation.objects.get(identity="SN-0815")
    assert (station.installation, station.circuit, station.name) == (place, row, "Apartment 12")
    assert client.post(path, body).status_code == 422  # the identity is taken


def test_no_station_is_added_on_a_deactivated_circuit(client: Any, administrator: User, place: Installation) -> None:
    row = circuit(place, "Row", deactivated_at=timezone.now())
    client.force_login(administrator)
    text_of(client, f"/installations/{place.pk}/circuits/{row.pk}/stations/add/", 404)
    text_of(client, f"/installations/{place.pk}/circuits/{row.pk}/stations/", 404)


def test_stations_of_the_team_are_moved_to_a_circuit(
    client: Any, administrator: User, holder: Any, place: Installation, team: Team, other_team: Team
) -> None:
    """P15."""
    row = circuit(place, "Row")
    here = factories.StationFactory.create(team=team, installation=place)
    free = factories.StationFactory.create(team=team, identity="FREE-1")
    foreign = factories.StationFactory.create(team=other_team)
    path = f"/installations/{place.pk}/circuits/{row.pk}/stations/"
    client.force_login(holder("service"))  # moves stations between circuits only
    assert free.identity not in text_of(client, path) and here.identity in text_of(client, path)
    assert client.post(path, {"stations": [free.pk]}).status_code == 422
    client.force_login(administrator)
    assert [row.pk for row in client.get(path).context["form"].offered] == [here.pk, free.pk]
    assert [row.pk for row in client.get(f"{path}?find=free").context["form"].offered] == [free.pk]
    assert client.post(path, {"stations": [foreign.pk]}).status_code == 422
    assert client.post(path, {}).status_code == 422
    assert client.post(path, {"stations": [here.pk, free.pk]}).status_code == 302
    assert set(row.stations.all()) == {here, free}
    assert "No stations to move" in text_of(client, path)


# --- tabs ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("who", "labels"),
    [
        ("administrator", ["Overview", "Stations", "Sessions", "Tags", "Access", "Settings"]),
        ("viewer", ["Overview", "Stations", "Sessions", "Tags"]),
        ("owner", ["Overview", "Stations", "Sessions", "Access", "Settings"]),
        ("service", ["Overview", "Stations", "Settings"]),
    ],
)
def test_each_sees_the_tabs_they_may_open(
    client: Any, request: Any, holder: Any, place: Installation, who: str, labels: list[str]
) -> None:
    """P13, P19, Z16."""
    user = holder(who) if who in ("owner", "service") else request.getfixturevalue(who)
    client.force_login(user)
    tabs = client.get(f"/installations/{place.pk}/").context["tabs"]
    assert [tab.label for tab in tabs] == labels
    for tab in tabs:
        assert client.get(tab.url).context["tabs"][labels.index(tab.label)].is_current


def test_the_overview_says_what_is_wrong_here(client: Any, viewer: User, place: Installation, team: Team) -> None:
    node = factories.GatewayNodeFactory.create()
    good, bad, away = (
        factories.StationFactory.create(team=team, installation=place, node=n, name=name)
        for n, name in ((node, "Good bay"), (node, "Bad bay"), (None, "Away bay"))
    )
    factories.StationFactory.create(team=team, name="Elsewhere")
    factories.ConnectorFactory.create(station=good, number=1, status="Available")
    factories.ConnectorFactory.create(station=good, number=2, status="Charging")
    factories.ConnectorFactory.create(station=bad, number=1, status="Faulted")
    client.force_login(viewer)
    health = client.get(f"/installations/{place.pk}/").context["figures"].context["health"]
    assert [problem.station for problem in health.problems] == [bad, away]
    assert (health.station_count, health.online_count, health.faulted_count) == (3, 2, 1)
    assert {state: n for state, n in health.connectors.items() if n} == {"available": 1, "occupied": 1, "faulted": 1}
    live = text_of(client, f"/installations/{place.pk}/live/")
    assert "Bad bay" in live and "Good bay" not in live and "Elsewhere" not in live


def test_the_tabs_list_only_what_is_here(
    client: Any, administrator: User, holder: Any, place: Installation, team: Team
) -> None:
    """P15, P16, P19."""
    here = factories.StationFactory.create(team=team, installation=place)
    there = factories.StationFactory.create(team=team)
    sessions = [factories.SessionFactory.create(station=station, team=team) for station in (here, there)]
    owner = holder("owner")
    factories.GrantFactory.create(station=there)
    client.force_login(administrator)

    def listed(tab: str) -> list[Any]:
        page = client.get(f"/installations/{place.pk}/{tab}/").context["table"].page
        return [row.record for row in page.object_list]

    assert listed("stations") == [here]
    assert listed("sessions") == sessions[:1]
    assert [grant.user for grant in listed("access")] == [owner]


def test_the_settings_lock_what_the_user_may_not_edit(client: Any, holder: Any, place: Installation) -> None:
    """Z14, Z16: with the reason; and a save of the rest works."""
    path = f"/installations/{place.pk}/edit/"
    client.force_login(holder("owner"))
    form = client.get(path).context["form"]
    assert form.fields["main_breaker_a"].disabled and not form.fields["name"].disabled
    assert "can edit the electrical supply" in text_of(client, path)
    assert client.post(path, {"name": "Hall 2", "hotline": "+47 555", "time_zone": ""}).status_code == 302
    place.refresh_from_db()
    assert (place.name, place.hotline, place.time_zone) == ("Hall 2", "+47 555", "")
    client.force_login(holder("service"))
    assert client.post(path, SUPPLY | {"main_breaker_a": "80.5"}).status_code == 302
    place.refresh_from_db()
    assert (place.name, place.main_breaker_a) == ("Hall 2", Decimal("80.5"))


def test_a_new_installation_starts_in_the_default_time_zone(client: Any, administrator: User, settings: Any) -> None:
    """Z4, V30, V31."""
    client.force_login(administrator)
    form = client.get("/installations/add/").context["form"]
    assert form["time_zone"].value() == settings.TIME_ZONE
    fields = {
        "name": "Depot", "category": "depot", "parking": "UNDERGROUND_GARAGE", "country": "NO", "main_breaker_a": "250",
        "latitude": "60.391263", "longitude": "5.322054", "time_zone": "Europe/Oslo", "hotline": "+47 55 55 55 55",
        "emergency_contact": "Kari, +47 66 66 66 66", "access_notes": "Gate 2\nLevel -1",
    }  # fmt: skip
    assert client.post("/installations/add/", SUPPLY | fields | {"time_zone": "Mars/Base"}).status_code == 422
    assert client.post("/installations/add/", SUPPLY | fields | {"longitude": ""}).status_code == 422
    assert client.post("/installations/add/", SUPPLY | fields).status_code == 302
    text = text_of(client, Installation.objects.get().get_absolute_url())
    for shown in ("Vehicle depot", "Underground car park", 'href="tel:+4755555555"', 'href="tel:+4766666666"', "Oslo"):
        assert shown in text


# --- the list -----------------------------------------------------------------------------------------------------


def test_the_list_shows_what_is_wrong_first(client: Any, viewer: User, team: Team) -> None:
    """P12."""
    node = factories.GatewayNodeFactory.create()
    for name, nodes in (("A", [node]), ("B", []), ("C", [node, None])):
        place = factories.InstallationFactory.create(team=team, name=name)
        for one in nodes:
            factories.StationFactory.create(team=team, installation=place, node=one)
    client.force_login(viewer)
    rows = client.get("/installations/").context["table"].page.object_list
    assert [row.record.name for row in rows] == ["C", "A", "B"]
    text = text_of(client, "/installations/")
    assert "1 offline" in text and "1 of 2 online" in text and "All online" in text


def test_the_list_is_filtered(client: Any, viewer: User, team: Team) -> None:
    factories.InstallationFactory.create(team=team, name="Depot", category="depot", country="DE")
    factories.InstallationFactory.create(team=team, name="House", category="housing", country="NO")
    client.force_login(viewer)
    for query in ("category=depot", "country=DE", "q=dep"):
        rows = client.get(f"/installations/?{query}").context["table"].page.object_list
        assert [row.record.name for row in rows] == ["Depot"]
    assert "Norway" in text_of(client, "/installations/") and "Sweden" not in text_of(client, "/installations/")


@pytest.mark.parametrize("tab", ["", "stations/", "access/", "edit/", "live/"])
def test_queries_do_not_grow_with_rows(
    client: Any, administrator: User, place: Installation, team: Team, tab: str, django_assert_max_num_queries: Any
) -> None:
    def fill(first: int, last: int) -> None:
        for number in range(first, last):
            row = circuit(place, f"Row {number}")
            station = factories.StationFactory.create(team=team, installation=place, circuit=row)
            factories.ConnectorFactory.create(station=station, number=1, status="Faulted", max_current_a=32)
            factories.GrantFactory.create(installation=place)

    client.force_login(administrator)
    path = f"/installations/{place.pk}/{tab}"
    fill(0, 2)
    client.get(path)
    with django_assert_max_num_queries(100) as few:
        client.get(path)
    fill(2, 12)
    with django_assert_max_num_queries(len(few.captured_queries)):
        client.get(path)


def test_queries_of_the_list_do_not_grow(
    client: Any, viewer: User, team: Team, django_assert_max_num_queries: Any
) -> None:
    client.force_login(viewer)
    factories.InstallationFactory.create_batch(2, team=team)
    client.get("/installations/")
    with django_assert_max_num_queries(100) as few:
        client.get("/installations/")
    for place in factories.InstallationFactory.create_batch(10, team=team):
        factories.StationFactory.create(team=team, installation=place)
    with django_assert_max_num_queries(len(few.captured_queries)):
        client.get("/installations/")


def test_a_driver_sees_hotline_opening_hours_and_the_way(client: Any, holder: Any, place: Installation) -> None:
    """V31."""
    Installation.objects.update(
        hotline="+47 55 12 34 56", opening_hours="Mon to Fri", access_notes="Gate 2", emergency_contact="Kari"
    )
    factories.StationFactory.create(team=place.team, installation=place)
    client.force_login(holder("user"))
    text = text_of(client, "/charging/")
    assert 'href="tel:+4755123456"' in text and "Mon to Fri" in text and "Gate 2" in text and "Kari" not in text
