"""Who takes a list away in a file is written down (S44)."""

import json

import pytest
from django.urls import reverse
from django.utils import translation

from accounts.access.rights import Role
from accounts.audit.labels import describe_changes
from accounts.audit.services import Action
from accounts.models import AuditEntry
from cpms.common.web import downloads
from cpms.common.web.pages import ListPage
from tests import factories
from tests.exported import LISTS, OF_STAFF

SESSIONS, STATIONS, AUDIT = map(reverse, ("sessions:session_list", "chargers:station_list", "team:audit"))


def entries():
    return list(AuditEntry.objects.filter(action=Action.ACCESS).order_by("pk"))


def test_a_download_names_who_when_from_where_which_list_and_how(page, operator, session):
    """S44."""
    page.get(SESSIONS, {"export": "xlsx", "state": "open", "start": "2026-01-01T00:00"}, REMOTE_ADDR="203.0.113.7")
    (entry,) = entries()
    assert (entry.actor, entry.actor_email, entry.remote_addr) == (operator, operator.email, "203.0.113.7")
    assert (entry.team, entry.content_type.model) == (session.team, "chargingsession")
    told = entry.changes["download"]
    assert (told["list"], told["form"], told["filters"]["state"]) == ("sessions", "xlsx", "open")
    assert told["filters"]["start"].startswith("2025-12-31T23:00")


def test_what_was_typed_is_not_kept(page, tag):
    """A tag opens a station: the trail says that it was looked for, not which."""
    page.get(SESSIONS, {"export": "csv", "id_tag": tag.value, "q": tag.value})
    (entry,) = entries()
    assert entry.changes["download"]["filters"] == {"id_tag": "", "q": ""}
    assert tag.value not in json.dumps(entry.changes) + entry.object_repr


@pytest.mark.parametrize("name", sorted({*ListPage.exported} - OF_STAFF))
def test_every_list_that_makes_files_is_followed(as_person, administrator, team, name):
    assert as_person(administrator).get(reverse(LISTS[name]), {"export": "csv"}).status_code == 200
    (entry,) = entries()
    assert (entry.object_repr, entry.team) == (f"{name}.csv", team)


@pytest.mark.parametrize("name", sorted(OF_STAFF))
def test_every_list_of_support_staff_is_followed_too(as_person, staff, name):
    assert as_person(staff).get(reverse(LISTS[name]), {"export": "csv"}).status_code == 200
    assert [entry.object_repr for entry in entries()] == [f"{name}.csv"]


def test_every_list_that_makes_files_is_known_here():
    assert LISTS.keys() == ListPage.exported.keys()


def test_a_download_that_breaks_off_is_written_down_all_the_same(page, session):
    answer = page.get(SESSIONS, {"export": "csv"})
    next(iter(answer.streaming_content))  # and nobody takes the rest
    assert len(entries()) == 1


def test_no_file_without_an_entry(page, session, monkeypatch):
    def fall(download):
        raise RuntimeError

    monkeypatch.setattr(downloads, "_listeners", [fall])
    with pytest.raises(RuntimeError):
        page.get(SESSIONS, {"export": "csv"})


def test_what_is_no_download_is_not_written_down(page, station, session, monkeypatch):
    for query in ({}, {"page": "1"}, {"export": "csv", "start": "no time"}):
        page.get(SESSIONS, query)
    page.get(reverse("portal:group_list"), {"export": "csv"})  # makes no files
    monkeypatch.setattr("cpms.common.web.pages.MAX_XLSX_ROWS", 0)
    page.get(SESSIONS, {"export": "xlsx"})  # refused: too many rows
    assert entries() == []


def test_each_team_whose_rows_can_be_in_it_has_an_entry(as_person, operator, team, other_team, station):
    shared = factories.StationFactory(team=factories.TeamFactory())
    factories.GrantFactory(station=shared, user=operator, role="owner")
    only_charging = factories.StationFactory(team=factories.TeamFactory())
    factories.GrantFactory(station=only_charging, user=operator, role="user")
    as_person(operator).get(STATIONS, {"export": "csv"})
    assert {entry.team for entry in entries()} == {team, shared.team}


def test_somebodys_own_sessions_are_the_affair_of_the_team_of_his_tag(as_person, tag, session):
    """Z12."""
    driver = factories.UserFactory()
    tag.user = driver
    tag.save()
    as_person(driver).get(SESSIONS, {"export": "csv"})
    assert [entry.team for entry in entries()] == [tag.team]


def test_who_looks_at_one_provider_takes_its_data_only(as_person, user_with, other_team, team):
    """V11."""
    person = user_with(Role.VIEWER)
    factories.MembershipFactory(user=person, team=other_team)
    browser = as_person(person)
    browser.post(reverse("portal:group_choose"), {"provider": other_team.pk})
    browser.get(STATIONS, {"export": "csv"})
    assert [entry.team for entry in entries()] == [other_team]


def test_what_support_takes_of_all_teams_is_no_single_teams_affair(as_person, staff, station):
    as_person(staff).get(STATIONS, {"export": "csv"})
    assert [entry.team for entry in entries()] == [None]


def test_files_of_the_back_office_too(as_person, staff, tag):
    form = {"format": "0", "resource": "0", "tagresource_value": "on"}
    answer = as_person(staff).post(reverse("admin:chargers_tag_export"), form)
    assert "attachment" in answer["Content-Disposition"]
    (entry,) = entries()
    assert (entry.object_repr, entry.actor, entry.team) == ("tag.csv", staff, tag.team)


def test_ones_own_data(page, operator, team):
    page.get(reverse("portal:own_data"))
    (entry,) = entries()
    assert (entry.object_repr, entry.object_pk, entry.team) == (str(operator), str(operator.pk), team)
    assert describe_changes(entry) == "File: my-data.json"


def test_a_whole_list_is_said_to_be_whole(page, session):
    page.get(SESSIONS, {"export": "csv"})
    (entry,) = entries()
    assert describe_changes(entry) == "Filter: none (everything that this user can see)"


def test_administrators_read_it_in_their_language_and_find_it(as_person, administrator, operator, page, tag):
    """S44, W18."""
    administrator.language = "de"
    administrator.save()
    page.get(SESSIONS, {"export": "csv", "state": "open", "id_tag": tag.value})
    with translation.override("de"):  # the requests leave theirs behind
        text = as_person(administrator).get(AUDIT, {"action": "download"}).content.decode()
        for words in ("sessions.csv", "Heruntergeladen", "Status: Läuft", operator.email):
            assert words in text, words
        assert tag.value not in text and "Filter: keiner" not in text
        (entry,) = entries()
        table = as_person(administrator).get(AUDIT, {"kind": "charging_sessions.chargingsession"}).context["table"]
        assert [row.record.pk for row in table.page.object_list] == [entry.pk]
        assert not as_person(administrator).get(AUDIT, {"action": "3"}).context["table"].page.object_list
        file = b"".join(as_person(administrator).get(AUDIT, {"export": "csv"})).decode()
        assert "Status: Läuft" in file
