"""What people are told when a value is out of range: a sentence, never the name of a constraint."""

from decimal import Decimal

import pytest
from django.apps import apps
from django.db.models import CheckConstraint
from django.test import Client
from django.urls import reverse

from accounts.access.rights import Role
from accounts.models import User
from chargers.installations.services.circuits import save_circuit
from chargers.models import Circuit, Installation
from cpms.common.errors import DomainError
from cpms.common.web.formatting import amperes
from tests import factories

OURS = {"accounts", "chargers", "charging_sessions", "operations", "maintenance", "ocpp_gateway", "portal"}
# No form of a person's writes these columns.
WRITTEN_BY_STATIONS = {
    "membership_role_known", "program_way_known", "station_password_in_one_form", "station_next_password_in_one_form",
    "station_handed_over_never_returns", "session_start_once", "session_one_open_per_connector",
    "session_foreign_stop_once", "session_energy_not_negative", "reading_once_per_session",
    "reading_once_per_connector", "command_one_open_per_station", "refusal_counted_in_one_row",
    "factor_code_open_once_per_person",
}  # fmt: skip
SUPPLY = {"grid_type": "TN", "phases": "3", "voltage_v": "230"}


@pytest.fixture
def place(db):
    return factories.InstallationFactory(name="Harbour")


@pytest.fixture
def browser(place):
    client = Client()
    client.force_login(factories.MembershipFactory(team=place.team, role=Role.ADMIN).user)
    return client


def test_every_constraint_that_a_form_can_hit_has_a_sentence():
    unnamed = {
        constraint.name
        for model in apps.get_models()
        if model._meta.app_label in OURS
        for constraint in model._meta.constraints
        if isinstance(constraint, CheckConstraint) or constraint.expressions or constraint.condition
        if constraint.violation_error_message == constraint.default_violation_error_message
    }
    assert unnamed == WRITTEN_BY_STATIONS


@pytest.mark.parametrize("fuse", ["0", "0.9", "6000.1", "-5", "63.25", "99999999", "many", ""])
def test_a_fuse_out_of_range_is_refused_beside_its_field(browser, place, fuse):
    url = reverse("places:circuit_add", args=[place.pk])
    answer = browser.post(url, {"name": "Grid", "max_current_a": fuse, "phases": 3})
    assert answer.status_code == 422
    assert answer.context["form"].errors["max_current_a"]
    text = answer.content.decode()
    assert "circuit_fuse" not in text and "Constraint" not in text
    assert not Circuit.objects.exists()


@pytest.mark.parametrize(("fuse", "shown"), [("1", "1"), ("62.5", "62.5"), ("6000", "6,000")])
def test_a_fuse_may_have_a_decimal(browser, place, fuse, shown):
    url = reverse("places:circuit_add", args=[place.pk])
    assert browser.post(url, {"name": "Grid", "max_current_a": fuse, "phases": 3}).status_code == 302
    circuit = Circuit.objects.get()
    assert circuit.max_current_a == Decimal(fuse)
    assert amperes(circuit.max_current_a) == shown
    assert shown in browser.get(place.get_absolute_url()).content.decode()


@pytest.mark.parametrize("fuse", [Decimal("0.9"), Decimal("6000.1"), Decimal("1.25")])
def test_the_service_says_the_limits_of_a_fuse(place, fuse):
    with pytest.raises(DomainError, match="fuse"):
        save_circuit(installation=place, circuit=None, name="Grid", max_current_a=fuse, phases=3, parent=None)


@pytest.mark.parametrize("code", ["ZZ", "XX", "D", "12", "DEU"])
def test_a_country_that_does_not_exist_is_refused(browser, place, code):
    url = reverse("places:installation_edit", args=[place.pk])
    answer = browser.post(url, {"name": "Harbour", "country": code, **SUPPLY})
    assert answer.status_code == 422 and set(answer.context["form"].errors) == {"country"}


def test_countries_are_chosen_by_name_in_the_readers_language(browser, place):
    url = reverse("places:installation_edit", args=[place.pk])
    assert "Germany" in browser.get(url).content.decode()
    User.objects.update(language="de")
    assert "Deutschland" in browser.get(url).content.decode()
    assert browser.post(url, {"name": "Harbour", "country": "DE", **SUPPLY}).status_code == 302
    assert Installation.objects.get().country == "DE"
    assert "Deutschland" in browser.get(place.get_absolute_url()).content.decode()
