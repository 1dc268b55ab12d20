"""Counting unknown cards, and the alert when card numbers are tried."""

from datetime import timedelta

import pytest
from django.utils import timezone

from chargers.tags.services.card_search import is_card_search, record_unknown_card
from maintenance.models import SecurityEvent
from maintenance.notifications.labels import notification_text
from maintenance.notifications.services.notifications import notify
from maintenance.security_events.labels import event_label
from maintenance.security_events.services import record_card_search
from tests import factories

pytestmark = pytest.mark.django_db


def test_a_known_card_costs_no_query_for_the_counter(station, django_assert_num_queries):
    with django_assert_num_queries(0):
        assert not is_card_search(station=station, at=timezone.now())


def test_the_minute_starts_with_the_first_unknown_card(station):
    start = timezone.now()
    for n in range(11):
        is_too_many = record_unknown_card(station=station, at=start + timedelta(seconds=n))
        assert is_too_many is (n == 10)
    station.refresh_from_db()
    assert is_card_search(station=station, at=start + timedelta(seconds=59))
    assert not is_card_search(station=station, at=start + timedelta(seconds=60))
    record_unknown_card(station=station, at=start + timedelta(seconds=61))
    assert station.unknown_cards == 1


def test_the_team_is_alerted_once_an_hour(station, viewer):
    now = timezone.now()
    for minutes in (0, 1, 59):
        record_card_search(station=station, at=now - timedelta(minutes=59 - minutes))
    assert SecurityEvent.objects.count() == 1
    notify()
    (notification,) = viewer.notifications.all()
    assert event_label("UnknownCardsTried") in notification_text(notification)
    record_card_search(station=factories.StationFactory(team=station.team), at=now)
    assert SecurityEvent.objects.count() == 2
