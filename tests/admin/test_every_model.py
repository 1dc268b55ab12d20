"""Every model has its admin; every page of it opens by itself, quickly, and for support staff only."""

import time

import pytest
from django.apps import apps
from django.contrib import admin
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.sign_in import fresh_proof

pytestmark = pytest.mark.walk
OURS = ["accounts", "chargers", "charging_sessions", "operations", "maintenance", "portal"]
MODELS = [model for app in OURS for model in apps.get_app_config(app).get_models()]
BY_HAND = {  # everything else is read only
    "User", "Team", "Membership", "Grant", "Installation", "Circuit", "ChargingStation", "Connector", "Tag",
    "Evse", "HardwareModel", "HardwareConnector", "StationGroup", "BillingDetails", "SiteText", "SiteHook", "Brand",
}  # fmt: skip
TAKEN_DOWN = {"BrandPicture", "StationPicture"}  # made by others, but what must not be shown is deleted
PAGES = pytest.mark.parametrize("model", MODELS, ids=lambda model: model._meta.label)


def address(model, page, *args):
    return reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_{page}", args=args)


@pytest.fixture
def one_of_each(world):
    return world.rows


@pytest.fixture
def office(world):
    """A browser of our support staff, who has just shown who it is."""
    client = world.browser_of("staff")
    session = client.session
    session[fresh_proof.SESSION_KEY] = time.time()
    session.save()
    return client


@PAGES
def test_every_model_is_there(model):
    assert model in admin.site._registry


@PAGES
def test_its_list_opens_and_shows_the_row(office, one_of_each, model):
    answer = office.get(address(model, "changelist"))
    assert answer.status_code == 200
    assert answer.context["cl"].result_count >= 1


@PAGES
def test_its_row_opens(office, one_of_each, model):
    answer = office.get(address(model, "change", one_of_each[model._meta.label].pk))
    assert answer.status_code == 200


@PAGES
def test_a_row_is_added_changed_or_deleted_only_where_people_make_it(office, one_of_each, model):
    is_ours = model.__name__ in BY_HAND
    row = one_of_each[model._meta.label]
    assert office.get(address(model, "add")).status_code == (200 if is_ours else 403)
    assert office.get(address(model, "history", row.pk)).status_code == 200
    if not is_ours:
        if model.__name__ != "Program":  # whose rate alone is changed
            assert office.post(address(model, "change", row.pk), {}).status_code == 403
        may_delete = model.__name__ in TAKEN_DOWN
        assert office.post(address(model, "delete", row.pk), {"post": "yes"}).status_code == (
            302 if may_delete else 403
        )
        assert model.objects.filter(pk=row.pk).exists() is not may_delete


@PAGES
def test_it_can_be_searched_and_every_filter_opens(office, one_of_each, model):
    model_admin = admin.site._registry[model]
    assert model_admin.search_fields
    for term in ("CP", "1", "99999999999999999999999", "a\0b", "%", "nordlys@x"):
        assert office.get(address(model, "changelist"), {"q": term}).status_code == 200
    shown = office.get(address(model, "changelist")).context["cl"]
    for spec in shown.filter_specs:
        for choice in spec.choices(shown):
            if "query_string" in choice:
                assert office.get(address(model, "changelist") + choice["query_string"]).status_code == 200


@PAGES
def test_its_list_asks_the_database_a_fixed_number_of_times(office, model):
    office.get(reverse("admin:index"))  # what a process remembers is then remembered
    with CaptureQueriesContext(connection) as asked:
        office.get(address(model, "changelist"))
    assert len(asked) <= 9


@PAGES
def test_it_is_closed_for_everybody_else(world, model):
    paths = [address(model, "changelist"), address(model, "change", world.rows[model._meta.label].pk)]
    for who in ("nobody", "administrator"):
        for path in paths:
            assert world.browser_of(who).get(path).status_code == 302


def test_a_password_is_changed_on_the_page_that_asks_for_a_second_factor(office):
    assert office.get(reverse("admin:password_change")).headers["Location"] == reverse("accounts:password_change")


@pytest.mark.parametrize("name", ["index", "search"])
def test_its_other_pages_open(office, name):
    assert office.get(reverse(f"admin:{name}"), {"s": "station"}).status_code == 200


def test_the_menu_has_every_model(office):
    groups = office.get(reverse("admin:index")).context["sidebar_navigation"]
    assert sum(len(group["items"]) for group in groups) == len(MODELS)


def test_scripts_are_let_loose_nowhere(office):
    for path in (reverse("admin:index"), reverse("admin:chargers_tag_changelist"), "/api/v1/docs/"):
        policy = dict(part.split(None, 1) for part in office.get(path).headers["Content-Security-Policy"].split("; "))
        assert policy["script-src"] == "'self'"


@pytest.mark.parametrize("model", ["accounts.Team", "accounts.User", "chargers.ChargingStation", "chargers.Tag"])
def test_what_is_chosen_by_typing_is_found(office, one_of_each, model):
    sources = {
        "accounts.Team": ("chargers", "tag", "team"),
        "accounts.User": ("chargers", "tag", "user"),
        "chargers.ChargingStation": ("chargers", "tag", "stations"),
        "chargers.Tag": ("charging_sessions", "chargingsession", "tag"),
    }
    app, name, field = sources[model]
    answer = office.get(
        reverse("admin:autocomplete"), {"app_label": app, "model_name": name, "field_name": field, "term": ""}
    )
    assert answer.status_code == 200
    assert answer.json()["results"]
