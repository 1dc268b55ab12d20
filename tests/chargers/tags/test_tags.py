"""ChargePoints > Authorization (W70-W77)."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from chargers.models import Tag
from chargers.tags.services.authorization import authorize_tag
from tests import factories
from tests.cpms.common.test_lists import rows_of, sheet

LIST, ADD = reverse("chargers:tag_list"), reverse("chargers:tag_add")


def url(name, tag):
    return reverse(f"chargers:tag_{name}", args=[tag.pk])


def test_a_tag_is_created_with_all_fields(page, station, team):
    other = factories.StationFactory(team=team)
    at = timezone.now() + timedelta(days=1)
    fields = {"value": "04A2", "label": "Pool car", "kind": "company", "expires_at": f"{at:%Y-%m-%dT%H:%M}"}
    made = page.post(ADD, fields | {"scope": "selected", "places": [f"station:{station.pk}"]})
    tag = Tag.objects.get()
    assert made["Location"] == tag.get_absolute_url()
    assert (tag.value, tag.label, tag.kind, tag.team) == ("04A2", "Pool car", "company", team)
    assert authorize_tag(station=station, value="04a2").is_accepted  # W77
    assert not authorize_tag(station=other, value="04a2").is_accepted
    assert not authorize_tag(station=station, value="04a2", at=at + timedelta(days=1)).is_accepted  # W76
    text = page.get(tag.get_absolute_url()).content.decode()
    assert "Pool car" in text and "Company" in text and station.identity in text


def test_without_a_value_a_virtual_tag_is_created(page, team):
    """W74."""
    page.post(ADD, {"kind": "other"})
    page.post(ADD, {"kind": "other"})
    one, two = Tag.objects.values_list("value", flat=True)
    assert one != two and len(one) <= 20


@pytest.mark.parametrize(
    "wrong",
    [{"value": "ä"}, {"value": "taken"}, {"kind": ""}, {"kind": "x"}, {"expires_at": "x"}, {"scope": "x"}],
)
def test_errors_are_shown_and_nothing_is_saved(page, team, wrong):
    factories.TagFactory(team=team, value="TAKEN")
    assert page.post(ADD, {"value": "new", "kind": "other"} | wrong).status_code == 422
    assert Tag.objects.count() == 1


def test_a_tag_is_edited_blocked_and_deleted(page, station, session, tag):
    places = {"scope": "selected", "places": [f"station:{station.pk}"]}
    page.post(url("edit", tag), {"value": tag.value, "label": "New", "kind": "private"} | places)
    tag.refresh_from_db()
    assert (tag.label, tag.kind, list(tag.stations.all())) == ("New", "private", [station])
    text = page.get(url("edit", tag)).content.decode()
    assert station.identity in text and "virtual tag" not in text
    page.post(url("block", tag), {"block": "yes"})
    assert not authorize_tag(station=station, value=tag.value).is_accepted
    page.post(url("block", tag), {"block": "no"})
    assert authorize_tag(station=station, value=tag.value).is_accepted
    page.post(url("delete", tag))
    session.refresh_from_db()
    assert not Tag.objects.exists() and session.id_tag


def test_tags_are_searched_and_exported(page, team):
    """W75: the type is in the file, too."""
    now = timezone.now()
    good = factories.TagFactory(team=team, value="GOOD", label="Pool")
    bad = factories.TagFactory(team=team, value="BAD", status="blocked")
    old = factories.TagFactory(team=team, value="OLD", expires_at=now, kind="company")
    factories.TagFactory()
    assert rows_of(page.get(LIST)) == [bad, good, old]
    for query, found in (
        ({"q": "poo"}, good), ({"state": "accepted"}, good), ({"state": "blocked"}, bad),
        ({"state": "expired"}, old), ({"kind": "company"}, old),
    ):  # fmt: skip
        assert rows_of(page.get(LIST, query)) == [found]
    head, *lines = sheet(page.get(LIST, {"export": "csv"}))
    assert [line[0] for line in lines] == ["BAD", "GOOD", "OLD"]
    assert [line[head.index("Type")] for line in lines] == ["Other", "Other", "Company"]


def test_a_viewer_sees_tags_but_no_buttons(as_person, viewer, tag):
    browser = as_person(viewer)
    text = browser.get(LIST).content.decode() + browser.get(tag.get_absolute_url()).content.decode()
    assert tag.value in text and ADD not in text and url("edit", tag) not in text and url("delete", tag) not in text


WINDOW = {
    "window": ["7"],
    "window_7_days": ["1", "2"],
    "window_7_from": "07:00",
    "window_7_to": "19:00",
}


def test_time_windows_are_entered_and_shown(page, team):
    page.post(ADD, {"value": "04A2", "kind": "other", "scope": "all"} | WINDOW)
    tag = Tag.objects.get()
    assert tag.time_windows == [{"days": [1, 2], "from": "07:00", "to": "19:00"}]
    assert "Mon, Tue 07:00\u201319:00" in page.get(tag.get_absolute_url()).content.decode()
    assert 'value="07:00"' in page.get(url("edit", tag)).content.decode()
    assert (
        'name="window" value="8"' in page.get(reverse("chargers:tag_window"), {"window": ["7", "2"]}).content.decode()
    )
    without_days = {key: value for key, value in WINDOW.items() if not key.endswith("days")}
    refused = page.post(ADD, {"value": "2", "kind": "other", "scope": "all"} | without_days)
    assert refused.status_code == 422 and "at least one day" in refused.content.decode()


def test_a_tag_whose_selection_is_empty_says_so(page, team, tag):
    page.post(url("edit", tag), {"value": tag.value, "kind": "other", "scope": "selected"})
    assert "valid nowhere" in page.get(tag.get_absolute_url()).content.decode()
    assert "Nowhere: nothing is selected" in page.get(LIST).content.decode()


def test_places_of_another_team_are_not_selected(page, team, other_team, tag):
    """The picker offers only what the user may see, and a forged key selects nothing."""
    foreign = factories.StationFactory(team=other_team, identity="NOBODYS")
    page.post(
        url("edit", tag),
        {
            "value": tag.value,
            "kind": "other",
            "scope": "selected",
            "places": [f"station:{foreign.pk}", "x:1", "group:y"],
        },
    )
    tag.refresh_from_db()
    assert tag.scope == "selected" and not tag.stations.exists()
    picker = reverse("chargers:tag_places")
    assert "NOBODYS" not in page.get(picker, {"team": team.pk}).content.decode()
    assert page.get(picker, {"team": other_team.pk}).status_code == 404


def test_the_picker_finds_installations_groups_and_stations(page, operator, viewer, team):
    place = factories.InstallationFactory(team=team, name="Harbour")
    station = factories.StationFactory(team=team, identity="HARBOUR-1", installation=place)
    factories.StationGroupFactory(user=operator, name="Harbour group")
    factories.StationGroupFactory(user=viewer, name="Harbour of a viewer")
    picker = reverse("chargers:tag_places")
    text = page.get(picker, {"team": team.pk, "find": "harb", "places": [f"station:{station.pk}"]}).content.decode()
    assert "Harbour group" in text and f"installation:{place.pk}" in text and "of a viewer" not in text
    assert text.count(f"station:{station.pk}") == 1 and "checked" in text


def test_ticked_tags_are_blocked_unblocked_exported_and_deleted(page, team, other_team):
    """W72."""
    one, two, left = factories.TagFactory.create_batch(3, team=team)
    foreign = factories.TagFactory(team=other_team)
    bulk, ticked = reverse("chargers:tag_bulk"), [one.pk, two.pk, foreign.pk]
    assert "2 tags blocked" in page.post(bulk, {"pk": ticked, "do": "block"}, follow=True).content.decode()
    assert set(Tag.objects.filter(status="blocked")) == {one, two}
    page.post(bulk, {"pk": [one.pk], "do": "unblock"})
    assert set(Tag.objects.filter(status="blocked")) == {two}
    lines = sheet(page.post(bulk, {"pk": ticked, "do": "export"}, follow=True))
    assert [line[0] for line in lines[1:]] == [one.value, two.value]
    assert page.post(bulk, {"pk": ticked, "do": "explode"}).status_code == 404
    page.post(bulk, {"pk": ticked, "do": "delete"})
    assert set(Tag.objects.all()) == {left, foreign}
    assert "Select at least one tag" in page.post(bulk, {"do": "delete"}, follow=True).content.decode()


def test_a_viewer_changes_no_ticked_tags(as_person, viewer, tag):
    refused = as_person(viewer).post(reverse("chargers:tag_bulk"), {"pk": [tag.pk], "do": "delete"})
    assert refused.status_code == 403 and Tag.objects.exists()
    assert 'name="pk"' not in as_person(viewer).get(LIST).content.decode()


def test_tags_are_filtered_by_scope_person_and_installation(page, team, operator):
    place = factories.InstallationFactory(team=team)
    station = factories.StationFactory(team=team, installation=place)
    everywhere = factories.TagFactory(team=team, value="1")
    selected = factories.TagFactory(team=team, value="2", scope="selected", user=operator)
    selected.stations.add(station)
    nowhere = factories.TagFactory(team=team, value="3", scope="selected", valid_from=timezone.now() + timedelta(1))
    for query, found in (
        ({"scope": "all"}, [everywhere]), ({"scope": "selected"}, [selected, nowhere]),
        ({"person": operator.email}, [selected]), ({"installation": place.pk}, [everywhere, selected]),
        ({"state": "not_yet"}, [nowhere]), ({"state": "accepted"}, [everywhere, selected]),
    ):  # fmt: skip
        assert rows_of(page.get(LIST, query)) == found


def test_the_list_shows_the_use_of_tags_and_only_columns_that_differ(page, station, team):
    used = factories.TagFactory(team=team, value="1")
    factories.SessionFactory.create_batch(2, station=station, tag=used, finished=True)
    text = page.get(LIST).content.decode()
    assert "Last used" in text and 'id_tag=1">2</a>' in text
    assert not any(f">{head}" in text.partition("<thead>")[2].partition("</thead>")[0] for head in ("Type", "Team"))
    factories.TagFactory(team=team, value="2", kind="company")
    assert "Company" in page.get(LIST).content.decode()
    detail = page.get(used.get_absolute_url()).content.decode()
    assert "2 sessions" in detail


def test_the_queries_of_the_list_do_not_grow(page, station, team, operator):
    def add(count):
        for _n in range(count):
            tag = factories.TagFactory(team=team, scope="selected", user=operator)
            tag.stations.add(station)
            factories.SessionFactory(station=station, tag=tag, finished=True)

    page.get(LIST)
    counts = []
    for count in (2, 12):
        add(count)
        with CaptureQueriesContext(connection) as done:
            page.get(LIST, {"per_page": 50})
        counts.append(len(done))
    assert counts[0] == counts[1]
