"""Columns and views of lists that users save: privately, or for a team by its administrators (W48, W51)."""

import csv
import io

import pytest
from django.urls import reverse
from django.utils import timezone

from accounts.lists.services import delete_view, save_view, set_columns
from accounts.models import SavedView
from cpms.common.errors import DomainError, NotAllowed
from tests import factories
from tests.cpms.common.test_lists import rows_of, sheet

STATIONS, CONNECTORS = reverse("chargers:station_list"), reverse("chargers:connector_list")
COLUMNS, SAVE = reverse("accounts:list_columns", args=["stations"]), reverse("accounts:view_save", args=["stations"])


def names(response) -> list[str]:
    return [column.name for column in response.context["table"].columns]


def heads(response) -> list[str]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return next(csv.reader(io.StringIO(text)))


def test_the_columns_a_user_chose_are_shown_to_them_alone(page, as_person, viewer, station):
    assert "serial_number" not in names(page.get(STATIONS)) and "model" in names(page.get(STATIONS))
    response = page.post(COLUMNS, {"column": ["serial_number", "status"], "next": f"{STATIONS}?q=x"})
    assert response["Location"] == f"{STATIONS}?q=x"
    assert names(page.get(STATIONS)) == ["tick", "identity", "status", "serial_number"]
    assert "model" in names(as_person(viewer).get(STATIONS))
    assert "status_changed_at" in names(page.get(CONNECTORS))
    page.post(COLUMNS, {"reset": "yes", "column": ["status"]})
    assert "model" in names(page.get(STATIONS))


def test_the_export_has_the_visible_columns_in_their_order_or_all(page, station):
    """W51."""
    page.post(COLUMNS, {"column": ["last_heard_at", "status"]})
    expected = ["Identity", "Name", "Weak password", "Connection", "Status", "Detail", "Connectors", "Last seen"]
    assert heads(page.get(STATIONS, {"export": "csv"})) == expected
    everything = heads(page.get(STATIONS, {"export": "csv", "columns": "all"}))
    assert len(everything) > 15 and {"ICCID", "Installation", "Protocol"} <= set(everything)


def test_columns_of_other_apps_are_in_the_export(page, team, online, django_assert_max_num_queries):
    station = online(team, status="Charging")
    factories.SessionFactory(station=station, power_w=7400, energy_wh=1500, last_sample_at=timezone.now())
    for _n in range(12):
        online(team)
    with django_assert_max_num_queries(16):
        rows = sheet(page.get(f"{CONNECTORS}?export=csv"))
    assert rows[0][-2:] == ["Power (kW)", "Energy (kWh)"] and ["7.4", "1.5"] in [row[-2:] for row in rows]
    page.post(COLUMNS, {"column": ["power"]})
    rows = sheet(page.get(f"{STATIONS}?export=csv"))
    assert rows[0] == ["Identity", "Name", "Weak password", "Power (kW)"]
    assert [row[-1] for row in rows if row[0] == station.identity] == ["7.4"]


def test_a_view_keeps_filters_order_and_columns_and_opens_by_link(page, team, online, offline):
    here = online(team)
    offline(team)
    saved = page.post(
        SAVE,
        {"name": "Here", "column": ["status"], "next": f"{STATIONS}?presence=online&sort=-identity&page=3"},
    )
    view = SavedView.objects.get()
    assert view.query == "presence=online&sort=-identity"
    assert saved["Location"] == f"{STATIONS}?presence=online&sort=-identity&view={view.pk}"
    response = page.get(saved["Location"])
    assert rows_of(response) == [here] and names(response) == ["tick", "identity", "status"]
    assert "model" in names(page.get(STATIONS))
    assert (
        f'href="{STATIONS}?presence=online&amp;sort=-identity&amp;view={view.pk}"'
        in page.get(STATIONS).content.decode()
    )
    page.post(reverse("accounts:view_delete", args=[view.pk]), {"next": saved["Location"]})
    assert not SavedView.objects.exists()
    assert page.get(saved["Location"]).status_code == 200  # the link still filters


def test_a_private_view_is_nobody_elses(page, as_person, operator, viewer, station):
    view = factories.SavedViewFactory(user=operator, name="Mine", columns=["status"])
    other = as_person(viewer)
    response = other.get(STATIONS, {"view": view.pk})
    assert "Mine" not in response.content.decode() and "model" in names(response)
    assert other.post(reverse("accounts:view_delete", args=[view.pk])).status_code == 404


def test_administrators_share_views_with_their_team(as_person, administrator, viewer, stranger, team, station):
    assert as_person(administrator).post(SAVE, {"name": "Ours", "team": team.pk}).status_code == 302
    view = SavedView.objects.get(team=team)
    assert "Ours" in as_person(viewer).get(STATIONS).content.decode()
    assert "Ours" not in as_person(stranger).get(STATIONS).content.decode()
    delete = reverse("accounts:view_delete", args=[view.pk])
    assert as_person(viewer).post(delete).status_code == 403
    assert as_person(stranger).post(delete).status_code == 404
    assert as_person(administrator).post(delete).status_code == 302 and not SavedView.objects.exists()


@pytest.mark.parametrize("who", ["viewer", "operator", "stranger"])
def test_others_cannot_share(request, as_person, team, who):
    client = as_person(request.getfixturevalue(who))
    assert client.post(SAVE, {"name": "Ours", "team": team.pk}).status_code == 403
    assert "Visible to" not in client.get(STATIONS).content.decode() or who == "stranger"
    assert not SavedView.objects.exists()


def test_somebody_elses_own_columns_cannot_be_deleted_or_opened(page, viewer, operator):
    set_columns(user=operator, list_name="stations", columns=["status"])
    row = SavedView.objects.get()
    assert page.post(reverse("accounts:view_delete", args=[row.pk])).status_code == 404
    with pytest.raises(NotAllowed):
        delete_view(view=row, actor=viewer)


@pytest.mark.parametrize("name", ["", "  ", "x" * 81, "a\nb"])
def test_a_name_that_cannot_be_used_is_refused(operator, name):
    with pytest.raises(DomainError):
        save_view(user=operator, list_name="stations", name=name, query="", columns=[])


def test_a_name_is_used_once_and_the_number_of_views_is_limited(page, operator, monkeypatch):
    save_view(user=operator, list_name="stations", name="One", query="", columns=[])
    page.post(SAVE, {"name": "ONE", "next": STATIONS})
    assert "already have a view with this name" in page.get(STATIONS).content.decode()
    save_view(user=operator, list_name="connectors", name="One", query="", columns=[])
    monkeypatch.setattr("accounts.lists.services.MAX_VIEWS", 1)
    with pytest.raises(DomainError):
        save_view(user=operator, list_name="stations", name="Two", query="", columns=[])


@pytest.mark.parametrize("address", ["https://evil.example/x", "//evil.example/x", "javascript:alert(1)"])
def test_it_leads_back_to_this_site_only(page, address):
    assert page.post(COLUMNS, {"column": ["status"], "next": address})["Location"] == "/"


def test_unknown_columns_and_views_in_the_address_are_no_error(page, station):
    page.post(COLUMNS, {"column": ["nonsense", "status"]})
    assert names(page.get(STATIONS, {"view": "x"})) == ["tick", "identity", "status"]
    assert page.get(STATIONS, {"view": "999999"}).status_code == 200
