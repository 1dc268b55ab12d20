"""One row of every model, and people with every role, made once for all tests of a module.

Walks over hundreds of addresses spend most of their time on making such rows anew. Here they are made inside a
transaction of the module's; each test runs inside another one within it, which is rolled back.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, NamedTuple

from django.conf import settings
from django.core.cache import cache
from django.db import connection, transaction
from django.test import Client
from django.utils import timezone

from accounts.access.rights import ApiScope, Role
from accounts.models import User
from accounts.programs.services.programs import add_program, issue_access_token
from accounts.programs.services.tokens import issue_api_token
from chargers.models import ChargingStation
from cpms.common.database.process_cache import clear_cached
from cpms.portal.models import PrivacyChoice, SiteHook, SiteText
from tests import factories

Rows = dict[str, Any]


def add_rest(team: Any, viewer: User, rows: list[Any]) -> Rows:
    """What factories do not make, beside what they made; all by label."""
    program = add_program(team=team, name="t", scopes=ApiScope.values, actor=None)[0]
    rows = [
        *rows,
        issue_api_token(user=viewer, name="t")[0],
        program,
        program.keys.get(),
        issue_access_token(program=program, secret="t", scopes=[], seconds=60),
        factories.GatewayNodeFactory.create(),
        factories.InboxShardFactory.create(),
        factories.EventFactory.create(),
        SiteText.objects.create(kind="imprint", language="en", text="t"),
        SiteHook.objects.create(name="t", purpose="t", category="comfort", script_url="https://example.org/t.js"),
        PrivacyChoice.objects.create(user=viewer),
    ]
    return {row._meta.label: row for row in rows}


def give_to(station: Any, installation: Any) -> list[User]:
    """People who were given the installation that the station is in, with each role, and one whose access has ended."""
    ChargingStation.objects.filter(pk=station.pk).update(installation=installation)
    past = timezone.now() - timedelta(minutes=1)
    given = [{"role": role} for role in ("owner", "user", "service")] + [{"role": "owner", "ends_at": past}]
    return [factories.GrantFactory.create(installation=installation, **facts).user for facts in given]


class World(NamedTuple):
    """
    Attributes:
        rows: one of each model, by label.
        sessions: of who is signed in, the key; in the order of the columns in tests/test_routes.py.
    """

    rows: Rows
    sessions: dict[str, str]

    def browser_of(self, who: str) -> Client:
        client = Client(raise_request_exception=False)
        if key := self.sessions[who]:
            client.cookies[settings.SESSION_COOKIE_NAME] = key
        return client


def make_world() -> World:
    team = factories.TeamFactory.create(handle="nordlys", name="Nordlys Energie")
    stranger = factories.MembershipFactory.create(
        team=factories.TeamFactory.create(handle="stranger"), role=Role.ADMIN
    ).user
    viewer, operator, administrator = (
        factories.MembershipFactory.create(team=team, role=role).user
        for role in (Role.VIEWER, Role.OPERATOR, Role.ADMIN)
    )
    station = factories.StationFactory.create(team=team)
    connector = factories.ConnectorFactory.create(station=station, number=1)
    tag = factories.TagFactory.create(team=team)
    session = factories.SessionFactory.create(station=station, tag=tag, id_tag=tag.value)
    rows = add_rest(team, viewer, factories.one_of_everything(team, station, connector, tag, session, viewer))
    owner, user, service, ended = give_to(station, rows["chargers.Installation"])
    people = {"nobody": None, "stranger": stranger, "viewer": viewer, "operator": operator}
    people |= {"administrator": administrator, "staff": factories.UserFactory.create(is_staff=True)}
    people |= {"owner": owner, "user": user, "service": service, "ended": ended}
    return World(rows, {who: _signed_in(person) for who, person in people.items()})


def _signed_in(person: User | None) -> str:
    if person is None:
        return ""
    client = Client()
    client.force_login(person)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@contextmanager
def undone() -> Iterator[None]:
    """What is written inside is gone afterwards."""
    clear_cached()
    cache.clear()  # sessions lie there as well
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def check_rows_now() -> None:
    """Check foreign keys of what an enclosing transaction wrote: otherwise the end of each test checks them anew."""
    connection.check_constraints()


def add_full_team(handle: str, person: User) -> Rows:
    """A team with one row of every model, and a person who administers it and has what people have."""
    team = factories.TeamFactory.create(
        handle=handle, name="Nordlicht Ladeparks und Parkhausbetriebe Süd-West GmbH & Co. KG"
    )
    factories.MembershipFactory.create(team=team, user=person, role=Role.ADMIN)
    station = factories.StationFactory.create(team=team, name="Parkhaus Hafen, Ebene 2, Stellplatz 7 neben der Rampe")
    connector = factories.ConnectorFactory.create(station=station, number=1)
    tag = factories.TagFactory.create(team=team)
    session = factories.SessionFactory.create(station=station, tag=tag, id_tag=tag.value)
    rows = add_rest(team, person, factories.one_of_everything(team, station, connector, tag, session, person))
    rows["accounts.Membership"] = factories.MembershipFactory.create(team=team)  # that one may change
    return rows
