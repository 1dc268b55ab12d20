"""Notifications (W29): each event is recorded once and reaches the users it concerns."""

from datetime import timedelta

import pytest
from asgiref.sync import async_to_sync
from channels.layers import InMemoryChannelLayer, channel_layers
from channels.testing import WebsocketCommunicator
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation

from chargers.grants.services.grants import create_grant, withdraw_grant
from chargers.models import Event
from chargers.stations.services.links import open_link, register_node
from chargers.stations.services.offline import record_offline_stations
from chargers.stations.services.statuses import StatusReport, record_statuses
from cpms.common.messaging.news import person_group
from cpms.portal.frame.live import LiveConsumer
from maintenance.models import Notification
from maintenance.notifications.labels import notification_text
from maintenance.notifications.services.notifications import notify
from maintenance.retention.services import purge_expired_rows
from tests import factories
from tests.cpms.common.test_lists import rows_of

LIST = reverse("portal:notification_list")


def notification_texts(user):
    return [notification_text(row) for row in Notification.objects.visible_to(user).order_by("pk")]


def report(connector, status, at=None, error_code="NoError"):
    at = at or timezone.now()
    fields = {"status": status, "error_code": error_code, "at": at, "received_at": at}
    record_statuses([StatusReport(connector.station_id, connector.number, **fields)])


def go_offline(station, **since):
    station.disconnected_at = station.last_heard_at = timezone.now() - timedelta(**since)
    station.save()
    record_offline_stations()


@pytest.fixture
def fault(connector):
    report(connector, "Faulted", error_code="GroundFailure")
    return connector


@pytest.fixture
def away(station):
    go_offline(station, minutes=16)
    return station


def page_of(user):
    client = Client()
    client.force_login(user)
    return client


def test_fault_alarm_and_offline_are_notified_once(viewer, stranger, station, fault, away):
    factories.report_security_event(station)
    factories.report_security_event(station, "InvalidMessages")
    assert notify() == 3
    assert notify() == 0
    texts = notification_texts(viewer)
    assert f"{station}: Tampering detected at the station" in texts
    assert any(f"{station}: connector 1 is faulted" in text for text in texts)
    assert any(f"{station} is offline since" in text for text in texts)
    assert notification_texts(stranger) == []


def test_a_short_disconnection_is_not_notified(viewer, station):
    go_offline(station, minutes=14)
    assert notify() == 0 and not Event.objects.exists()


def test_a_flapping_connector_is_notified_once_an_hour(viewer, fault):
    notify()
    began_at = Event.objects.get().at.replace(minute=0, second=0, microsecond=0)
    Event.objects.update(at=began_at)
    report(fault, "Available")
    report(fault, "Faulted")
    assert notify() == 0
    assert Event.objects.get().ended_at is None, "it goes on"


def test_old_events_are_not_notified(viewer, connector):
    report(connector, "Faulted", timezone.now() - timedelta(days=2))
    go_offline(connector.station, days=2)
    assert Event.objects.count() == 1 and notify() == 0


def test_granted_access_is_notified_to_its_recipient(viewer, station, other_team, stranger):
    person = factories.UserFactory()
    create_grant(place=station, email=person.email, role="service")
    create_grant(place=station, to_team=other_team.handle, role="owner")
    assert notify() == 2 and notify() == 0
    assert notification_texts(person) == [f"You were granted access to {station} (Service)"]
    assert notification_texts(stranger) == [f"You were granted access to {station} (Owner)"]
    assert notification_texts(viewer) == []


def test_grantees_get_notifications_of_the_station_but_drivers_do_not(station, fault):
    service, driver = factories.UserFactory(), factories.UserFactory()
    create_grant(place=station, email=service.email, role="service")
    create_grant(place=station, email=driver.email, role="user")
    notify()
    assert len(notification_texts(service)) == 2 and len(notification_texts(driver)) == 1


def test_many_at_once_become_one(viewer, team):
    then = timezone.now() - timedelta(minutes=20)
    factories.StationFactory.create_batch(30, team=team, disconnected_at=then, last_heard_at=then)
    assert record_offline_stations() == 30 and record_offline_stations() == 0
    assert notify() == 1
    assert notification_texts(viewer) == ["30 stations are offline"]
    assert notify() == 0


def test_the_number_of_queries_does_not_grow(viewer, team, django_assert_max_num_queries):
    then = timezone.now() - timedelta(minutes=20)
    factories.StationFactory.create_batch(9, team=team, disconnected_at=then, last_heard_at=then)
    with django_assert_max_num_queries(4):
        record_offline_stations()
    with django_assert_max_num_queries(18):
        assert notify() == 9


def test_notifications_of_a_station_vanish_with_the_right_to_see_it(viewer, fault):
    notify()
    viewer.memberships.all().delete()
    assert notification_texts(type(viewer).objects.get(pk=viewer.pk)) == []


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


def test_only_notifications_of_the_chosen_group_are_shown(viewer, fault):
    notify()
    page = page_of(viewer)
    page.post(reverse("portal:group_choose"), {"group": factories.StationGroupFactory(user=viewer).pk})
    assert rows_of(page.get(LIST)) == []


@pytest.mark.parametrize("kind", Notification.Kind.values)
@pytest.mark.parametrize("fields", [{}, {"count": 3}, {"since": "x"}])
def test_each_kind_has_a_text(kind, fields):
    with translation.override("en"):
        assert notification_text(Notification(kind=kind, parameters=fields))


@pytest.mark.django_db(transaction=True)
def test_an_open_page_updates_its_bell(viewer):
    async def exchange():
        socket = WebsocketCommunicator(LiveConsumer.as_asgi(), "/live/")
        socket.scope["user"] = viewer
        await socket.connect()
        await layer.group_send(person_group(viewer.pk), {"type": "notified"})
        received = await socket.receive_json_from()
        await socket.disconnect()
        return received

    layer = InMemoryChannelLayer()
    before = channel_layers.set("default", layer)
    try:
        assert async_to_sync(exchange)() == "notified"
    finally:
        channel_layers.set("default", before)


def test_support_staff_in_a_team_is_told_of_its_stations_too(team, fault):
    support = factories.UserFactory.create(is_staff=True)
    factories.MembershipFactory.create(team=team, user=support, role="admin")
    assert notify() == 1
    [row] = Notification.objects.visible_to(support)
    assert list(Notification.objects.reachable_by(support)) == [row] and row.station == fault.station


# --- events that end --------------------------------------------------------------------------------------------------


def test_the_page_says_that_a_fault_is_over(viewer, fault):
    notify()
    page = page_of(viewer)
    assert "Ended at" not in page.get(LIST).content.decode()
    report(fault, "Available")
    assert "Ended at" in page.get(LIST).content.decode()
    assert notify() == 0, "the end alone is no news"


def test_a_fault_that_ended_before_the_sweep_is_not_notified(viewer, fault):
    report(fault, "Charging")
    assert Event.objects.get().ended_at is not None and notify() == 0


def test_a_fault_that_goes_on_is_one_event(fault):
    report(fault, "Faulted", timezone.now() + timedelta(hours=2), "GroundFailure")
    assert Event.objects.count() == 1


def test_each_connector_has_its_own_faults(station, fault):
    other = factories.ConnectorFactory(station=station, number=2)
    report(other, "Faulted")
    report(fault, "Available")
    assert [event.data["connector"] for event in Event.objects.open()] == [2]


def test_a_station_that_is_back_is_not_offline_any_more(away):
    now = timezone.now()
    assert open_link(station_id=away.pk, node_id=register_node("n").pk, remote_address="::1", at=now)
    assert Event.objects.get().ended_at == now


def test_immediately_withdrawn_access_is_not_notified(station):
    grant = create_grant(place=station, email=factories.UserFactory().email, role="service")
    withdraw_grant(grant=grant)
    assert notify() == 0 and Event.objects.get().ended_at is not None


def test_a_batch_without_faults_asks_nothing_about_events(connector, django_assert_num_queries):
    report(connector, "Charging")
    with django_assert_num_queries(1):
        report(connector, "Finishing")
    with django_assert_num_queries(3):
        report(connector, "Faulted")


def test_many_faults_of_one_batch_are_one_insert(team, django_assert_max_num_queries):
    now, rows = timezone.now(), factories.ConnectorFactory.create_batch(20, station__team=team)
    fields = {"status": "Faulted", "at": now, "received_at": now}
    with django_assert_max_num_queries(4):
        record_statuses([StatusReport(row.station_id, row.number, **fields) for row in rows])
    assert Event.objects.count() == 20


def test_old_events_and_later_their_notifications_are_deleted(fault, viewer):
    notify()
    old = timezone.now() - timedelta(days=91)
    Event.objects.update(at=old)
    purge_expired_rows()
    assert not Event.objects.exists() and notification_texts(viewer) != []
    Notification.objects.update(created_at=old)
    notify()
    assert notification_texts(viewer) == []
