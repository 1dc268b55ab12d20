"""ChargePoints > Authorization (W70-W77)."""

from datetime import timedelta

import pytest
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
    made = page.post(ADD, fields | {"stations": f"{station.identity}\n\n"})
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
    [{"value": "ä"}, {"value": "taken"}, {"kind": ""}, {"kind": "x"}, {"expires_at": "x"}, {"stations": "NOBODYS"}],
)
def test_errors_are_shown_and_nothing_is_saved(page, team, other_team, wrong):
    factories.TagFactory(team=team, value="TAKEN")
    factories.StationFactory(team=other_team, identity="NOBODYS")
    assert page.post(ADD, {"value": "new", "kind": "other"} | wrong).status_code == 422
    assert Tag.objects.count() == 1


def test_a_tag_is_edited_blocked_and_deleted(page, station, session, tag):
    page.post(url("edit", tag), {"value": tag.value, "label": "New", "kind": "private", "stations": station.identity})
    tag.refresh_from_db()
    assert (tag.label, tag.kind, list(tag.stations.all())) == ("New", "private", [station])
    assert station.identity in page.get(url("edit", tag)).content.decode()
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
