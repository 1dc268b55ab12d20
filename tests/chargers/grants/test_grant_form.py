"""The form that grants access: one place, one recipient, and all missing entries marked at once."""

from __future__ import annotations

import re
from typing import Any

import pytest
from django.urls import reverse

from accounts.models import Grant, User
from chargers.grants.forms import GrantAddForm, GrantEditForm
from chargers.models import ChargingStation, Installation
from tests import factories

pytestmark = pytest.mark.django_db
URL = reverse("access:grant_give")


@pytest.fixture
def place(team: Any) -> Installation:
    return factories.InstallationFactory.create(team=team, name="Hall 1")


def form(user: User, fixed: Any = None, **values: Any) -> GrantAddForm:
    return GrantAddForm(values, user=user, place=fixed)


@pytest.mark.parametrize("where", ["installation", "station"])
@pytest.mark.parametrize("who", ["email", "to_team"])
def test_all_missing_entries_are_marked_at_once(administrator: User, where: str, who: str) -> None:
    errors = form(administrator, place=where, recipient=who).errors
    assert set(errors) == {where, who, "role"}
    assert all(len(texts) == 1 for texts in errors.values())


def test_the_page_marks_each_missing_entry_beside_its_field(client: Any, administrator: User) -> None:
    client.force_login(administrator)
    answer = client.post(URL, {"place": "station", "recipient": "email"})
    text = answer.content.decode()
    assert answer.status_code == 422 and "Please fix 3 fields" in text
    assert set(re.findall(r'id="error_1_id_(\w+)"', text)) == {"station", "email", "role"}


def test_without_a_choice_the_choices_are_marked(administrator: User, place: Installation) -> None:
    values = {"station": "S", "installation": place.pk, "email": "mia@example.org", "to_team": "x", "role": "user"}
    assert set(form(administrator, **values).errors) == {"place", "recipient"}


@pytest.mark.parametrize(
    ("chosen", "expected"),
    [
        (("station", "to_team"), {"station": "S-1", "to_team": "guests", "installation": None, "email": ""}),
        (("station", "email"), {"station": "S-1", "email": "mia@example.org", "installation": None, "to_team": ""}),
    ],
)
def test_fields_that_are_not_chosen_are_ignored(
    administrator: User, place: Installation, chosen: tuple[str, str], expected: dict[str, Any]
) -> None:
    values = {"station": "S-1", "installation": place.pk, "email": "mia@example.org", "to_team": "guests"}
    filled = form(administrator, place=chosen[0], recipient=chosen[1], role="user", **values)
    assert filled.is_valid(), filled.errors
    assert {name: filled.cleaned_data[name] for name in values} == expected


def test_invalid_values_of_fields_that_are_not_chosen_are_no_errors(administrator: User, place: Installation) -> None:
    wrong = {"station": "x" * 100, "email": "nobody"}
    filled = form(
        administrator,
        place="installation",
        installation=place.pk,
        recipient="to_team",
        to_team="x",
        role="user",
        **wrong,
    )
    assert filled.is_valid(), filled.errors
    assert set(form(administrator, place="station", recipient="email", role="user", **wrong).errors) == set(wrong)


def test_with_a_given_place_only_the_recipient_is_chosen(administrator: User, station: ChargingStation) -> None:
    filled = form(administrator, fixed=station, recipient="email", email="mia@example.org", role="user")
    assert list(filled.fields) == ["recipient", "email", "to_team", "role", "ends_at"]
    assert filled.is_valid(), filled.errors
    assert set(form(administrator, fixed=station, recipient="email").errors) == {"email", "role"}


def test_an_owner_of_single_stations_starts_with_the_station(administrator: User, station: ChargingStation) -> None:
    owner = factories.GrantFactory.create(station=station, role="owner").user
    assert form(owner).get_initial_for_field(form(owner).fields["place"], "place") == "station"
    assert form(administrator)["place"].field.initial == "installation"


def test_each_role_says_what_it_can_do(administrator: User, station: ChargingStation) -> None:
    for html in (
        str(form(administrator, fixed=station)["role"]),
        str(GrantEditForm(user=administrator, place=station)["role"]),
    ):
        for sentence in ("grant access to others.", "Can operate and configure stations", "Can charge with a tag"):
            assert html.count(sentence) == 1
    owner = factories.GrantFactory.create(station=station, role="owner").user
    assert "configure" not in str(form(owner, fixed=station)["role"]), "owners cannot grant the role Service"


def test_the_page_uses_the_chosen_recipient_only(
    client: Any, administrator: User, station: ChargingStation, other_team: Any
) -> None:
    client.force_login(administrator)
    body = {"recipient": "to_team", "email": "new@example.org", "to_team": other_team.handle, "role": "user"}
    assert client.post(f"{URL}?station={station.pk}", body).status_code == 302
    assert Grant.objects.get().to_team == other_team
