"""One row of every model and users with every role, created once for all tests of a module.

Tests of hundreds of URLs would spend most of their time creating such rows. Here they are created in a transaction of
the module; each test runs in a nested transaction, which is rolled back.
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
from tests import factories, hardware_factories

Rows = dict[str, Any]


def create_team_rows(team: Any, station: Any, connector: Any, tag: Any, session: Any, viewer: Any) -> list[Any]:
    """Create a row of every other model of a team, its stations and its users; return them with the given rows."""
    message = factories.MessageFactory.create(station=station)
    return [
        team,
        viewer,
        viewer.memberships.get(),
        factories.GrantFactory.create(station=station, user=factories.UserFactory.create()),
        factories.InvitationFactory.create(team=team),
        factories.AccountMailFactory.create(),
        factories.SignedInBrowserFactory.create(user=viewer),
        factories.FactorEnrolmentCodeFactory.create(),
        factories.AddressChangeFactory.create(user=viewer),
        factories.BillingDetailsFactory.create(team=team),
        factories.TeamDomainFactory.create(team=team),
        factories.BrandFactory.create(team=team),
        factories.BrandPictureFactory.create(team=team),
        factories.FormerHandleFactory.create(team=team),
        factories.EnrolmentFactory.create(team=team),
        factories.AuditEntryFactory.create(team=team),
        installation := factories.InstallationFactory.create(team=team),
        factories.CircuitFactory.create(installation=installation),
        hardware_factories.EvseFactory.create(station=station),
        hardware_factories.StationPictureFactory.create(station=station),
        factories.StationGroupFactory.create(user=viewer),
        factories.SavedViewFactory.create(user=viewer),
        station,
        connector,
        tag,
        factories.RefusedTagFactory.create(team=team, station=station),
        session,
        factories.ReadingFactory.create(session=session),
        factories.TeamPowerFactory.create(team=team),
        factories.CommandFactory.create(station=station),
        factories.OddityFactory.create(station=station),
        message,
        factories.InboxEntryFactory.create(message=message, failed=True),
        factories.StationLinkFactory.create(station=station),
        factories.RefusedConnectionFactory.create(station=station),
        factories.UnnamedProxyFactory.create(),
        factories.DeviationFactory.create(station=station),
        factories.SecurityEventFactory.create(station=station),
        factories.AlarmMailFactory.create(team=team, user=viewer),
        factories.NotificationFactory.create(user=viewer, station=station),
        factories.NotificationChoiceFactory.create(user=viewer),
        factories.ProgressReportFactory.create(station=station),
        factories.CertificateRequestFactory.create(station=station),
    ]


def add_rest(team: Any, viewer: User, rows: list[Any]) -> Rows:
    """Add rows that the factories do not create, and return all rows by model label."""
    program = add_program(team=team, name="t", scopes=ApiScope.values, actor=None)[0]
    rows = [
        *rows,
        issue_api_token(user=viewer, name="t")[0],
        program,
        program.keys.get(),
        issue_access_token(program=program, secret="t", scopes=[], seconds=60),
        factories.GatewayNodeFactory.create(),
        hardware_model := hardware_factories.HardwareModelFactory.create(),
        hardware_factories.HardwareConnectorFactory.create(hardware_model=hardware_model),
        factories.InboxShardFactory.create(),
        factories.EventFactory.create(),
        SiteText.objects.create(kind="imprint", language="en", text="t"),
        SiteHook.objects.create(name="t", purpose="t", category="comfort", script_url="https://example.org/t.js"),
        PrivacyChoice.objects.create(user=viewer),
    ]
    return {row._meta.label: row for row in rows}


def grant_access(station: Any, installation: Any) -> list[User]:
    """Grant access to the station's installation to one user per role, and to one whose access has ended."""
    ChargingStation.objects.filter(pk=station.pk).update(installation=installation)
    past = timezone.now() - timedelta(minutes=1)
    grants = [{"role": role} for role in ("owner", "user", "service")] + [{"role": "owner", "ends_at": past}]
    return [factories.GrantFactory.create(installation=installation, **fields).user for fields in grants]


class World(NamedTuple):
    """The rows and the sessions of a test module.

    Attributes:
        rows: one of each model, by label.
        sessions: session keys by kind of user, in the order of the columns in tests/routes.py.
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
    rows = add_rest(team, viewer, create_team_rows(team, station, connector, tag, session, viewer))
    owner, user, service, ended = grant_access(station, rows["chargers.Installation"])
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
def rolled_back() -> Iterator[None]:
    """Roll back everything that is written inside this block."""
    clear_cached()
    cache.clear()  # sessions lie there as well
    with transaction.atomic():
        yield
        transaction.set_rollback(True)


def check_rows_now() -> None:
    """Check foreign keys of rows of the enclosing transaction now, or the end of each test checks them again."""
    connection.check_constraints()


def add_full_team(handle: str, person: User) -> Rows:
    """Create a team with one row of every model, administered by `person`."""
    team = factories.TeamFactory.create(
        handle=handle, name="Nordlicht Ladeparks und Parkhausbetriebe Süd-West GmbH & Co. KG"
    )
    factories.MembershipFactory.create(team=team, user=person, role=Role.ADMIN)
    station = factories.StationFactory.create(team=team, name="Parkhaus Hafen, Ebene 2, Stellplatz 7 neben der Rampe")
    connector = factories.ConnectorFactory.create(station=station, number=1)
    tag = factories.TagFactory.create(team=team)
    session = factories.SessionFactory.create(station=station, tag=tag, id_tag=tag.value)
    rows = add_rest(team, person, create_team_rows(team, station, connector, tag, session, person))
    rows["accounts.Membership"] = factories.MembershipFactory.create(team=team)  # whom an administrator may edit
    return rows
