"""The audit log: who did what, when, from where, on which object, with which changes (B21, S44)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction
from django.utils import timezone, translation

from accounts.access.rights import Role
from accounts.audit.labels import describe_changes, describe_value
from accounts.audit.services import Action
from accounts.models import AuditEntry, Team, User
from accounts.programs.services.programs import add_program
from accounts.programs.services.tokens import issue_api_token, revoke_api_token
from chargers.credentials import services as credentials_services
from chargers.grants.services.grants import create_grant, withdraw_grant
from chargers.models import ChargingStation, Connector, Tag
from chargers.onboarding.services import registration
from chargers.stations.services.naming import rename_station
from chargers.tags.services import adding
from operations.commands.services.asking import request_command
from tests import factories

pytestmark = pytest.mark.django_db


def entries(row: Any) -> list[AuditEntry]:
    found = AuditEntry.objects.filter(content_type__model=row._meta.model_name, object_pk=str(row.pk))
    return list(found.order_by("id"))


def test_a_change_on_a_page_is_written_down_with_person_and_address(
    client: Any, administrator: User, station: Any
) -> None:
    client.force_login(administrator)
    client.post(f"/stations/{station.pk}/edit/", {"name": "Row 7"}, REMOTE_ADDR="203.0.113.7")
    entry = entries(station)[-1]
    assert (entry.actor, entry.actor_email) == (administrator, administrator.email)
    assert (entry.remote_addr, entry.team) == ("203.0.113.7", station.team)
    assert entry.changes == {"name": ["", "Row 7"]}


def test_a_program_acts_as_its_person(api: Any, administrator: User, station: Any) -> None:
    friend = factories.UserFactory.create()
    body = {"station": station.identity, "email": friend.email, "role": "user"}
    answer = api(administrator).post("/api/v1/grants/", body, format="json")
    entry = AuditEntry.objects.get(content_type__model="grant", object_pk=str(answer.json()["id"]))
    assert (entry.actor, entry.team, entry.remote_addr) == (administrator, station.team, "127.0.0.1")


def test_access_given_and_withdrawn(administrator: User, station: Any) -> None:
    """B21."""
    friend = factories.UserFactory.create()
    grant = create_grant(place=station, role="service", email=friend.email, actor=administrator)
    withdraw_grant(grant=grant, actor=administrator)
    first, last = entries(grant)
    assert first.action == AuditEntry.Action.CREATE and first.changes["role"] == ["None", "service"]
    assert first.changes["station"] == ["None", station.identity]
    assert list(last.changes) == ["withdrawn_at"]


def test_secrets_are_hidden(team: Team, administrator: User) -> None:
    station = registration.add_station(team=team, identity="S-1", password="first-secret", actor=administrator)
    credentials_services.set_password(station=station, password="second-secret", actor=administrator)
    person = factories.UserFactory.create()
    person.set_password("third-secret")
    person.save()
    token, key = issue_api_token(user=administrator, name="x")
    revoke_api_token(token=token, actor=administrator)
    told = " ".join(str(entry.changes) for entry in AuditEntry.objects.all())
    for secret in ("first-secret", "second-secret", key, token.hashed_key, person.password):
        assert secret not in told
    assert "password" in entries(station)[-1].changes and "•" in told


def test_a_station_whose_password_is_no_text(team: Team) -> None:
    station = factories.StationFactory.create(team=team, password=bytes(range(128, 148)))
    station.name = "Row 1"
    station.save()
    assert entries(station)[-1].changes == {"name": ["", "Row 1"]}


def test_stations_and_tags_added_at_once_are_written_down(team: Team, administrator: User) -> None:
    wanted = [registration.NewStation(identity=f"S-{n}", password="long enough") for n in range(3)]
    registration.add_stations(team=team, stations=wanted, actor=administrator)
    adding.add_tags(team=team, tags=[adding.NewTag(value="AB12")], actor=administrator)
    made = AuditEntry.objects.filter(content_type__model__in=["chargingstation", "tag"], action=0)
    assert made.count() == 4 and {entry.actor for entry in made} == {administrator}


def test_commands_that_people_send(administrator: User, station: Any) -> None:
    command = request_command(station=station, kind="clear_cache", actor=administrator)
    request_command(station=station, kind="clear_cache")
    (entry,) = AuditEntry.objects.filter(content_type__model="command")
    assert (entry.object_id, entry.actor, entry.team) == (command.pk, administrator, station.team)


def test_what_stations_report_costs_nothing(station: Any, django_assert_num_queries: Any) -> None:
    station.last_heard_at = station.booted_at = timezone.now()
    with django_assert_num_queries(1):
        station.save(update_fields=["last_heard_at", "booted_at", "vendor"])
    before = AuditEntry.objects.count()
    factories.ConnectorFactory.create(station=station).save()
    factories.SessionFactory.create(station=station)
    factories.MessageFactory.create(station=station)
    assert AuditEntry.objects.count() == before and Connector.objects.exists()


def test_a_save_that_changes_nothing_is_not_written_down(station: ChargingStation) -> None:
    before = len(entries(station))
    rename_station(station=station, name=station.name)
    assert len(entries(station)) == before


def test_a_person_is_the_affair_of_his_only_team(team: Team, other_team: Team, viewer: User) -> None:
    viewer.first_name = "Mia"
    viewer.save()
    assert entries(viewer)[-1].team == team
    factories.MembershipFactory.create(user=viewer, team=other_team)
    viewer.first_name = "Nora"
    viewer.save()
    assert entries(viewer)[-1].team is None


def test_nothing_is_deleted_or_changed(station: Any, staff: User) -> None:
    entry = factories.AuditEntryFactory.create()
    for refuse in (entry.delete, AuditEntry.objects.all().delete, lambda: AuditEntry.objects.update(object_repr="x")):
        with pytest.raises(TypeError):
            refuse()
    with pytest.raises(CommandError):
        call_command("auditlogflush", "--yes")
    if connection.vendor == "postgresql":
        for statement in ("DELETE FROM accounts_auditentry", "UPDATE accounts_auditentry SET object_repr = 'x'"):
            with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
                cursor.execute(statement)


def test_a_person_who_is_deleted_stays_named(team: Team) -> None:
    person = factories.UserFactory.create(email="gone@example.org")
    entry = factories.AuditEntryFactory.create(actor=person, actor_email=person.email)
    person.delete()
    entry.refresh_from_db()
    assert (entry.actor, entry.actor_email) == (None, "gone@example.org")


# --- page ---------------------------------------------------------------------------------------------------------


def shown(client: Any, person: User, query: str = "") -> set[int]:
    client.force_login(person)
    return {row.record.pk for row in client.get(f"/team/audit/{query}").context["table"].page.object_list}


def test_an_administrator_sees_the_trail_of_his_team_and_support_all_of_it(
    client: Any, administrator: User, stranger: User, staff: User, team: Team, other_team: Team, user_with: Any
) -> None:
    ours, theirs = (factories.AuditEntryFactory.create(team=one).pk for one in (team, other_team))
    nobodys = factories.AuditEntryFactory.create(team=None).pk
    assert {ours} == shown(client, administrator) & {ours, theirs, nobodys}
    assert {theirs} == shown(client, stranger) & {ours, theirs, nobodys}
    assert {ours, theirs, nobodys} <= shown(client, staff)
    client.force_login(user_with(Role.OPERATOR))
    assert client.get("/team/audit/").status_code == 403


def test_it_is_filtered_and_exported(client: Any, administrator: User, station: Any) -> None:
    rename_station(station=station, name="Row 7", actor=administrator)
    friend = factories.UserFactory.create()
    grant = create_grant(place=station, role="user", email=friend.email, actor=administrator)
    withdraw_grant(grant=grant, actor=administrator)
    renamed, given = entries(station)[-1].pk, {entry.pk for entry in entries(grant)}
    assert renamed in shown(client, administrator, "?kind=chargers.chargingstation&action=1")
    assert given == shown(client, administrator, "?kind=accounts.grant")
    assert shown(client, administrator, "?kind=x") == set()
    assert renamed in shown(client, administrator, f"?q={station.identity}&start=2020-01-01T00:00")
    assert shown(client, administrator, "?end=2020-01-01T00:00") == set()
    text = b"".join(client.get("/team/audit/?export=csv")).decode()
    assert "Row 7" in text and station.identity in text
    assert "Row 7" in client.get("/team/audit/").content.decode()


def test_values_are_said_as_pages_say_them(team):
    """No raw key of a choice, no False, no brackets, no time without its zone."""
    tag = factories.TagFactory.create(team=team, expires_at=datetime(2030, 5, 1, 10, tzinfo=UTC))
    program = add_program(team=team, name="Billing", scopes=["sessions:read", "operate"], actor=None)[0]
    said = describe_changes(AuditEntry.objects.get(object_repr=str(tag), action=Action.CREATE))
    assert "→ Accepted" in said and "several sessions at once: " in said and "→ no" in said
    assert "→ 01 May 2030 10:00:00 UTC" in said
    scopes = describe_changes(AuditEntry.objects.get(object_repr=str(program), action=Action.CREATE))
    assert "→ sessions:read, operate" in scopes
    with translation.override("de"):
        assert "→ Angenommen" in describe_changes(AuditEntry.objects.get(object_repr=str(tag)))


@pytest.mark.parametrize(("field", "value"), [("expires_at", "old"), ("allows_concurrent", "2"), ("status", "old")])
def test_what_an_older_version_kept_is_shown_as_it_is(field, value):
    assert describe_value(Tag._meta.get_field(field), value) == value
