"""Common fixtures: a team, users with each role, a station with a connector, a tag, a session."""

import gc
import io
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.signals import user_logged_in
from django.core.cache import cache
from django.core.management import call_command
from django.test import Client
from django.utils import timezone, translation

from accounts.access.rights import ApiScope, Role
from accounts.branding.services.branding import brandings, hosts
from accounts.models import Team, User
from accounts.programs.services.programs import add_program
from accounts.programs.services.tokens import issue_api_token
from accounts.sign_in import fresh_proof
from accounts.sign_in.services.signing_in import source_keys
from cpms.common.database.process_cache import clear_cached
from cpms.portal.models import SiteText, hooks_offered, site_text
from ocpp_gateway import drain
from tests import factories
from tests.world import add_rest, check_rows_now, create_team_rows, make_world, rolled_back


def pytest_collection_finish() -> None:
    """Exclude existing objects from garbage collection: scanning them took a sixth of the time."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


@pytest.fixture(scope="session", autouse=True)
def _no_gathering_of_messages() -> None:
    """Do not let the drain wait for more messages between two batches."""
    drain.GATHER_SECONDS = 0


@pytest.fixture(autouse=True)
def _signed_in_just_now():
    """Let `force_login` count as a recent confirmation of the password, as a real sign-in does (`Adapter.login`)."""

    def record(sender, request, **_kwargs):
        fresh_proof.record_fresh_proof(request)

    user_logged_in.connect(record)
    yield
    user_logged_in.disconnect(record)


@pytest.fixture(autouse=True)
def _no_memory_of_other_tests() -> None:
    """Clear the caches: throttles count by primary key, and SQLite reuses the keys in the next test."""
    if "locmem" in settings.CACHES["default"]["BACKEND"]:
        cache.clear()
    else:
        cache.delete_many(source_keys("127.0.0.1"))
    clear_cached()
    translation.deactivate()  # a requested page leaves its user's language active


@pytest.fixture
def django_assert_max_num_queries(db, django_assert_max_num_queries):
    """Count queries with a filled process cache, as in most requests."""
    hooks_offered()
    site_text(SiteText.Kind.COPYRIGHT)
    brandings()
    hosts()
    return django_assert_max_num_queries


@pytest.fixture
def team(db):
    return factories.TeamFactory(handle="nordlys", name="Nordlys Energie")


@pytest.fixture
def other_team(db):
    return factories.TeamFactory(handle="stranger", name="Somebody else")


@pytest.fixture
def user_with(team):
    """Create a user with a role in a team, by default that of the fixture."""

    def make(role: Role = Role.VIEWER, in_team: Team | None = None) -> User:
        return factories.MembershipFactory.create(team=in_team or team, role=role).user

    return make


@pytest.fixture
def viewer(user_with) -> User:
    return user_with(Role.VIEWER)


@pytest.fixture
def operator(user_with) -> User:
    return user_with(Role.OPERATOR)


@pytest.fixture
def administrator(user_with) -> User:
    return user_with(Role.ADMIN)


@pytest.fixture
def stranger(user_with, other_team) -> User:
    """An administrator of another team."""
    return user_with(Role.ADMIN, other_team)


@pytest.fixture
def staff(db):
    """A member of support staff, who has no team and sees all teams."""
    return factories.UserFactory(is_staff=True)


@pytest.fixture
def node(db):
    return factories.GatewayNodeFactory()


@pytest.fixture
def station(team):
    return factories.StationFactory(team=team)


@pytest.fixture
def connector(station):
    return factories.ConnectorFactory(station=station, number=1)


@pytest.fixture
def tag(team):
    return factories.TagFactory(team=team)


@pytest.fixture
def session(station, tag):
    """An open session with the tag of the fixture."""
    return factories.SessionFactory(station=station, tag=tag, id_tag=tag.value)


@pytest.fixture
def finished_session(station):
    return factories.SessionFactory(station=station, finished=True)


@pytest.fixture
def one_of_each(team, station, connector, tag, session, viewer):
    """One row of every model, by label."""
    return add_rest(team, viewer, create_team_rows(team, station, connector, tag, session, viewer))


@pytest.fixture(scope="module")
def module_world(django_db_setup, django_db_blocker):
    with django_db_blocker.unblock(), rolled_back():
        world = make_world()
        check_rows_now()
        yield world


@pytest.fixture
def world(module_world, django_db_blocker):
    """A world made once per module. Tests that use it must not use fixtures with their own database access."""
    with django_db_blocker.unblock(), rolled_back():
        yield module_world


@pytest.fixture
def api():
    """Create a client of the REST API with a real token of a user, or without one."""
    from rest_framework.test import APIClient

    def make(user: User | None = None, *scopes: str) -> APIClient:
        client = APIClient(raise_request_exception=False)
        if user is not None:
            _token, key = issue_api_token(user=user, name="test", scopes=scopes)
            client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
        return client

    return make


@pytest.fixture
def program_client():
    """Create a client of the REST API with a real key of a team, with the given scopes or all."""
    from rest_framework.test import APIClient

    def make(in_team: Team, *scopes: str) -> APIClient:
        _program, key = add_program(team=in_team, name="test", scopes=scopes or ApiScope.values, actor=None)
        client = APIClient(raise_request_exception=False)
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {key}")
        return client

    return make


class Outcome:
    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        """The JSON document on stdout."""
        return json.loads(self.out)

    @property
    def error(self) -> str:
        return json.loads(self.err.splitlines()[-1])["error"]


@pytest.fixture
def manage(db):
    def run(*arguments: str) -> Outcome:
        out, err = io.StringIO(), io.StringIO()
        try:
            call_command(*arguments, stdout=out, stderr=err)
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return Outcome(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def as_person() -> Callable[[User], Client]:
    def make(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return make


@pytest.fixture
def page(as_person, operator) -> Client:
    """The browser of an operator of the fixture's team."""
    return as_person(operator)


@pytest.fixture
def online(node) -> Callable[..., Any]:
    """Create a station that is online, with one connector."""

    def make(team, status="Available", **fields):
        now = timezone.now()
        station = factories.StationFactory(team=team, node=node, connected_at=now, last_heard_at=now, epoch=1, **fields)
        factories.ConnectorFactory(station=station, number=1, status=status, status_changed_at=now)
        return station

    return make


@pytest.fixture
def offline() -> Callable[..., Any]:
    def make(team, status="Available", **fields):
        then = timezone.now() - timedelta(hours=3)
        station = factories.StationFactory(
            team=team, connected_at=then, disconnected_at=then, last_heard_at=then, **fields
        )
        factories.ConnectorFactory(station=station, number=1, status=status, status_changed_at=then)
        return station

    return make
