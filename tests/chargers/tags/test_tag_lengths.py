"""A tag has at most as many characters as OCPP 1.6 allows, however it is entered.

Longer tags from before this rule stay usable as long as their number is not changed.
"""

import pytest
from django.urls import reverse

from chargers.models import Tag
from chargers.tags.services import adding
from chargers.tags.services.editing import save_tag
from cpms.common.errors import DomainError
from operations.commands.services.asking import request_command
from operations.models import Command
from tests import factories
from tests.admin.test_changes import upload

LONG, SENTENCE = "x" * 21, "A tag must have 1 to 20 characters."
LONGER = "FROM-A-STATION-THAT-SENT-ALL-OF-THIS"
API = "/api/v1/tags/"


def by_form(client, team, administrator, staff):
    client.force_login(administrator)
    return client.post(reverse("chargers:tag_add"), {"value": LONG, "kind": "other"}).content.decode()


def by_import(client, team, administrator, staff):
    client.force_login(staff)
    return upload(client, "tag", f"team,value,label,status\n{team.handle},{LONG},,accepted\n").content.decode()


def by_admin(client, team, administrator, staff):
    client.force_login(staff)
    fields = {"team": team.pk, "value": LONG, "status": "accepted", "kind": "other", "scope": "all"}
    return client.post(reverse("admin:chargers_tag_add"), fields).content.decode()


def by_command(client, team, administrator, staff):
    with pytest.raises(DomainError) as error:
        adding.add_tag(team=team, value=LONG)
    return str(error.value)


@pytest.mark.parametrize("door", [by_form, by_import, by_admin, by_command])
def test_a_tag_that_is_too_long_is_refused_with_the_same_sentence(client, team, administrator, staff, door):
    assert SENTENCE in door(client, team, administrator, staff)
    assert not Tag.objects.exists()


def test_the_api_refuses_it(api, administrator, tag):
    client = api(administrator)
    assert client.post(API, {"value": LONG}, format="json").status_code == 400
    refused = client.patch(f"{API}{tag.pk}/", {"value": LONG}, format="json")
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (400, "value")
    assert SENTENCE in refused.content.decode()


def test_it_is_refused_at_a_remote_start(client, station, operator):
    with pytest.raises(DomainError, match=SENTENCE) as error:
        request_command(
            station=station, kind=Command.Kind.REMOTE_START, parameters={"connector": 1, "id_tag": LONG}, actor=operator
        )
    assert "id_tag" in error.value.fields
    client.force_login(operator)
    form = reverse("operations:station_command", args=[station.pk, "remote_start"])
    factories.ConnectorFactory(station=station, number=1)
    answer = client.post(form, {"connector": "1", "id_tag": LONG})
    assert answer.status_code == 422 and SENTENCE in answer.content.decode()
    field = client.get(form).content.decode().partition('name="id_tag"')[2].partition(">")[0]
    assert "maxlength" not in field


def test_an_existing_longer_tag_can_still_be_edited(client, api, team, administrator, staff):
    tag = factories.TagFactory(team=team, value=LONGER)
    assert save_tag(actor=administrator, team=team, tag=tag, value=LONGER, label="Van").label == "Van"
    assert api(administrator).patch(f"{API}{tag.pk}/", {"status": "blocked"}, format="json").status_code == 200
    adding.add_tag(team=team, value=LONGER, status="accepted")
    client.force_login(administrator)
    form = {"value": LONGER, "label": "Bus", "kind": "other"}
    assert client.post(reverse("chargers:tag_edit", args=[tag.pk]), form).status_code == 302
    client.force_login(staff)
    fields = {"team": team.pk, "value": LONGER, "status": "blocked", "kind": "other", "label": "Car", "scope": "all"}
    assert client.post(reverse("admin:chargers_tag_change", args=[tag.pk]), fields).status_code == 302
    tag.refresh_from_db()
    assert (tag.label, tag.status) == ("Car", Tag.Status.BLOCKED)
