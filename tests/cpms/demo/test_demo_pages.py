"""29: the demo has data on every page."""

import re
from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import get_resolver, reverse
from django.urls.resolvers import URLPattern
from django.utils import timezone

from accounts.models import User
from chargers.demo.park import DEMO_STATIONS
from chargers.models import ChargingStation
from cpms.common.web.pages import ListPage
from cpms.portal.frame.navigation import NAVIGATION
from maintenance.models import Notification, SecurityEvent
from operations.models import Command
from sessions.models import ChargingSession
from tests import factories
from tests.world import check_rows_now, rolled_back

pytestmark = pytest.mark.django_db
ADMIN, SUPPORT = "admin@nordlys.example", "support@nordlys.example"
STAFF_ONLY = {"chargers:station_pool"}
NOTHING_FOR_A_REASON = {  # page names, each with the reason why its list is empty
    "portal:own": "who is in the team has no access to single places; the driver's page has a test of its own",
}
OTHERS = ("accounts:teammates", "accounts:api_tokens", "team:programs", "portal:imprint", "portal:search")


def names(patterns=None, space=""):
    """Return the route names of list pages without arguments."""
    for one in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(one, URLPattern):
            view = getattr(one.callback, "view_class", None)
            if one.name and isinstance(view, type) and issubclass(view, ListPage) and not one.pattern.converters:
                yield f"{space}{one.name}"
        else:
            yield from names(one.url_patterns, f"{one.namespace}:" if one.namespace else space)


@pytest.fixture(scope="module")
def loaded(django_db_setup, django_db_blocker):
    """The demo with its simulated stations connected."""
    with django_db_blocker.unblock(), rolled_back():
        call_command("load_demo", "--even-in-production", verbosity=0)
        simulated = [one.identity for one in DEMO_STATIONS if one.is_simulated]
        node = factories.GatewayNodeFactory.create(alive_at=timezone.now() + timedelta(hours=1))
        ChargingStation.objects.filter(identity__in=simulated).update(node=node, disconnected_at=None)
        check_rows_now()
        yield


@pytest.fixture
def demo(loaded, db):
    def client_of(email):
        client = Client()
        client.force_login(User.objects.get(email=email))
        return client

    return client_of


@pytest.mark.parametrize("email", [ADMIN, SUPPORT])
def test_every_list_of_the_demo_has_rows(demo, email):
    client, empty, seen = demo(email), [], 0
    for name in sorted(set(names()) - set(NOTHING_FOR_A_REASON)):
        if name in STAFF_ONLY and email != SUPPORT:
            continue
        response = client.get(reverse(name))
        assert response.status_code == 200, name
        seen += 1
        if not response.context["page"].object_list:
            empty.append(name)
    assert empty == []
    assert seen >= 17


@pytest.mark.parametrize("email", [ADMIN, SUPPORT])
def test_no_page_of_the_menu_says_that_there_is_nothing(demo, email):
    client, empty = demo(email), []
    pages = {entry.name for section in NAVIGATION for entry in section.entries} | set(OTHERS)
    for name in sorted(pages - set(NOTHING_FOR_A_REASON)):
        response = client.get(reverse(name), {"q": "hafen"} if name == "portal:search" else {}, follow=True)
        assert response.status_code == 200, name
        page = response.content.decode()
        if re.search(r'<div[^>]*class="blank', page) or "has not entered an imprint" in page:
            empty.append(name)
    assert empty == []


def test_who_was_given_access_sees_it(demo):
    for email, role in (("service@ladewerk.example", "Service"), ("owner@hafen.example", "Owner")):
        client = demo(email)
        assert client.get(reverse("chargers:station_list")).context["page"].object_list
        assert client.get(reverse("access:grant_list")).context["page"].object_list
        assert role.encode() in client.get(reverse("access:grant_list")).content


def test_the_demo_has_flagged_sessions(demo):
    client = demo(ADMIN)

    def text(name, **query):
        return client.get(reverse(name), query).content.decode()

    assert "karla.weiss@nordlys.example" in text("accounts:teammates")  # an open invitation
    assert "Managing director: Mia Holm" in text("portal:imprint") and "Privacy" in text("portal:imprint")
    assert "RATHAUS-01" in text("maintenance:refusal_list")  # a near miss
    assert "219" not in text("maintenance:refusal_list")  # unknown clients are shown to support staff only
    assert "219" in demo(SUPPORT).get(reverse("maintenance:refusal_list")).content.decode()
    assert "Amtron Twincharge" in text("maintenance:deviation_models")
    states = set(Command.objects.values_list("state", flat=True))
    assert states >= {"confirmed", "accepted", "refused", "failed", "timed_out", "unknown", "expired"}
    events = SecurityEvent.objects.filter(is_critical=True)
    assert {event.acknowledged_at is None for event in events} == {True, False}
    mine = Notification.objects.filter(user__email=ADMIN)
    assert mine.unread().count() == 2 and mine.exclude(read_at=None).count() == 4
    driver = User.objects.get(email="driver@nordlys.example")
    assert ChargingSession.objects.visible_to(driver).exists()


def test_the_driver_has_sessions_places_and_a_tag(demo):
    response = demo("driver@nordlys.example").get("/")
    assert response.context["sessions"] and response.context["stations"] and response.context["tags"]
