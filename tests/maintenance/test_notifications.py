"""The bell (W29): who is told what, once, and of many things at once."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, channel_layers
from channels.testing import WebsocketCommunicator
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from chargers.models import Connector
from cpms.common.news import person_group
from cpms.portal.live import LiveConsumer
from maintenance.models import Notification
from maintenance.services import notify
from maintenance.words import notification_words
from tests import factories
from tests.portal.test_lists import rows_of

LIST = reverse("portal:notification_list")


def told(user):
    return [notification_words(row) for row in Notification.objects.visible_to(user).order_by("pk")]


@pytest.fixture
def fault(connector):
    now = timezone.now()
    facts = {"status": "Faulted", "error_code": "GroundFailure", "reported_at": now, "status_changed_at": now}
    Connector.objects.filter(pk=connector.pk).update(**facts)
    return connector


@pytest.fixture
def away(station):
    station.disconnected_at = station.last_heard_at = timezone.now() - timedelta(minutes=16)
    station.save()
    return station


def page_of(user):
    client = Client()
    client.force_login(user)
    return client


def test_a_fault_an_alarm_and_an_absence_are_told_once(viewer, stranger, station, fault, away):
    factories.SecurityEventFactory(station=station, is_critical=True)
    factories.SecurityEventFactory(station=station, type="InvalidMessages")
    assert notify() == 3
    assert notify() == 0
    said = told(viewer)
    assert f"{station}: Somebody tampered with the station" in said
    assert any(f"{station}: connector 1 is faulted" in text for text in said)
    assert any(f"{station} is offline since" in text for text in said)
    assert told(stranger) == []


def test_a_short_absence_is_no_news(viewer, station):
    station.disconnected_at = timezone.now() - timedelta(minutes=14)
    station.save()
    assert notify() == 0


def test_a_connector_that_flaps_is_told_once_an_hour(viewer, fault):
    notify()
    Connector.objects.update(status="Available")
    Connector.objects.update(status="Faulted")
    assert notify() == 0


def test_what_is_old_is_no_news(viewer, fault, away):
    then = timezone.now() - timedelta(days=2)
    Connector.objects.update(reported_at=then)
    away.disconnected_at = away.last_heard_at = then
    away.save()
    assert notify() == 0


def test_access_that_was_given_is_told_whom_it_was_given_to(viewer, station, other_team, stranger):
    person = factories.GrantFactory(station=station, user=factories.UserFactory(), role="service").user
    factories.GrantFactory(station=station, user=None, to_team=other_team, role="owner")
    assert notify() == 2
    assert told(person) == [f"You were given access to {station} (Service)"]
    assert told(stranger) == [f"You were given access to {station} (Owner)"]
    assert told(viewer) == []


def test_who_was_granted_a_station_is_told_of_it_but_a_driver_is_not(station, fault):
    service = factories.GrantFactory(station=station, user=factories.UserFactory(), role="service").user
    driver = factories.GrantFactory(station=station, user=factories.UserFactory(), role="user").user
    notify()
    assert len(told(service)) == 2 and len(told(driver)) == 1


def test_many_at_once_become_one(viewer, team):
    then = timezone.now() - timedelta(minutes=20)
    factories.StationFactory.create_batch(30, team=team, disconnected_at=then, last_heard_at=then)
    assert notify() == 1
    assert told(viewer) == ["30 stations are offline"]
    assert notify() == 0


def test_the_number_of_queries_does_not_grow(viewer, team, django_assert_max_num_queries):
    then = timezone.now() - timedelta(minutes=20)
    factories.StationFactory.create_batch(9, team=team, disconnected_at=then, last_heard_at=then)
    with django_assert_max_num_queries(18):
        assert notify() == 9


def test_whoever_may_not_see_the_station_any_more_sees_no_news_of_it(viewer, fault):
    notify()
    viewer.memberships.all().delete()
    assert told(type(viewer).objects.get(pk=viewer.pk)) == []


def test_the_bell_counts_and_the_page_marks_as_read(viewer, operator, fault, away):
    notify()
    page = page_of(viewer)
    assert 'class="count" aria-hidden="true">2</span>' in page.get("/").content.decode()
    newest, oldest = rows_of(page.get(LIST))
    page.post(reverse("portal:notification_read", args=[oldest.pk]))
    assert rows_of(page.get(LIST, {"state": "unread"})) == [newest]
    assert rows_of(page.get(LIST, {"kind": oldest.kind})) == [oldest]
    later = factories.NotificationFactory(user=viewer)
    page.post(reverse("portal:notification_read_all"), {"until": newest.pk})
    assert rows_of(page.get(LIST, {"state": "unread"})) == [later]
    assert Notification.objects.filter(user=operator).unread().count() == 2
    page.post(reverse("portal:notification_read_all"), {"until": "x"})


def test_only_the_chosen_group_is_told_of(viewer, fault):
    notify()
    page = page_of(viewer)
    page.post(reverse("portal:group_choose"), {"group": factories.StationGroupFactory(user=viewer).pk})
    assert rows_of(page.get(LIST)) == []


@pytest.mark.parametrize("kind", Notification.Kind.values)
@pytest.mark.parametrize("facts", [{}, {"count": 3}, {"since": "x"}])
def test_each_has_words(kind, facts):
    with translation.override("en"):
        assert notification_words(Notification(kind=kind, parameters=facts))


@pytest.mark.django_db(transaction=True)
def test_an_open_page_learns_of_it(viewer):
    async def there_and_back():
        socket = WebsocketCommunicator(LiveConsumer.as_asgi(), "/live/")
        socket.scope["user"] = viewer
        await socket.connect()
        await layer.group_send(person_group(viewer.pk), {"type": "notified"})
        heard = await socket.receive_json_from()
        await socket.disconnect()
        return heard

    layer = InMemoryChannelLayer()
    before = channel_layers.set("default", layer)
    try:
        assert async_to_sync(there_and_back)() == "notified"
    finally:
        channel_layers.set("default", before)


def test_support_staff_in_a_team_is_told_of_its_stations_too(team, fault):
    support = factories.UserFactory.create(is_staff=True)
    factories.MembershipFactory.create(team=team, user=support, role="admin")
    assert notify() == 1
    [row] = Notification.objects.visible_to(support)
    assert list(Notification.objects.reachable_by(support)) == [row] and row.station == fault.station
