"""The right to a command is checked again when it is sent, and by a sweep while it waits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from accounts.access.rights import ApiScope, Role
from accounts.members.services.invitations import remove_member
from accounts.models import AuditEntry, ProgramKey, Team, User
from accounts.programs.services.programs import (
    ACCESS_TOKEN_PREFIX,
    add_program,
    edit_program,
    issue_access_token,
    revoke_program,
)
from chargers.grants.services.grants import edit_grant, withdraw_grant
from chargers.models import ChargingStation
from chargers.onboarding.services.handover import hand_over_station
from operations.commands.services.asking import request_command
from operations.commands.services.settling import settle_overdue_commands, take_next_command
from operations.models import Command
from tests import factories

pytestmark = pytest.mark.django_db
Kind, Reason = Command.Kind, Command.CancelReason


def ask(station: ChargingStation, actor: User | None, kind: str = Kind.RESET, **parameters: Any) -> Command:
    actor = None if actor is None else User.everybody.get(pk=actor.pk)  # load the user again, as a new request does
    values = parameters or {"type": "Soft"}
    return request_command(station=station, kind=kind, parameters=values, actor=actor, expires_in=timedelta(days=3))


def send_next(station: ChargingStation) -> Command | None:
    station.refresh_from_db()
    return take_next_command(station_id=station.pk, epoch=station.epoch)


def cancel_reason(command: Command) -> str:
    """Return the reason for which a command was cancelled; empty if it was not."""
    command.refresh_from_db()
    assert (command.state == "cancelled") is bool(command.cancel_reason)
    return command.cancel_reason


def create_grantee(station: ChargingStation, role: str = "service", **fields: Any) -> Any:
    return factories.GrantFactory.create(station=station, role=role, **fields)


@pytest.mark.parametrize("role", [Role.OPERATOR, Role.ADMIN, "service", "owner", "staff", "system"])
def test_a_command_with_a_valid_right_is_sent(role: str, station: Any, user_with: Any, staff: Any) -> None:
    if role in Role.values:
        actor = user_with(Role(role))
    else:
        actor = {"staff": lambda: staff, "system": lambda: None}.get(role, lambda: create_grantee(station, role).user)()
    command = ask(station, actor)
    found = send_next(station)
    assert found == command


def lose_by_end(grant: Any) -> None:
    type(grant).objects.filter(pk=grant.pk).update(ends_at=timezone.now())


LOSSES: dict[str, tuple[Callable[[Any], Any], str]] = {
    "the grant ended": (lose_by_end, Reason.ACCESS),
    "the grant was withdrawn": (lambda grant: withdraw_grant(grant=grant), Reason.ACCESS),
    "another role": (lambda grant: edit_grant(grant=grant, role="user", ends_at=None), Reason.ROLE),
    "the account was deactivated": (lambda grant: User.objects.filter(pk=grant.user.pk).update(is_active=False),
                                    Reason.ACCOUNT),
    "the account is gone": (lambda grant: grant.user.delete(), Reason.ACCOUNT),
}  # fmt: skip


@pytest.mark.parametrize("how", LOSSES)
def test_a_command_is_cancelled_if_the_right_is_lost_before_sending(how: str, station: ChargingStation) -> None:
    lose, reason = LOSSES[how]
    grant = create_grantee(station)
    command = ask(station, grant.user)
    lose(grant)
    assert send_next(station) is None
    assert cancel_reason(command) == reason


@pytest.mark.parametrize("how", LOSSES)
def test_it_is_cancelled_while_the_station_is_offline_too(how: str, station: ChargingStation) -> None:
    lose, reason = LOSSES[how]
    grant = create_grantee(station)
    command = ask(station, grant.user)
    assert settle_overdue_commands() == 0
    lose(grant)
    assert settle_overdue_commands() == 1
    assert cancel_reason(command) == reason


def test_an_expired_grant_cancels_its_commands(station: ChargingStation) -> None:
    grant = create_grantee(station, ends_at=timezone.now() + timedelta(hours=1))
    command = ask(station, grant.user)
    with time_machine.travel(timezone.now() + timedelta(hours=2)):
        assert send_next(station) is None
    assert cancel_reason(command) == Reason.ACCESS


def test_commands_of_a_removed_or_downgraded_member_are_cancelled(
    station: ChargingStation, user_with: Any, administrator: User
) -> None:
    gone, demoted = user_with(Role.OPERATOR), user_with(Role.OPERATOR)
    commands = [ask(station, gone), ask(station, demoted)]
    remove_member(membership=gone.memberships.get(), actor=administrator)
    demoted.memberships.update(role=Role.VIEWER)
    assert send_next(station) is None
    assert [cancel_reason(command) for command in commands] == [Reason.ACCESS, Reason.ROLE]


def test_a_grant_to_a_team_applies_to_its_members_only(
    station: ChargingStation, other_team: Team, stranger: User
) -> None:
    grant = create_grantee(station, user=None, to_team=other_team)
    first, second = ask(station, stranger), ask(station, stranger)
    taken = send_next(station)
    assert taken is not None and taken.pk == first.pk
    Command.objects.filter(pk=first.pk).update(state="accepted")
    assert grant.is_active
    stranger.memberships.all().delete()
    assert send_next(station) is None
    assert cancel_reason(second) == Reason.ACCESS


def test_a_person_whose_technical_rights_ended_may_still_restart_but_not_configure(station: ChargingStation) -> None:
    grant = create_grantee(station)
    setting = ask(station, grant.user, Kind.CHANGE_CONFIGURATION, key="HeartbeatInterval", value="60")
    restart = ask(station, grant.user)
    edit_grant(grant=grant, role="owner", ends_at=None)
    found = send_next(station)
    assert found is not None and found.pk == restart.pk
    assert cancel_reason(setting) == Reason.ROLE


def test_a_cancelled_command_loses_its_password(station: ChargingStation) -> None:
    grant = create_grantee(station)
    command = ask(station, grant.user, Kind.CHANGE_CONFIGURATION, key="AuthorizationKey", value="0123456789abcdef")
    withdraw_grant(grant=grant)
    settle_overdue_commands()
    command.refresh_from_db()
    assert (command.state, command.parameters) == ("cancelled", {"key": "AuthorizationKey", "value": "***"})


def test_a_station_that_was_handed_over_gets_nothing_that_was_asked_before(
    station: ChargingStation, operator: User, other_team: Team
) -> None:
    commands = [ask(station, operator), ask(station, None)]
    hand_over_station(station=station, team=other_team)
    settle_overdue_commands()
    assert [cancel_reason(command) for command in commands] == [Reason.HANDED_OVER] * 2


def test_commands_that_were_switched_off_for_the_team_are_cancelled(
    station: ChargingStation, team: Team, operator: User
) -> None:
    command = ask(station, operator)
    Team.objects.filter(pk=team.pk).update(features_off=["commands"])
    assert send_next(station) is None
    assert cancel_reason(command) == Reason.FEATURE


# --- keys ---------------------------------------------------------------------------------------------------------


def post_command(client: Any, station: ChargingStation) -> Command:
    body = {"kind": "reset", "parameters": {"type": "Soft"}, "expires_in": 3600}
    answer = client.post(f"/api/v1/stations/{station.identity}/commands/", body, format="json")
    assert answer.status_code == 201, answer.json()
    return Command.objects.get(pk=answer.json()["id"])


@pytest.mark.parametrize("how", ["revoked", "expired"])
def test_a_command_of_an_api_token_ends_with_the_token(how: str, station: Any, operator: User, api: Any) -> None:
    command = post_command(api(operator, ApiScope.OPERATE), station)
    token = operator.api_tokens.get()
    if how == "revoked":
        token.revoked = True
    else:
        token.expiry_date = timezone.now()
    token.save()
    page = ask(station, operator)
    found = send_next(station)
    assert found is not None and found.pk == page.pk  # the command requested on a page is not affected
    assert cancel_reason(command) == Reason.KEY


def test_a_revoked_application_key_cancels_its_commands(station: ChargingStation, program_client: Any) -> None:
    command = post_command(program_client(station.team), station)
    assert send_next(station) is not None
    Command.objects.filter(pk=command.pk).update(state="requested")
    ProgramKey.objects.update(revoked_at=timezone.now())
    assert send_next(station) is None
    assert cancel_reason(command) == Reason.KEY


def test_commands_of_a_revoked_or_restricted_oauth_application_are_cancelled(
    station: ChargingStation, team: Team, administrator: User, api: Any
) -> None:
    commands = []
    for number in range(3):
        program, _key = add_program(team=team, name=f"app {number}", scopes=[ApiScope.OPERATE], actor=None, way="oauth")
        secret = f"{ACCESS_TOKEN_PREFIX}{number:043d}"
        issue_access_token(program=program, secret=secret, scopes=[ApiScope.OPERATE], seconds=60)
        client = api()
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {secret}")
        commands.append((program, post_command(client, station)))
    revoke_program(program=commands[0][0], actor=administrator)
    edit_program(program=commands[1][0], name="app", scopes=[ApiScope.STATIONS_READ], actor=administrator)
    # The access token has expired by then, which does not matter.
    with time_machine.travel(timezone.now() + timedelta(minutes=10)):
        found = send_next(station)
    assert found is not None and found.pk == commands[2][1].pk
    assert [cancel_reason(command) for _program, command in commands] == [Reason.KEY, Reason.SCOPE, ""]


# --- what people see ----------------------------------------------------------------------------------------------


def test_the_reason_is_shown_on_pages_in_the_api_and_in_the_audit_log(
    station: ChargingStation, administrator: User, client: Any, api: Any
) -> None:
    grant = create_grantee(station)
    command = ask(station, grant.user)
    withdraw_grant(grant=grant)
    assert send_next(station) is None
    sentence = "The access with which it was requested ended or was withdrawn."
    client.force_login(administrator)
    pages = (reverse("operations:command_list"), reverse("operations:command_detail", args=[command.pk]))
    for path in (*pages, station.get_absolute_url()):
        assert sentence in client.get(path).content.decode(), path
    body = api(administrator).get(f"/api/v1/commands/{command.pk}/").json()
    assert (body["state"], body["cancel_reason"], body["error_description"]) == ("cancelled", "access", sentence)
    entry = AuditEntry.objects.filter(team=station.team, content_type__model="command").latest("pk")
    assert entry.changes == {"state": ["requested", "cancelled"], "cancel_reason": ["", "access"]}
    assert sentence in client.get("/team/audit/").content.decode()


def test_the_check_costs_one_query_for_each_command(
    station: ChargingStation,
) -> None:
    def queries(actor: User | None) -> int:
        ask(station, actor)
        station.refresh_from_db()
        with CaptureQueriesContext(connection) as queries:
            assert take_next_command(station_id=station.pk, epoch=station.epoch) is not None
        Command.objects.all().delete()
        return len(queries)

    assert queries(create_grantee(station).user) == queries(None) + 1


def test_the_sweep_asks_the_same_number_of_queries_however_many_wait(
    station: ChargingStation, django_assert_max_num_queries: Any
) -> None:
    for _ in range(10):
        ask(station, create_grantee(station).user)
    with django_assert_max_num_queries(12):
        assert settle_overdue_commands() == 0
