"""Programs of a team: what their keys open, how they end, and what is written down about them."""

import base64
import io
import logging
from datetime import timedelta
from urllib.parse import urlencode

import pytest
import time_machine
from django.core import mail
from django.core.management import call_command
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from rest_framework.test import APIClient

from accounts.access.rights import SCOPE_RIGHTS, ApiScope, Can, Role
from accounts.mails.services import mails
from accounts.members.services.people import users_managed_by
from accounts.models import AccountMail, AuditEntry, Program, ProgramKey, User
from accounts.programs.services import programs
from accounts.programs.services.programs import add_program, check_program_keys, revoke_program, rotate_key
from chargers.models import StationGroup
from cpms.common.errors import DomainError, NotAllowed
from operations.models import Command
from tests import factories
from tests.routes import FOUND

STATIONS = "/api/v1/stations/"


def client_with(key):
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
    return client


def opens(key):
    return client_with(key).get(STATIONS).status_code


def trade(program, secret, *, client_id=None, way="post", **more):
    """POST to the token endpoint."""
    client, form = APIClient(raise_request_exception=False), {"grant_type": "client_credentials"} | more
    if way == "basic":
        packed = base64.b64encode(f"{client_id or program.client_id}:{secret}".encode()).decode()
        client.credentials(HTTP_AUTHORIZATION=f"Basic {packed}")
    else:
        form |= {"client_id": client_id or program.client_id, "client_secret": secret}
    return client.post("/api/v1/oauth/token/", urlencode(form), content_type="application/x-www-form-urlencoded")


# --- whose rows ---------------------------------------------------------------------------------------------------


def test_a_key_goes_on_when_who_made_it_leaves(team, administrator, station):
    """S29."""
    _program, key = add_program(team=team, name="billing", scopes=["stations:read"], actor=administrator)
    administrator.memberships.all().delete()
    administrator.is_active = False
    administrator.save()
    assert [row["identity"] for row in client_with(key).get(STATIONS).json()["results"]] == [station.identity]


OF_PEOPLE = {"api:member-list", "api:invitation-list"}  # no key of a program manages a team
LISTS = sorted(name for name in FOUND if name.startswith("api:") and name.endswith("-list"))


@pytest.mark.parametrize("name", LISTS)
def test_a_key_of_one_team_sees_no_row_of_another(name, program_client, one_of_each, other_team):
    """S20."""
    answer = program_client(other_team).get(reverse(name))
    if name in OF_PEOPLE:
        assert answer.status_code == 403
    else:
        assert (answer.status_code, answer.json()["results"]) == (200, [])


def test_a_key_sees_what_its_team_was_granted(program_client, other_team, station):
    """D7."""
    factories.GrantFactory(station=station, user=None, to_team=other_team, role="owner")
    assert len(program_client(other_team).get(STATIONS).json()["results"]) == 1


# --- scopes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "scope"),
    [
        ("stations/", "stations:read"),
        ("connectors/", "stations:read"),
        ("installations/", "stations:read"),
        ("sessions/", "sessions:read"),
        ("samples/", "sessions:read"),
        ("gaps/", "sessions:read"),
        ("messages/", "messages:read"),
        ("commands/", "messages:read"),
        ("deviations/", "messages:read"),
        ("security-events/", "messages:read"),
        ("grants/", "access"),
    ],
)
def test_reading_needs_the_scope_and_says_which(program_client, team, path, scope):
    """S29."""
    has_rights = SCOPE_RIGHTS[scope]
    others = [one for one in ApiScope.values if not has_rights <= SCOPE_RIGHTS[one]]
    refused = program_client(team, *others).get(f"/api/v1/{path}")
    assert refused.status_code == 403
    assert f"“{scope}”" in refused.json()["detail"]
    assert program_client(team, scope).get(f"/api/v1/{path}").status_code == 200


def test_a_command_needs_the_scope_and_says_which(program_client, team, station):
    path = f"/api/v1/stations/{station.identity}/commands/"
    refused = program_client(team, "stations:read", "messages:read").post(path, {"kind": "clear_cache"}, format="json")
    assert refused.status_code == 403
    assert "“operate”" in refused.json()["detail"]
    assert program_client(team, "operate").post(path, {"kind": "clear_cache"}, format="json").status_code == 201


def test_a_technical_setting_needs_a_scope_of_its_own(program_client, team, station):
    """Z15."""
    path = f"/api/v1/stations/{station.identity}/commands/"
    wanted = {"kind": "change_configuration", "parameters": {"key": "HeartbeatInterval", "value": "60"}}
    refused = program_client(team, "operate").post(path, wanted, format="json")
    assert refused.status_code == 403
    assert "“configure”" in refused.json()["detail"]
    assert program_client(team, "configure").post(path, wanted, format="json").status_code == 201


def test_no_scope_manages_a_team(program_client, team):
    program_client(team)
    program = User.everybody.get(is_program=True)
    assert not program.access.may(Can.MANAGE_TEAM, team)
    assert not program.access.has_role(team.pk, Role.ADMIN)
    assert not any(Can.MANAGE_TEAM in rights for rights in SCOPE_RIGHTS.values())


def test_a_scope_that_is_taken_away_counts_at_once(team, administrator):
    program, key = add_program(team=team, name="p", scopes=["stations:read"], actor=administrator)
    assert opens(key) == 200
    programs.edit_program(program=program, name="p", scopes=["sessions:read"], actor=administrator)
    assert opens(key) == 403


def test_a_team_without_the_api_has_no_programs(team, administrator):
    """D5."""
    _program, key = add_program(team=team, name="p", scopes=["stations:read"], actor=administrator)
    team.features_off = ["api"]
    team.save()
    assert opens(key) == 403
    with pytest.raises(DomainError):
        add_program(team=team, name="q", scopes=["stations:read"], actor=administrator)


# --- how keys end -------------------------------------------------------------------------------------------------


def test_a_key_ends_with_its_time(team):
    _program, key = add_program(
        team=team, name="p", scopes=["stations:read"], actor=None, expires_at=timezone.now() + timedelta(days=1)
    )
    assert opens(key) == 200
    with time_machine.travel(timezone.now() + timedelta(days=2)):
        assert opens(key) == 401


def test_a_revoked_program_is_refused_at_once_and_stays_listed(team, administrator):
    program, key = add_program(team=team, name="p", scopes=["stations:read"], actor=administrator)
    revoke_program(program=program, actor=administrator)
    revoke_program(program=program, actor=administrator)
    assert opens(key) == 401
    assert Program.objects.get().revoked_at is not None
    with pytest.raises(DomainError):
        rotate_key(program=program, overlap_hours=1, actor=administrator)


@pytest.mark.parametrize(("hours", "during"), [(0, 401), (1, 200), (24, 200), (72, 200)])
def test_of_a_rotated_key_the_old_one_counts_for_the_overlap(team, administrator, hours, during):
    program, old = add_program(team=team, name="p", scopes=["stations:read"], actor=administrator)
    _key, new = rotate_key(program=program, overlap_hours=hours, actor=administrator)
    assert (opens(old), opens(new)) == (during, 200)
    with time_machine.travel(timezone.now() + timedelta(hours=hours, minutes=1)):
        assert (opens(old), opens(new)) == (401, 200)


def test_an_overlap_gives_no_key_more_time_than_it_had(team, administrator):
    soon = timezone.now() + timedelta(minutes=10)
    program, _old = add_program(team=team, name="p", scopes=["operate"], actor=administrator, expires_at=soon)
    rotate_key(program=program, overlap_hours=72, actor=administrator)
    assert program.keys.order_by("pk").first().expires_at == soon


@pytest.mark.parametrize(
    "key", ["cpms_", "cpms_x", "cpms_at_", "cpms_" + "a" * 8 + "." + "b" * 32, "cpms_at_" + "a" * 43]
)
def test_what_is_no_key_is_401(db, key):
    assert opens(key) == 401


def test_the_secret_half_counts(team):
    _program, key = add_program(team=team, name="p", scopes=["stations:read"], actor=None)
    assert opens(key[:-1] + ("a" if key[-1] != "a" else "b")) == 401


@pytest.mark.parametrize(
    "wrong", [{"name": ""}, {"name": "a\0b"}, {"scopes": []}, {"scopes": ["all"]}, {"expires_at": "past"}, {"way": "x"}]
)
def test_a_wrong_value_is_refused_at_its_field(team, wrong):
    facts = {"name": "p", "scopes": ["operate"], "expires_at": None} | wrong
    if facts["expires_at"] == "past":
        facts["expires_at"] = timezone.now() - timedelta(minutes=1)
    with pytest.raises(DomainError) as refused:
        add_program(team=team, actor=None, **facts)
    assert set(refused.value.fields) == set(wrong)


def test_only_administrators_manage_programs(team, operator, stranger):
    for actor in (operator, stranger):
        with pytest.raises(NotAllowed):
            add_program(team=team, name="p", scopes=["operate"], actor=actor)


# --- a program is no person ---------------------------------------------------------------------------------------


def test_a_program_is_in_no_list_of_people(team, staff, program_client):
    program_client(team)
    program = User.everybody.get(is_program=True)
    assert program not in User.objects.all()
    assert program not in users_managed_by(staff)
    assert not team.memberships.filter(user=program).exists()


def test_a_program_cannot_sign_in_on_a_page(team, program_client, client, settings):
    program_client(team)
    program = User.everybody.get(is_program=True)
    program.set_password("secret")
    program.save()
    assert not client.login(username=program.email, password="secret")
    client.force_login(program, backend=settings.AUTHENTICATION_BACKENDS[0])
    assert client.get("/").status_code == 302


def test_no_program_becomes_support_staff(team, program_client):
    program_client(team)
    with pytest.raises(IntegrityError), transaction.atomic():
        User.everybody.filter(is_program=True).update(is_staff=True)


def test_nobody_is_mailed_a_new_password_for_a_program(team, program_client):
    """W6."""
    program_client(team)
    program = User.everybody.get(is_program=True)
    mails.queue_mail(AccountMail.Kind.RESET, email=program.email)
    mails.send_mails()
    assert mail.outbox == []


# --- what is written down -----------------------------------------------------------------------------------------


def test_the_audit_log_names_the_program_that_acted(program_client, team, station):
    """B21."""
    client = program_client(team, "operate")
    client.post(f"/api/v1/stations/{station.identity}/commands/", {"kind": "clear_cache"}, format="json")
    assert str(Command.objects.get().requested_by) == "test"
    entry = AuditEntry.objects.filter(content_type__model="command").get()
    assert (entry.actor_email, entry.team_id) == ("test (program)", team.pk)
    assert not AuditEntry.objects.filter(content_type__model="user", object_repr="test").exists()


def test_the_audit_log_says_who_made_replaced_and_revoked_a_key(client, team, administrator):
    client.force_login(administrator)
    told = {"name": "p", "way": "key", "scopes": ["operate"], "ends": "30"}
    client.post("/team/programs/add/", told)
    program = Program.objects.get()
    client.post(f"/team/programs/{program.pk}/rotate/", {"overlap_hours": "0", "ends": "30"})
    client.post(f"/team/programs/{program.pk}/revoke/")
    entries = AuditEntry.objects.filter(team=team, content_type__model__in=["program", "programkey"])
    assert {entry.actor_email for entry in entries} == {administrator.email}
    assert entries.filter(content_type__model="program", changes__has_key="revoked_at").exists()
    assert entries.filter(content_type__model="programkey", action=AuditEntry.Action.CREATE).count() == 2


def test_a_secret_is_shown_once_and_lies_nowhere(client, team, administrator, staff, caplog):
    """S29, W14."""
    caplog.set_level(logging.DEBUG)
    client.force_login(administrator)
    told = {"name": "p", "way": "oauth", "scopes": ["operate"], "ends": "never"}
    page = client.post("/team/programs/add/", told)
    assert "no-store" in page["Cache-Control"]
    secret = programs.KEY.search(page.content.decode())[0]
    program = Program.objects.get()
    token = trade(program, secret).json()["access_token"]
    assert opens(token) == 200
    out = io.StringIO()
    call_command("dumpdata", stdout=out)
    seen = out.getvalue() + caplog.text
    for path in ("/team/programs/", f"/team/programs/{program.pk}/", "/team/audit/"):
        seen += client.get(path).content.decode()
    client.force_login(staff)
    for path in (f"program/{program.pk}", f"programkey/{ProgramKey.objects.get().pk}", "accesstoken/1"):
        seen += client.get(f"/admin/accounts/{path}/change/", follow=True).content.decode()
    assert secret.partition(".")[2] not in seen
    assert token.removeprefix(programs.ACCESS_TOKEN_PREFIX) not in seen
    for page in (f"program/{program.pk}", f"programkey/{ProgramKey.objects.get().pk}"):
        assert ProgramKey.objects.get().hash not in client.get(f"/admin/accounts/{page}/change/").content.decode()


def test_its_last_use_is_noted_once_a_minute(team, django_assert_num_queries):
    program, key = add_program(team=team, name="p", scopes=["stations:read"], actor=None)
    now = timezone.now()
    with time_machine.travel(now, tick=False):
        opens(key)
        program.refresh_from_db()
        assert (program.last_used_at, program.keys.get().last_used_at) == (now, now)
        with django_assert_num_queries(3):
            opens(key)


# --- throttles ----------------------------------------------------------------------------------------------------


def test_each_program_has_its_own_rate(team, settings):
    settings.API_PROGRAM_RATE = 2
    _one, key = add_program(team=team, name="p", scopes=["stations:read"], actor=None)
    other, another_key = add_program(team=team, name="q", scopes=["stations:read"], actor=None)
    client = client_with(key)
    answers = [client.get(STATIONS) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert [answer["RateLimit-Remaining"] for answer in answers] == ["1", "0", "0"]
    assert answers[0]["RateLimit-Limit"] == "2"
    assert 0 < int(answers[2]["Retry-After"]) <= 60
    assert answers[2]["Content-Type"] == "application/problem+json"
    Program.objects.filter(pk=other.pk).update(requests_per_minute=3)
    assert [opens(another_key) for _ in range(4)] == [200, 200, 200, 429]


def test_a_new_key_gives_no_second_rate(team, settings):
    settings.API_PROGRAM_RATE = 1
    program, old = add_program(team=team, name="p", scopes=["stations:read"], actor=None)
    _key, new = rotate_key(program=program, overlap_hours=24, actor=None)
    assert [opens(old), opens(new)] == [200, 429]


# --- warnings -----------------------------------------------------------------------------------------------------


def test_administrators_are_told_14_days_and_one_day_before_a_key_ends(team, administrator, operator):
    ends = timezone.now() + timedelta(days=30)
    program, _key = add_program(team=team, name="billing", scopes=["operate"], actor=None, expires_at=ends)
    told = []
    for days in (20, 13, 12, 0.9, 0.5):
        with time_machine.travel(ends - timedelta(days=days)):
            told.append(check_program_keys())
            mails.send_mails()
    assert told == [0, 1, 0, 1, 0]
    assert [letter.to for letter in mail.outbox] == [[administrator.email]] * 2
    assert "billing" in mail.outbox[0].subject
    assert f"/team/programs/{program.pk}/rotate/" in mail.outbox[0].body


def test_a_key_that_was_replaced_is_not_warned_of(team, administrator):
    soon = timezone.now() + timedelta(days=2)
    program, _key = add_program(team=team, name="p", scopes=["operate"], actor=None, expires_at=soon)
    rotate_key(program=program, overlap_hours=72, actor=None)
    assert check_program_keys() == 0


# --- pages --------------------------------------------------------------------------------------------------------


def test_a_last_day_counts_to_its_end(client, team, administrator):
    client.force_login(administrator)
    day = timezone.localdate() + timedelta(days=3)
    told = {"name": "p", "way": "key", "scopes": ["operate"], "ends": "date", "last_day": day.isoformat()}
    assert client.post("/team/programs/add/", told).status_code == 200
    ends = timezone.localtime(ProgramKey.objects.get().expires_at, timezone.get_current_timezone())
    assert ProgramKey.objects.get().expires_at > timezone.now() + timedelta(days=2)
    assert ends is not None
    assert client.post("/team/programs/add/", told | {"last_day": ""}).status_code == 422
    assert client.post("/team/programs/add/", told | {"last_day": "2020-01-01"}).status_code == 422


def test_the_list_says_how_it_stands_with_each(client, team, administrator, django_assert_max_num_queries):
    client.force_login(administrator)
    soon, past = timezone.now() + timedelta(days=3), timezone.now() + timedelta(hours=1)
    for number, ends in enumerate((None, soon, past)):
        add_program(team=team, name=f"p{number}", scopes=["operate"], actor=administrator, expires_at=ends)
    ProgramKey.objects.filter(expires_at=past).update(expires_at=timezone.now() - timedelta(days=1))
    revoke_program(program=add_program(team=team, name="r", scopes=["operate"], actor=None)[0], actor=None)
    page = client.get("/team/programs/").content.decode()
    for words in ("Ready", "Expires soon", "Expired", "Revoked"):
        assert words in page


def test_the_lists_queries_do_not_grow_with_programs(client, team, administrator, django_assert_num_queries):
    client.force_login(administrator)
    add_program(team=team, name="p", scopes=["operate"], actor=administrator)
    client.get("/team/programs/")
    with CaptureQueriesContext(connection) as few:
        client.get("/team/programs/")
    for number in range(10):
        add_program(team=team, name=f"p{number}", scopes=["operate"], actor=administrator)
    with django_assert_num_queries(len(few)):
        client.get("/team/programs/")


def test_a_programs_groups_are_its_own(program_client, team, viewer, station):
    """W30."""
    factories.StationGroupFactory(user=viewer, name="mine")
    client = program_client(team, "stations:read")
    assert client.get("/api/v1/groups/").json()["results"] == []
    assert (
        client.post("/api/v1/groups/", {"name": "its", "stations": [station.identity]}, format="json").status_code
        == 201
    )
    assert StationGroup.objects.get(name="its").user.is_program
