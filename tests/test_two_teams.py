"""Two teams with the same data: what one of them sees is to the letter what it saw before the other one existed."""

import re
import zipfile
from io import BytesIO

import pytest
import time_machine
from asgiref.sync import async_to_sync
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from accounts.access.rights import ApiScope, Role
from accounts.audit.services import Action
from accounts.programs.services.programs import add_program
from cpms.common.messaging.news import team_group
from tests import factories
from tests.chargers.groups.test_groups import layer, socket_of  # noqa: F401
from tests.routes import FOUND, ROUTES, address, holders, rows  # noqa: F401
from tests.world import create_team_rows

NOT_OURS = {
    "health",
    "accounts:app_add",  # a new secret each time
    "accounts:captcha_challenge",  # chance
    "accounts:key_add",  # chance
    "portal:own_data",  # its name holds the time; told in its own test
    "portal:permissions",
}
PAGES = [
    name
    for name, line in ROUTES.items()
    if "GET" in line and name in FOUND and not name.startswith("admin") and name not in NOT_OURS
]
LISTS = [name for name in PAGES if name.endswith(("_list", ":user_list", "audit"))]
MADE = f"&action={Action.CREATE.value}"  # each export is in the audit log itself
VOLATILE = [
    re.compile(rb'name="csrfmiddlewaretoken" value="\w+"'),
    re.compile(rb'"X-CSRFToken": "\w+"'),
    re.compile(rb'name="password" value="\w+"'),  # a new one each time
]


def everything_of(team) -> None:
    """Like the first team's, under a name that stands nowhere else."""
    viewer = factories.MembershipFactory(team=team, role=Role.VIEWER).user
    station = factories.StationFactory(team=team)
    connector = factories.ConnectorFactory(station=station, number=1)
    tag = factories.TagFactory(team=team)
    session = factories.SessionFactory(station=station, tag=tag, id_tag=tag.value)
    create_team_rows(team, station, connector, tag, session, viewer)
    factories.SessionFactory(station=station, finished=True)
    add_program(team=team, name="t", scopes=ApiScope.values, actor=None)


def body_of(response) -> bytes:
    """What it says, without what says something else each time."""
    content = b"".join(response.streaming_content) if response.streaming else response.content
    if content[:2] == b"PK":
        with zipfile.ZipFile(BytesIO(content)) as book:
            content = b"".join(book.read(name) for name in book.namelist() if name.startswith("xl/"))
    for changing in VOLATILE:
        content = changing.sub(b"", content)
    return content


@pytest.fixture
def still():
    """The clock stands: pages say the time, and a minute that ends between two looks is no difference."""
    with time_machine.travel(timezone.now(), tick=False):
        yield


@pytest.fixture
def readers(one_of_each, administrator, viewer, holders):  # noqa: F811
    """People of the first team, and people it gave access to."""
    clients = {}
    for name, user in {"administrator": administrator, "viewer": viewer, "owner": holders[0]}.items():
        clients[name] = Client(raise_request_exception=False)
        clients[name].force_login(user)
    return clients


def asked_of(readers, addresses) -> dict[tuple[str, str], tuple[int, bytes]]:
    told = {}
    for who, client in readers.items():
        for path in addresses:
            response = client.get(path)
            told[who, path] = (response.status_code, body_of(response))
    return told


def differing(before, after) -> list[str]:
    return [f"{path} as {who}" for (who, path), said in before.items() if after[who, path] != said]


@pytest.mark.walk
@pytest.mark.parametrize("kind", ["pages", "exports", "searches"])
def test_nothing_changes_when_another_team_comes(kind, still, readers, rows, other_team):  # noqa: F811
    addresses = {
        "pages": [address(name, rows) for name in PAGES],
        "exports": [
            f"{address(name, rows)}?export={kind}{MADE if name == 'team:audit' else ''}"
            for name in LISTS
            for kind in ("csv", "xlsx")
        ],
        "searches": [f"{reverse('portal:search')}?q={text}" for text in ("st", "person", "tag", "team", "01")]
        + [f"{address(name, rows)}?q=t" for name in LISTS]
        + [reverse("operations:tag_choices", args=[rows["chargers"]["pk"]]) + "?id_tag=0"],
    }[kind]
    asked_of({"viewer": readers["viewer"]}, addresses)  # what a process remembers is then remembered
    before = asked_of(readers, addresses)
    assert sum(status == 200 for status, _body in before.values()) > len(addresses)
    everything_of(other_team)
    after = asked_of(readers, addresses)
    assert differing(before, after) == []


@pytest.mark.django_db(transaction=True)
def test_live_news_of_the_other_is_not_heard(administrator, station, team, other_team, layer):  # noqa: F811
    other = factories.StationFactory(team=other_team)

    async def both_have_news():
        socket, session = socket_of(administrator)
        await session.asave()
        await socket.connect()
        for one, changed in ((other_team, other), (team, station)):
            event = {"type": "news", "team": one.pk, "stations": [changed.pk]}
            await layer.group_send(team_group(one.pk), event)
        heard = await socket.receive_json_from()
        is_silent = await socket.receive_nothing(0.2)
        await socket.disconnect()
        return heard, is_silent

    assert async_to_sync(both_have_news)() == ({"stations": [station.pk]}, True)
