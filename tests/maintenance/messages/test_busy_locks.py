"""A start with a tag that is used at another station does not wait for that station (trust rule 2)."""

import threading
from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from chargers.models import ChargingStation, Connector
from sessions.ledger.services.closing import close_stale_sessions
from sessions.ledger.services.starts import start_session
from tests import factories

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(connection.vendor != "postgresql", reason="SQLite has one writer at a time"),
]


def test_a_start_does_not_wait_for_the_station_where_its_tag_was():
    """Otherwise two stations that check each other's sessions would deadlock."""
    team, now = factories.TeamFactory(), timezone.now()
    tag = factories.TagFactory(team=team, value="CARD")
    there, here = (factories.StationFactory(team=team) for _ in range(2))
    began = now - timedelta(hours=1)
    session = factories.SessionFactory(station=there, tag=tag, id_tag="CARD", started_at=began)
    factories.ConnectorFactory(
        station=there, number=1, status=Connector.Status.AVAILABLE, status_changed_at=now - timedelta(minutes=9)
    )
    held, done = threading.Event(), threading.Event()

    def hold():
        try:
            with transaction.atomic():
                ChargingStation.objects.select_for_update(no_key=True).get(pk=there.pk)
                held.set()
                done.wait(15)
        finally:
            connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET LOCAL lock_timeout = '2s'")
        station = ChargingStation.objects.select_for_update(no_key=True).get(pk=here.pk)
        result = start_session(
            station=station, connector=1, id_tag="CARD", meter_start_wh=0, started_at=now, received_at=now
        )
    done.set()
    thread.join(15)
    assert result.verdict.is_accepted
    session.refresh_from_db()
    assert session.is_open
    assert close_stale_sessions() == 1
