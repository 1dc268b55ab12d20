"""P20: which tags are allowed at all stations of an installation; added and removed there."""

from __future__ import annotations

from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.urls import reverse

from accounts.models import Team, User
from chargers.models import Installation, Tag
from chargers.tags.panels import cards
from chargers.tags.services.authorization import authorize_tag
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def place(team: Team) -> Installation:
    return factories.InstallationFactory.create(team=team)


def shown(place: Installation, user: User) -> str:
    panel = cards(place, user)
    if panel is None:
        return ""
    request = RequestFactory().get("/")
    request.user = user
    return render_to_string(panel.template, dict(panel.context), request=request)


def act(browser: Any, place: Installation, **fields: Any) -> str:
    answer = browser.post(reverse("chargers:installation_cards", args=[place.pk]), fields, follow=True)
    return str(answer.content.decode()) if answer.status_code == 200 else str(answer.status_code)


def test_a_card_is_added_and_removed(page: Any, operator: User, team: Team, place: Installation) -> None:
    station: Any = factories.StationFactory.create(team=team, installation=place)
    tag = factories.TagFactory.create(team=team, value="04A2", label="Van", scope="selected")
    assert not authorize_tag(station=station, value="04A2").is_accepted
    assert "04A2 is valid at all stations" in act(page, place, tag="va")
    assert authorize_tag(station=station, value="04A2").is_accepted
    text = shown(place, operator)
    assert "04A2" in text and "Add card" in text and "Remove 04A2" in text
    assert "removed from" in act(page, place, remove=tag.pk)
    assert not authorize_tag(station=station, value="04A2").is_accepted
    assert "is not limited to this installation" in act(page, place, remove=tag.pk)


def test_what_is_refused_in_words(page: Any, team: Team, place: Installation) -> None:
    factories.TagFactory.create(team=team, value="EVERY", label="Everywhere")
    for value in ("VAN-1", "VAN-2"):
        factories.TagFactory.create(team=team, value=value, scope="selected")
    factories.TagFactory.create(value="FOREIGN", scope="selected")
    assert "already valid at all stations" in act(page, place, tag="every")
    assert "Several tags match" in act(page, place, tag="van")
    assert "No tag matches" in act(page, place, tag="FOREIGN")
    assert "Enter a tag number" in act(page, place, tag=" ")
    assert not Tag.installations.through.objects.exists()


def test_who_sees_and_edits_cards(
    as_person: Any, viewer: User, stranger: User, team: Team, place: Installation
) -> None:
    tag = factories.TagFactory.create(team=team, scope="selected")
    tag.installations.add(place)
    assert tag.value in shown(place, viewer) and "Remove" not in shown(place, viewer)
    assert act(as_person(viewer), place, remove=tag.pk) == "403"
    assert act(as_person(stranger), place, remove=tag.pk) == "404"
    owner = factories.GrantFactory.create(installation=place, role="owner", user=factories.UserFactory.create()).user
    assert shown(place, owner) == ""
    assert act(as_person(owner), place, remove=tag.pk) in ("403", "404")
    assert tag.installations.exists()
