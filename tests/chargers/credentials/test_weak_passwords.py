"""Weak station passwords are marked, and unnamed proxies are shown to platform staff."""

import pytest
from django.urls import reverse
from django.utils import timezone

from chargers.credentials.services import set_password
from maintenance.connections.services import proxies
from maintenance.models import UnnamedProxy
from tests import factories

pytestmark = pytest.mark.django_db


@pytest.fixture
def weak(station):
    set_password(station=station, password="short one")
    return station


def test_a_weak_password_is_marked_on_pages_and_in_the_api(weak, as_person, administrator, api):
    page, client = as_person(administrator), api(administrator)
    factories.StationFactory(team=weak.team, has_weak_password=False, identity="STRONG-1")
    for url in (weak.get_absolute_url(), reverse("chargers:station_list")):
        text = page.get(url).content.decode()
        assert text.count("Weak password") == 1 and "short one" not in text
    filtered = page.get(reverse("chargers:station_list"), {"password": "weak"}).content.decode()
    assert weak.identity in filtered and "STRONG-1" not in filtered
    assert client.get(f"/api/v1/stations/{weak.identity}/").json()["has_weak_password"] is True
    found = client.get("/api/v1/stations/", {"has_weak_password": "true"}).json()["results"]
    assert [row["identity"] for row in found] == [weak.identity]


def test_a_weak_password_needs_the_attention_of_administrators(weak, as_person, administrator, viewer):
    dashboard = reverse("portal:dashboard")
    assert "password=weak" in as_person(administrator).get(dashboard).content.decode()
    assert "password=weak" not in as_person(viewer).get(dashboard).content.decode()


@pytest.mark.parametrize(("password", "is_warned"), [("fifteen-letters", True), ("sixteen--letters", False)])
def test_setting_a_short_password_gives_a_warning(as_person, administrator, station, password, is_warned):
    url = reverse("chargers:station_password", args=[station.pk])
    text = as_person(administrator).post(url, {"password": password}).content.decode()
    assert ("This password is weak" in text) is is_warned


def test_the_form_suggests_a_long_password(as_person, administrator, station):
    form = as_person(administrator).get(reverse("chargers:station_password", args=[station.pk])).context["form"]
    assert 32 <= len(form.initial["password"]) <= 40


@pytest.mark.parametrize("named", [False, True])
def test_a_proxy_that_is_not_named_is_shown_to_platform_staff(
    client, as_person, staff, viewer, station, settings, named
):
    """Behind an unnamed proxy all visitors share one address."""
    proxies._recorded_at.clear()
    settings.TRUSTED_PROXIES = ["127.0.0.1"] if named else []
    client.get(reverse("accounts:login"), headers={"X-Forwarded-For": "192.0.2.9"})
    assert UnnamedProxy.objects.filter(address="127.0.0.1").exists() is not named
    shown = as_person(staff).get(reverse("portal:dashboard")).content.decode()
    assert ("not in TRUSTED_PROXIES" in shown) is not named
    assert "TRUSTED_PROXIES" not in as_person(viewer).get(reverse("portal:dashboard")).content.decode()


def test_unnamed_proxies_are_logged_at_startup(caplog):
    UnnamedProxy.objects.create(address="192.0.2.77")
    proxies.warn_about_unnamed_proxies()
    (record,) = [row for row in caplog.records if "TRUSTED_PROXIES" in row.getMessage()]
    assert record.levelname == "WARNING" and "192.0.2.77" in record.addresses


def test_the_list_of_unnamed_proxies_is_limited(db):
    for n in range(proxies.MAX_STORED + 5):
        proxies.record_unnamed_proxy(f"10.0.0.{n}")
    assert UnnamedProxy.objects.count() == proxies.MAX_STORED
    assert UnnamedProxy.objects.filter(last_at__lte=timezone.now()).exists()
