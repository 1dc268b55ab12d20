"""A page holds the same rows as a slice of its query, whichever plan finds them, within any scope."""

import ast
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection
from django.db.models import Count, Exists, F, OuterRef, QuerySet
from django.db.models.functions import Length
from django.utils import timezone
from hypothesis import HealthCheck, given
from hypothesis import settings as how_much
from hypothesis import strategies as st

from accounts.access.rights import Provider, SelectedGroup
from chargers.models import ChargingStation
from cpms.common.database import paging
from cpms.common.database.paging import filter_by_stations, first_of, keys_if_few, of_stations, page_of
from cpms.common.models import OfStationsQuerySet
from maintenance.models import Message
from sessions.models import MeterReading
from tests import factories

BEGIN = datetime(2026, 11, 1, tzinfo=UTC)
SOURCES = ["accounts", "chargers", "cpms", "maintenance", "ocpp_gateway", "operations", "sessions", "tools"]


@pytest.fixture
def stations(team, other_team):
    """Three stations of the team and two of another one."""
    own = factories.StationFactory.create_batch(3, team=team)
    return [*own, *factories.StationFactory.create_batch(2, team=other_team)]


@pytest.fixture
def log(stations):
    """Messages of all stations in turn; the last station has few, and one message arrived out of order."""
    return [
        factories.MessageFactory.create(
            station=stations[number % 4 if number > 10 else number % 5],
            action=["Heartbeat", "BootNotification", "StatusNotification"][number % 3],
            direction="out" if number % 5 == 0 else "in",
            error_code="GenericError" if number % 7 == 0 else "",
            received_at=BEGIN + timedelta(minutes=number if number != 20 else 3),
        )
        for number in range(60)
    ]


@pytest.fixture
def users(team, other_team, stations, viewer, user_with, staff):
    """Users with each kind of right, and with each kind of chosen group or provider."""
    provider = Provider(team.pk, team.name)
    granted = factories.GrantFactory(station=stations[1], role="owner").user
    factories.GrantFactory(station=stations[4], user=granted, role="owner")
    of_two, looking, grouped = user_with(), factories.UserFactory(is_staff=True), user_with()
    factories.MembershipFactory(user=of_two, team=other_team)
    of_two.access.provider = looking.access.provider = provider
    factories.GrantFactory(station=stations[3], user=grouped, role="owner")
    group = factories.StationGroupFactory(user=grouped)
    group.stations.add(stations[0], stations[3])
    grouped.access.group = SelectedGroup(group.pk, group.name, [stations[0].pk, stations[3].pk])
    with_group_query = user_with()
    with_group_query.access.group = SelectedGroup(group.pk, group.name, group.stations.values("pk"))
    return {
        "of a team": viewer,
        "support": staff,
        "support at a provider": looking,
        "with single stations": granted,
        "of two teams at one": of_two,
        "in a listed group": grouped,
        "in a group by query": with_group_query,
        "with nothing": factories.UserFactory(),
    }


ORDERS = [
    ("-id",), ("id",), ("-pk",), ("pk",), ("-id", "-pk"), ("-received_at", "-id"), ("received_at", "pk"),
    ("station__identity", "-id"), ("station__team__name", "action", "id"), ("length", "-pk"), ("station", "-pk"),
]  # fmt: skip

MOMENTS = st.integers(0, 60).map(lambda number: BEGIN + timedelta(minutes=number))
CONDITIONS = [
    st.tuples(st.just("action"), st.sampled_from(["Heartbeat", "BootNotification", "Nothing"])),
    st.tuples(st.just("direction"), st.sampled_from(["in", "out"])),
    st.tuples(st.just("error_code"), st.sampled_from(["", "GenericError"])),
    st.tuples(st.just("received_at__gte"), MOMENTS),
    st.tuples(st.just("received_at__lt"), MOMENTS),
    st.tuples(st.just("station__identity__endswith"), st.sampled_from(["1", "2"])),
]


@st.composite
def log_requests(draw):
    """Generate requests for the log: user, conditions, order, page, and hints of the caller."""
    return {
        "person": draw(st.integers(0, 7)),
        "stations": draw(st.none() | st.sets(st.integers(0, 4), min_size=1)),
        "through": draw(st.booleans()),
        "conditions": dict(draw(st.lists(st.one_of(CONDITIONS), max_size=2))),
        "order": draw(st.sampled_from(ORDERS)),
        "page": draw(st.tuples(st.integers(0, 20), st.integers(0, 25))),
        "is_joined": draw(st.booleans()),
        "use_partial_index": draw(st.booleans()),
        "is_by_key": draw(st.booleans()),
        "knows": draw(st.sampled_from(["nothing", "the scope", "some"])),
        "few": draw(st.sampled_from([50, 2])),
    }


@pytest.mark.usefixtures("log")
def test_a_page_is_what_a_slice_gives(users, stations, monkeypatch):
    found = 0

    @how_much(max_examples=250, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(log_requests())
    def check_page(request):
        nonlocal found
        monkeypatch.setattr(paging, "FEW_STATIONS", request["few"])
        person = list(users.values())[request["person"]]
        rows = Message.objects.visible_to(person).filter(**request["conditions"])
        if "length" in request["order"]:
            rows = rows.annotate(length=Length("action"))
        chosen = None if request["stations"] is None else [stations[place].pk for place in request["stations"]]
        if chosen is not None:
            rows = of_stations(rows, chosen) if request["through"] else rows.filter(station__in=chosen)
        if request["is_joined"]:
            rows = rows.select_related("station").defer("station__password", "payload")
        rows = rows.order_by(*request["order"])
        few = {
            "nothing": None,
            "the scope": keys_if_few(Message.objects.all().stations_shown_to(person)),
            "some": [stations[0].pk, stations[3].pk],
        }[request["knows"]]
        start, length = request["page"]
        values = {"stations": few, "use_partial_index": request["use_partial_index"]}
        wanted = list(filter_by_stations(rows, few)[start : start + length])
        assert page_of(rows, start, start + length, is_by_key=request["is_by_key"], **values) == wanted
        assert list(first_of(rows, start + length, **values)[start : start + length]) == wanted
        if request["knows"] == "the scope":
            assert wanted == list(rows[start : start + length])
        found += len(wanted)

    check_page()
    assert found > 100


@pytest.mark.usefixtures("log")
def test_everybody_sees_the_rows_of_the_stations_of_their_scope(users, stations):
    """The message log has its own scope query, which must match that of other models."""
    for name, person in users.items():
        shown = set(ChargingStation.objects.allowed(person, Message.objects.all().right).filter(
            person.access.in_view("team", "")
        ))  # fmt: skip
        assert {message.station for message in Message.objects.visible_to(person)} == shown, name
        assert bool(shown) == (name != "with nothing")


def test_a_condition_stays_when_scoped_rows_are_sliced(viewer, log, stations):
    """A former bug returned rows of all stations to users with few stations."""
    one = stations[0].pk
    rows = Message.objects.visible_to(viewer).filter(station__in=[one])
    assert {message.station_id for message in rows[:10]} == {one}
    assert len(rows[:50]) == rows.count() == len([message for message in log if message.station_id == one])


def test_rows_of_a_station_that_is_gone_leave_no_gap_in_a_page(staff, log, stations):
    """Messages have no foreign key constraint, so the join with stations drops orphaned ones."""
    ChargingStation.objects.filter(pk=stations[0].pk)._raw_delete("default")
    rows = Message.objects.visible_to(staff).select_related("station").order_by("-id")
    assert page_of(rows, 0, 10) == list(rows[:10])
    assert len(page_of(rows, 0, 10)) == 10


@pytest.mark.parametrize(
    "change",
    [
        lambda rows: rows.filter(memberships__team__handle__startswith="").order_by("-pk"),
        lambda rows: rows.filter(memberships__team__handle__startswith="").distinct().order_by("-pk"),
        lambda rows: rows.annotate(roles=Count("memberships")).order_by("-roles", "pk"),
        lambda rows: rows.order_by("-pk").reverse(),
        lambda rows: rows.order_by(F("last_name").desc(), "pk"),
        lambda rows: rows.order_by("memberships__team__name", "pk"),
        lambda rows: rows.order_by("pk").values_list("pk", "last_name"),
        lambda rows: rows.order_by("pk").values("last_name"),
        lambda rows: rows.order_by("pk")[2:20],
        lambda rows: rows.filter(pk__lt=0).order_by("pk").union(rows.order_by()).order_by("id"),
        lambda rows: rows.order_by("pk").prefetch_related("memberships__team"),
        lambda rows: rows.order_by("last_name", "pk").only("last_name"),
        lambda rows: rows.none().order_by("pk"),
    ],
)
def test_a_table_that_is_no_log_is_paged_in_any_form(change, team, other_team, user_with, django_user_model):
    for _number in range(8):
        person = user_with()
        factories.MembershipFactory(user=person, team=other_team)
    rows = change(django_user_model.objects.all())
    for start, stop in ((0, 5), (3, 9), (6, 30), (100, 110)):
        for is_by_key in (True, False):
            assert page_of(rows.all(), start, stop, is_by_key=is_by_key) == list(rows.all()[start:stop])


def test_readings_with_a_computed_column_keep_it(session):
    factories.ReadingFactory.create_batch(12, session=session)
    others = MeterReading.objects.filter(session=OuterRef("session"), at__lt=OuterRef("at"))
    rows = MeterReading.objects.annotate(is_later=Exists(others)).filter(is_later=True).order_by("-pk")
    page = page_of(rows, 2, 6, stations=[session.station_id])
    assert page == list(rows[2:6])
    assert all(reading.is_later for reading in page)


def test_a_page_found_by_key_reads_what_was_asked_for(viewer, log, django_assert_num_queries):
    rows = Message.objects.visible_to(viewer).select_related("station").defer("payload")
    few = keys_if_few(Message.objects.all().stations_shown_to(viewer))
    with django_assert_num_queries(1):
        page = page_of(rows, 0, 5, stations=few)
        assert all(message.station.identity for message in page)
    assert all(message.get_deferred_fields() == {"payload"} for message in page)


def _talk_much(station):
    """Give another station so many messages that the planner's choice does not depend on an empty table."""
    now = timezone.now()
    columns = {"station": station, "received_at": now, "direction": "in", "action": "Heartbeat", "epoch": 1}
    Message.objects.bulk_create(Message(message_id=str(number), **columns) for number in range(5_000))
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE maintenance_message")
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute("SET LOCAL enable_bitmapscan = off")


@pytest.mark.skipif(connection.vendor != "postgresql", reason="elsewhere a log is sliced")
def test_each_of_few_stations_is_looked_up_in_its_own_index(viewer, log):
    """PostgreSQL reads one page of rows per station, however many messages other stations have."""
    rows = Message.objects.visible_to(viewer).order_by("-id")
    few = keys_if_few(Message.objects.all().stations_shown_to(viewer))
    _talk_much(factories.StationFactory())
    plan = first_of(rows, 10, stations=few).explain()
    assert "_station_id_id_idx" in plan or "message_station_newest" in plan, plan
    assert "SubPlan" in plan, plan


def _classes(kind):
    return {kind, *(deeper for each in kind.__subclasses__() for deeper in _classes(each))}


def test_no_queryset_slices_otherwise_than_django():
    own = {cls for cls in _classes(QuerySet) if cls.__module__.partition(".")[0] in SOURCES}
    assert OfStationsQuerySet in own
    assert not [cls.__name__ for cls in own if "__getitem__" in vars(cls)]
    for model in apps.get_models():
        for manager in model._meta.managers:
            assert type(manager.get_queryset()).__getitem__ is QuerySet.__getitem__, model


def _edits_of_where(path):
    """Return the lines that assign to `query.where` or call a method that changes it."""
    found = []

    def is_where(node):
        while isinstance(node, ast.Attribute | ast.Subscript):
            if isinstance(node, ast.Attribute) and node.attr == "where" and "query" in ast.unparse(node.value):
                return True
            node = node.value
        return False

    for node in ast.walk(ast.parse(path.read_text())):
        targets = []
        if isinstance(node, ast.Assign | ast.Delete):
            targets = list(node.targets)
        elif isinstance(node, ast.AugAssign | ast.AnnAssign):
            targets = [node.target]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            targets = [node.func.value]  # such as .add() and .children.clear()
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ("setattr", "delattr"):
            targets = [node.args[0]] if ast.unparse(node.args[1]) != "'where'" else []
            found += [f"{path}:{node.lineno}"] if not targets else []
        found += [f"{path}:{node.lineno}" for target in targets if is_where(target)]
    return found


def test_nothing_edits_the_conditions_of_a_query():
    root = Path(settings.BASE_DIR)
    files = [path for source in SOURCES for path in (root / source).rglob("*.py") if "migrations" not in path.parts]
    assert len(files) > 200
    assert not [line for path in files for line in _edits_of_where(path)]


def test_what_would_edit_them_is_noticed(tmp_path):
    source = tmp_path / "bad.py"
    source.write_text(
        "rows.query.where = node\nself.query.where.children = []\nrows.query.where.children.clear()\n"
        "del found.query.where.children[0]\nsetattr(rows.query, 'where', node)\n"
    )
    assert len(_edits_of_where(source)) == 5
    source.write_text("if rows.query.where:\n    pass\n")
    assert not _edits_of_where(source)
