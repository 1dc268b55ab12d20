"""Global search (P34, V1): scope, few queries, and an index for each model."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cpms.portal.frame.search import _starting_with, search
from sessions.ledger.filtersets import SessionFilterSet
from sessions.models import ChargingSession
from tests import factories

URL = reverse("portal:search")


def found(user, text):
    return {kind.title: [hit.label for hit in kind.hits] for kind in search(user, text)}


@pytest.fixture
def things(team):
    place = factories.InstallationFactory(team=team, name="Harbour hall", city="Kiel")
    station = factories.StationFactory(
        team=team, identity="DE*ABC-1", name="Row 5", serial_number="XSN9", installation=place
    )
    tag = factories.TagFactory(team=team, value="04A2C7B1", label="Pool car")
    session = factories.SessionFactory(station=station, tag=tag, id_tag=tag.value)
    return place, station, tag, session


@pytest.mark.parametrize(
    "text",
    [
        "de*abc",
        "ABC-1",
        "row",
        "sn9",
        "kiel",
        "bour hal",
        "harbour row",
        "04a2",
        "c7b1",
        "pool",
        "car",
        "lovel",
        "ada@ex",
    ],
)
def test_stations_and_sessions_are_found_by_any_part(viewer, things, text):
    """Parts of identity, name, serial number and place; for sessions also of tag, label and person."""
    _place, _station, tag, _session = things
    tag.user = factories.UserFactory(first_name="Ada", last_name="Lovelace", email="ada@example.org")
    tag.save()
    is_of_tag = text in ("04a2", "c7b1", "pool", "car", "lovel", "ada@ex")
    results = found(viewer, text)
    assert len(results["Sessions"]) == 1
    assert results.get("Tags") == (["Pool car"] if is_of_tag else None)
    assert results.get("Stations") == (None if is_of_tag else ["DE*ABC-1"])


def test_matches_at_the_start_come_first(viewer, team):
    for identity in ("A-KIEL-1", "KIEL-2", "B-KIEL-3"):
        factories.StationFactory(team=team, identity=identity)
    assert found(viewer, "kiel")["Stations"] == ["KIEL-2", "A-KIEL-1", "B-KIEL-3"]


def test_it_finds_places_numbers_and_pages(viewer, things):
    _place, _station, _tag, session = things
    assert found(viewer, "kiel")["Installations"] == found(viewer, "HARBOUR")["Installations"] == ["Harbour hall"]
    assert len(found(viewer, f"{session.pk:03d}")["Sessions"]) == 1
    assert found(viewer, "securi") == {"Pages and settings": ["Security events", "Security"]}


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("tokens", "API tokens"),
        ("okens", "API tokens"),
        ("time zone", "Language, time zone and appearance"),
        ("zone language", "Language, time zone and appearance"),
        ("passkey", "Two-factor authentication and passkeys"),
        ("logo", "Portal name, logo and colours"),
        ("invoice", "Invoice address and VAT number"),
        ("team settings billing", "Billing"),
        ("maintenance messages", "Messages"),
    ],
)
def test_pages_and_settings_are_found_by_any_part_of_their_name(administrator, text, label):
    """P34."""
    assert label in found(administrator, text)["Pages and settings"]


def test_settings_of_the_team_are_found_by_those_who_may_change_them(viewer):
    assert found(viewer, "logo") == found(viewer, "billing") == {}


def test_the_empty_search_box_offers_pages(page):
    part = page.get(URL, headers={"HX-Request": "true"}).content.decode()
    assert re.findall('role="option".*?<b>(.*?)</b>', part)[:2] == ["Dashboard", "Overview"]


def offered(page):
    part = page.get(URL, headers={"HX-Request": "true"}).content.decode()
    kinds = re.split('class="kind-name".*?</svg>', part, flags=re.DOTALL)[1:]
    return {kind.partition("<")[0]: re.findall('role="option".*?<b>(.*?)</b>', kind) for kind in kinds}


def test_the_empty_search_box_offers_the_last_five_opened_stations_first(page, team):
    stations = [factories.StationFactory(team=team, identity=f"S-{number}") for number in range(6)]
    for number in (0, 1, 2, 3, 4, 5, 2):
        page.get(stations[number].get_absolute_url())
    page.get(reverse("chargers:station_live", args=[stations[3].pk]))  # an open page refreshes itself
    page.get(reverse("chargers:station_detail", args=[99999999]))
    kinds = offered(page)
    assert list(kinds) == ["Recent stations", "Go to"]
    assert kinds["Recent stations"] == ["S-2", "S-5", "S-4", "S-3", "S-1"]


def test_recent_stations_are_those_of_the_session(page, as_person, operator, station):
    page.get(station.get_absolute_url())
    assert "Recent stations" in offered(page)
    assert "Recent stations" not in offered(as_person(operator))


def test_recent_stations_cost_one_query(page, team, django_assert_num_queries):
    offered(page)
    with CaptureQueriesContext(connection) as queries:
        offered(page)
    count = len(queries)
    for _number in range(5):
        page.get(factories.StationFactory(team=team).get_absolute_url())
    with django_assert_num_queries(count + 1):
        offered(page)


def test_a_station_that_is_no_longer_visible_is_not_offered(page, team, other_team):
    stays, goes = factories.StationFactory.create_batch(2, team=team)
    for station in (stays, goes):
        page.get(station.get_absolute_url())
    assert offered(page)["Recent stations"] == [goes.identity, stays.identity]
    type(goes).objects.filter(pk=goes.pk).update(team=other_team)
    assert offered(page)["Recent stations"] == [stays.identity]


@pytest.mark.parametrize("text", ["", " ", "d", "%", "%%", "__", "x" * 500, "\x01\x01", "9" * 60, "٣٣"])
def test_too_little_and_nonsense_find_nothing(as_person, viewer, things, text):
    assert search(viewer, text) == []
    assert as_person(viewer).get(URL, {"q": text}).status_code == 200


def test_strangers_find_nothing_of_it(stranger, things):
    for text in ("de*abc", "kiel", "04a2", str(things[3].pk).zfill(3)):
        assert found(stranger, text) == {}


def test_a_driver_finds_own_sessions_only(things):
    _place, station, tag, session = things
    driver = factories.GrantFactory(station=station, user=factories.UserFactory(), role="user").user
    tag.user = driver
    tag.save()
    assert found(driver, "de*abc") == {} and "Security events" not in str(found(driver, "securi"))
    assert len(found(driver, f"{session.pk:03d}")["Sessions"]) == 1


def member_of(team, **fields):
    return factories.MembershipFactory(team=team, user=factories.UserFactory(**fields), role="viewer").user


def urls_of_users(user, text):
    return [hit.url for kind in search(user, text) if kind.title == "Users" for hit in kind.hits]


def test_staff_finds_all_users_and_viewers_none(viewer, operator, staff, team):
    zoe = member_of(team, email="zoe@example.org", last_name="Zuse")
    assert found(viewer, "zuse") == found(operator, "zuse") == {}
    assert found(staff, "zuse") == {"Users": ["Zuse"]}
    assert urls_of_users(staff, "zuse") == [reverse("admin:accounts_user_change", args=[zoe.pk])]


@pytest.mark.parametrize("text", ["zoe@ex", "example.org zuse", "use", "zoe", "ZUSE"])
def test_administrators_find_members_of_their_team_by_name_and_address(as_person, administrator, team, text):
    zoe = member_of(team, email="zoe@example.org", last_name="Zuse")
    (url,) = urls_of_users(administrator, text)
    assert url == reverse("portal:user_edit", args=[zoe.pk])
    assert as_person(administrator).get(url).status_code == 200


def test_administrators_find_nobody_else(administrator, team, other_team, station):
    member_of(other_team, last_name="Zuse")
    member_of(team, last_name="Zuse", is_staff=True)
    factories.GrantFactory(station=station, user=factories.UserFactory(last_name="Zuse"), role="owner")
    factories.UserFactory(last_name="Zuse")
    assert urls_of_users(administrator, "zuse") == []


def test_members_whose_name_begins_with_the_text_come_first(administrator, team):
    for email, name in (("a@example.org", "Van Kiel"), ("b@example.org", "Kiel"), ("c@example.org", "Okiel")):
        member_of(team, email=email, last_name=name)
    assert found(administrator, "kiel")["Users"] == ["Kiel", "Van Kiel", "Okiel"]


def test_only_the_chosen_group_is_searched(page, operator, things):
    group = factories.StationGroupFactory(user=operator)
    page.post(reverse("portal:group_choose"), {"group": group.pk})
    assert page.get(URL, {"q": "de*abc"}).context["count"] == 0


def test_the_box_gets_a_list_of_options_and_the_address_a_page(page, things):
    part = page.get(URL, {"q": "de*"}, headers={"HX-Request": "true"}).content.decode()
    assert 'role="listbox"' in part and 'role="option"' in part and "<html" not in part
    whole = page.get(URL, {"q": "de*"}).content.decode()
    assert things[1].get_absolute_url() in whole and "/stations/?q=de%2A" in whole


def test_few_queries_whatever_there_is(viewer, things, team, django_assert_max_num_queries):
    factories.StationFactory.create_batch(30, team=team)
    viewer = type(viewer).objects.get(pk=viewer.pk)
    with django_assert_max_num_queries(10):
        search(viewer, "CP")


def test_few_queries_for_administrators_too(administrator, things, team, django_assert_max_num_queries):
    member_of(team, email="cp@example.org")
    administrator = type(administrator).objects.get(pk=administrator.pk)
    with django_assert_max_num_queries(10):
        assert "Users" in {kind.title for kind in search(administrator, "CP")}


def multiply(row, count, columns):
    """Insert copies of a row by SQL; the named columns are unique."""
    columns_copied = [field.column for field in row._meta.concrete_fields if not field.primary_key]
    values = [
        f"'ST-' || lpad(n::text, 6, '0') || '{name}'" if name in columns else f'"{name}"' for name in columns_copied
    ]
    table, quoted = row._meta.db_table, [f'"{name}"' for name in columns_copied]
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(quoted)}) SELECT {', '.join(values)} "
            f"FROM {table}, generate_series(1, %s) AS n WHERE id = %s",
            [count, row.pk],
        )


@pytest.mark.skipif(connection.vendor != "postgresql", reason="plans of PostgreSQL")
@pytest.mark.parametrize(
    ("factory", "columns"),
    [(factories.StationFactory, ["identity", "name", "serial_number"]), (factories.TagFactory, ["value", "label"])],
)
def test_indexes_find_it_among_very_many(viewer, team, factory, columns):
    row = factory(team=team)
    model = type(row)
    multiply(row, 20_000, columns)
    with connection.cursor() as cursor:
        cursor.execute(f"ANALYZE {model._meta.db_table}")
    plan = _starting_with(model.objects.visible_to(viewer), "ST-0123", *columns).explain()
    assert all(f"{column}_begins" in plan for column in columns), plan


@pytest.mark.skipif(connection.vendor != "postgresql", reason="plans of PostgreSQL")
@pytest.mark.parametrize("text", ["nd-m", "harbour", "lovelace", "c7b"])
def test_sessions_are_found_by_part_of_a_word_among_very_many(operator, team, rf, text):
    """Stations and tags are scanned; sessions are found by an index."""
    place = factories.InstallationFactory(team=team, name="Harbour hall")
    person = factories.UserFactory(last_name="Lovelace")
    tag = factories.TagFactory(team=team, value="04A2C7B1", user=person)
    wanted = factories.StationFactory(team=team, identity="FIND-ME", installation=place)
    other = factories.SessionFactory(station=factories.StationFactory(team=team), finished=True)
    multiply(other, 30_000, ["id_tag"])
    factories.SessionFactory(station=wanted, tag=tag)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    request = rf.get("/")
    request.user = operator
    rows = ChargingSession.objects.visible_to(operator)
    found = SessionFilterSet({"q": text}, queryset=rows, request=request).qs
    plan = found.order_by("-started_at", "-pk")[:20].explain()
    assert "Seq Scan on charging_sessions_chargingsession" not in plan and "_newest" in plan, plan
    assert len(found) == 1
