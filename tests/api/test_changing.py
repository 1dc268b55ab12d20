"""Changes through the API use the same services, rights and messages as the portal."""

import json
import time

import pytest

from accounts.access.rights import ApiScope, Role
from accounts.models import AccountMail, AuditEntry, Grant, Invitation, Membership
from accounts.programs.services.programs import add_program
from accounts.sign_in import fresh_proof
from chargers.credentials.services import StoredPassword, verify_password
from chargers.models import ChargingStation, Circuit, Installation, Tag
from tests import factories

STATIONS, INSTALLATIONS = "/api/v1/stations/", "/api/v1/installations/"
MEMBERS, INVITATIONS = "/api/v1/members/", "/api/v1/invitations/"


@pytest.fixture
def admin_api(api, administrator):
    return api(administrator)


def send(client, method, path, body):
    return client.generic(method, path, json.dumps(body), "application/json")


def is_valid_password(station, password):
    return verify_password(password.encode(), StoredPassword(station.password, station.password_hash))


def field_of(answer):
    assert answer.status_code == 400, answer.content
    return {error["field"] for error in answer.json()["errors"]}


# --- bodies -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", STATIONS, {"identity": "NEW-1"}),
        ("PATCH", "{station}", {"name": "A"}),
        ("POST", "{station}password/", {}),
        ("POST", "{station}commands/", {"kind": "clear_cache"}),
        ("POST", INSTALLATIONS, {"name": "Depot"}),
        ("PATCH", "{installation}", {"name": "Depot"}),
        ("POST", "{installation}circuits/", {"name": "Grid", "max_current_a": 63}),
        ("POST", "/api/v1/tags/", {"value": "04A2"}),
        ("POST", "/api/v1/groups/", {"name": "Depot"}),
        ("POST", "/api/v1/grants/", {"role": "user"}),
        ("POST", INVITATIONS, {"email": "a@example.org", "role": "viewer"}),
        ("POST", "/api/v1/notifications/read/", {"until": 1}),
        ("POST", "/api/v1/token/", {"email": "a@example.org", "password": "x", "name": "t"}),
    ],
)
def test_a_field_that_a_body_does_not_have_is_refused_by_name(admin_api, team, station, method, path, body):
    place = factories.InstallationFactory(team=team)
    path = path.format(station=f"{STATIONS}{station.identity}/", installation=f"{INSTALLATIONS}{place.pk}/")
    answer = send(admin_api, method, path, body | {"expires": "2027-01-01"})
    assert field_of(answer) == {"expires"}
    assert "Known fields" in answer.json()["detail"]


def test_an_action_without_a_body_refuses_fields_too(admin_api, station):
    event = factories.SecurityEventFactory(station=station)
    path = f"/api/v1/security-events/{event.pk}/acknowledge/"
    assert field_of(send(admin_api, "POST", path, {"by": "me"})) == {"by"}
    assert send(admin_api, "POST", path, {}).status_code == 200


# --- stations -----------------------------------------------------------------------------------------------------


def test_a_station_is_added_with_a_generated_password_told_once(admin_api, team):
    answer = send(admin_api, "POST", STATIONS, {"identity": "NEW-1", "name": "Row A", "connectors": 3})
    assert answer.status_code == 201
    assert answer["Cache-Control"] == "no-store"
    body = answer.json()
    station = ChargingStation.objects.get(identity="NEW-1")
    assert (station.team, station.name, station.connectors.count()) == (team, "Row A", 3)
    assert len(body["password"]) >= 32 and is_valid_password(station, body["password"])
    assert "password" not in admin_api.get(answer["Location"]).json()


def test_a_station_is_added_to_an_installation_with_a_password_of_ones_own(admin_api, team):
    place = factories.InstallationFactory(team=team)
    body = {"identity": "NEW-1", "password": "0123456789abcdef", "installation": place.pk}
    assert send(admin_api, "POST", STATIONS, body).status_code == 201
    assert ChargingStation.objects.get(identity="NEW-1").installation == place


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "identity"),
        ({"identity": ""}, "identity"),
        ({"identity": "a b/c"}, "identity"),
        ({"identity": "X" * 49}, "identity"),
        ({"identity": "NEW-1", "connectors": 0}, "connectors"),
        ({"identity": "NEW-1", "installation": 999_999}, "installation"),
        ({"identity": "NEW-1", "team": "stranger"}, "team"),
        ({"identity": "NEW-1", "password": "short"}, "password"),
    ],
)
def test_a_station_that_cannot_be_is_refused_at_its_field(admin_api, other_team, body, field):
    assert field_of(send(admin_api, "POST", STATIONS, body)) == {field}
    assert not ChargingStation.objects.filter(identity="NEW-1").exists()


def test_an_identity_that_is_taken_is_refused_whoever_has_it(admin_api, station, other_team):
    foreign = factories.StationFactory(team=other_team)
    for taken in (station, foreign):
        assert field_of(send(admin_api, "POST", STATIONS, {"identity": taken.identity})) == {"identity"}


def test_a_station_is_named_moved_and_taken_out_of_use(admin_api, team, station):
    place = factories.InstallationFactory(team=team)
    circuit = factories.CircuitFactory(installation=place)
    path = f"{STATIONS}{station.identity}/"
    body = {"name": "Row B", "installation": place.pk, "circuit": circuit.pk, "is_active": False}
    response = send(admin_api, "PATCH", path, body)
    assert response.status_code == 200, response.content
    assert (response.json()["name"], response.json()["installation"], response.json()["circuit"]) == (
        "Row B",
        place.pk,
        circuit.pk,
    )
    assert response.json()["deactivated_at"] is not None
    changed = send(admin_api, "PATCH", path, {"circuit": None, "is_active": True}).json()
    assert (changed["installation"], changed["circuit"], changed["deactivated_at"]) == (place.pk, None, None)


def test_a_change_is_whole_or_not_at_all(admin_api, station, other_team):
    foreign = factories.CircuitFactory(installation=factories.InstallationFactory(team=other_team))
    before = station.name
    answer = send(admin_api, "PATCH", f"{STATIONS}{station.identity}/", {"name": "Changed", "circuit": foreign.pk})
    assert field_of(answer) == {"circuit"}
    station.refresh_from_db()
    assert station.name == before


def test_a_password_is_set_and_told_once(admin_api, station):
    path = f"{STATIONS}{station.identity}/password/"
    body = send(admin_api, "POST", path, {}).json()
    station.refresh_from_db()
    assert is_valid_password(station, body["password"])
    assert body["password"] not in str(list(AuditEntry.objects.values_list("changes", flat=True)))
    assert field_of(send(admin_api, "POST", path, {"password": "short"})) == {"password"}


# --- installations and circuits -----------------------------------------------------------------------------------


def test_an_installation_is_added_and_changed(admin_api, team):
    answer = send(admin_api, "POST", INSTALLATIONS, {"name": "Depot", "city": "Bergen", "country": "no"})
    assert answer.status_code == 201
    place = Installation.objects.get()
    assert (place.team, place.city, place.country) == (team, "Bergen", "NO")
    body = send(admin_api, "PATCH", answer["Location"], {"contact_name": "Ada"}).json()
    assert (body["name"], body["contact_name"]) == ("Depot", "Ada")
    assert field_of(send(admin_api, "PATCH", answer["Location"], {"country": "ZZ"})) == {"country"}
    assert field_of(send(admin_api, "POST", INSTALLATIONS, {"name": "depot"})) == {"name"}


def test_circuits_are_added_changed_and_removed(admin_api, team):
    place = factories.InstallationFactory(team=team)
    path = f"{INSTALLATIONS}{place.pk}/circuits/"
    grid = send(admin_api, "POST", path, {"name": "Grid", "max_current_a": 250}).json()
    answer = send(admin_api, "POST", path, {"name": "Row", "max_current_a": "62.5", "parent": grid["id"], "phases": 1})
    row = answer.json()
    assert (row["max_current_a"], row["phases"], row["parent"]) == (62.5, 1, grid["id"])
    assert field_of(send(admin_api, "PATCH", f"{path}{row['id']}/", {"max_current_a": 0})) == {"max_current_a"}
    assert field_of(send(admin_api, "PATCH", f"{path}{row['id']}/", {"max_current_a": 6.25})) == {"max_current_a"}
    assert field_of(send(admin_api, "PATCH", f"{path}{row['id']}/", {"parent": 999_999})) == {"parent"}
    assert send(admin_api, "PATCH", f"{path}{row['id']}/", {"name": "Row A"}).json()["name"] == "Row A"
    assert admin_api.delete(f"{path}{grid['id']}/").status_code == 400  # the circuit feeds another one
    assert admin_api.delete(f"{path}{row['id']}/").status_code == 204
    assert list(Circuit.objects.values_list("name", flat=True)) == ["Grid"]


def test_the_service_of_an_installation_adds_stations_and_circuits_there(api, team):
    """Z16."""
    place = factories.InstallationFactory(team=team)
    service = factories.GrantFactory(installation=place, role="service").user
    client = api(service)
    assert send(client, "POST", STATIONS, {"identity": "NEW-1", "installation": place.pk}).status_code == 201
    assert field_of(send(client, "POST", STATIONS, {"identity": "NEW-2"})) == {"team"}
    body = {"name": "Grid", "max_current_a": 63}
    assert send(client, "POST", f"{INSTALLATIONS}{place.pk}/circuits/", body).status_code == 201
    assert send(client, "POST", INSTALLATIONS, {"name": "Second"}).status_code == 201
    assert Grant.objects.filter(user=service, installation__name="Second").exists()


# --- members ------------------------------------------------------------------------------------------------------


def test_members_are_listed_changed_and_removed(admin_api, team, viewer):
    member = Membership.objects.get(user=viewer, team=team)
    rows = admin_api.get(MEMBERS, {"email": viewer.email}).json()["results"]
    assert [(row["email"], row["role"], row["team"]) for row in rows] == [(viewer.email, "viewer", team.handle)]
    response = send(admin_api, "PATCH", f"{MEMBERS}{member.pk}/", {"role": "operator"})
    assert response.json()["role"] == "operator"
    assert field_of(send(admin_api, "PATCH", f"{MEMBERS}{member.pk}/", {"role": "king"})) == {"role"}
    assert admin_api.delete(f"{MEMBERS}{member.pk}/").status_code == 204
    assert not Membership.objects.filter(pk=member.pk).exists()


def test_the_last_administrator_stays(admin_api, administrator, team):
    member = Membership.objects.get(user=administrator, team=team)
    Membership.objects.filter(team=team, role=Role.ADMIN).exclude(pk=member.pk).delete()
    assert admin_api.delete(f"{MEMBERS}{member.pk}/").status_code == 400


def test_somebody_is_invited_again_and_not_any_more(admin_api, team):
    answer = send(admin_api, "POST", INVITATIONS, {"email": "new@example.org", "role": "operator"})
    assert answer.status_code == 201, answer.content
    assert AccountMail.objects.get().invitation == Invitation.objects.get()
    assert send(admin_api, "POST", INVITATIONS, {"email": "new@example.org", "role": "viewer"}).status_code == 400
    assert admin_api.delete(answer["Location"]).status_code == 204
    assert Invitation.objects.get().revoked_at is not None
    assert admin_api.get(answer["Location"]).status_code == 404


@pytest.mark.parametrize("path", [MEMBERS, INVITATIONS])
def test_no_key_of_a_program_and_no_limited_token_sees_people(api, team, administrator, path):
    from rest_framework.test import APIClient

    _program, key = add_program(team=team, name="p", scopes=ApiScope.values, actor=None)
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    assert client.get(path).status_code == 403
    assert api(administrator, *ApiScope.values).get(path).status_code == 403
    assert api(administrator).get(path).status_code == 200


def test_teams_of_others_have_no_members_here(admin_api, other_team):
    member = factories.MembershipFactory(team=other_team)
    assert admin_api.get(f"{MEMBERS}{member.pk}/").status_code == 404
    assert member.pk not in {row["id"] for row in admin_api.get(MEMBERS).json()["results"]}


def test_a_members_number_and_name_are_changed_and_only_managers_see_the_number(admin_api, api, team, viewer):
    member = Membership.objects.get(user=viewer, team=team)
    body = {"employee_number": "E-77", "first_name": "Ada", "phone": "+47 22 00 00 00"}
    data = send(admin_api, "PATCH", f"{MEMBERS}{member.pk}/", body).json()
    assert (data["employee_number"], data["first_name"]) == ("E-77", "Ada")
    viewer.refresh_from_db()
    assert viewer.phone == "+47 22 00 00 00"
    assert api(viewer).get(f"{MEMBERS}{member.pk}/").json()["employee_number"] == "E-77"
    operator = factories.MembershipFactory(team=team, role=Role.OPERATOR).user
    assert api(operator).get(f"{MEMBERS}{member.pk}/").json()["employee_number"] == ""
    assert field_of(send(admin_api, "PATCH", f"{MEMBERS}{member.pk}/", {"phone": "call me"})) == {"phone"}


def test_a_member_of_another_team_too_keeps_the_name(admin_api, team, other_team, viewer):
    factories.MembershipFactory(team=other_team, user=viewer)
    member = Membership.objects.get(user=viewer, team=team)
    assert send(admin_api, "PATCH", f"{MEMBERS}{member.pk}/", {"first_name": "Eve"}).status_code == 403
    assert send(admin_api, "PATCH", f"{MEMBERS}{member.pk}/", {"employee_number": "E-1"}).status_code == 200


# --- tags and drivers ---------------------------------------------------------------------------------------------


def test_a_tag_is_made_for_a_member_and_given_to_another_one(admin_api, team, viewer, operator):
    body = {"value": "04A2C7B1", "person": viewer.email.upper()}
    data = send(admin_api, "POST", "/api/v1/tags/", body).json()
    assert data["person"] == viewer.email
    path = f"/api/v1/tags/{data['id']}/"
    assert send(admin_api, "PATCH", path, {"label": "Van"}).json()["person"] == viewer.email
    assert send(admin_api, "PATCH", path, {"person": operator.email}).json()["person"] == operator.email
    assert send(admin_api, "PATCH", path, {"person": None}).json()["person"] is None


def test_a_tag_is_nobodys_who_has_nothing_to_do_with_the_team(admin_api, stranger):
    for email in (stranger.email, "nobody@example.org"):
        answer = send(admin_api, "POST", "/api/v1/tags/", {"value": "04A2", "person": email})
        assert field_of(answer) == {"person"}
    assert not Tag.objects.exists()


def test_an_operator_says_not_whose_a_tag_is(api, operator, viewer, tag):
    assert send(api(operator), "PATCH", f"/api/v1/tags/{tag.pk}/", {"person": viewer.email}).status_code == 403


def test_an_outsider_is_invited_to_charge_and_gets_a_tag(admin_api, team, station):
    body = {"station": station.identity, "email": "driver@example.org", "role": "user"}
    answer = send(admin_api, "POST", "/api/v1/grants/", body)
    assert (answer.status_code, answer.json()["email"]) == (202, "driver@example.org")
    assert Invitation.objects.get().station == station
    driver = factories.GrantFactory(station=station, role="user")
    path = f"/api/v1/grants/{driver.pk}/tags/"
    data = send(admin_api, "POST", path, {"value": "04A2", "label": "Private", "is_teams": True}).json()
    assert (data["value"], data["team"]) == ("04A2", team.handle)
    assert send(admin_api, "POST", path, {}).json()["team"] is None
    assert admin_api.get(path).json()[0]["value"] == "04A2"
    assert field_of(send(admin_api, "POST", path, {"value": "04a2", "is_teams": True})) == {"value"}
    service = factories.GrantFactory(station=station, role="service")
    assert send(admin_api, "POST", f"/api/v1/grants/{service.pk}/tags/", {}).status_code == 403


def test_a_browser_sets_a_stations_password_with_a_fresh_proof_only(client, administrator, station):
    """Issue 10, 3: an open browser session is not enough, while a token counts as proof of identity."""
    client.force_login(administrator)
    path = f"{STATIONS}{station.identity}/password/"
    assert send(client, "POST", path, {}).status_code == 200  # after a recent sign-in
    session = client.session
    session[fresh_proof.SESSION_KEY] = time.time() - fresh_proof.VALID_SECONDS - 1
    session.save()
    answer = send(client, "POST", path, {})
    assert answer.status_code == 403 and "Confirm in the portal" in answer.json()["detail"]
